"""Building artifacts from one shared queue: all workers take what is ready, and none waits while something is."""

import errno
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from itl_bench.errors import ItlError
from itl_bench.store.artifact import Artifact
from itl_bench.store.keys import Task
from itl_bench.store.locks import LEASE_SECONDS, try_lock
from itl_bench.store.queue import Failure, Progress, Queue
from itl_bench.store.store import DamagedArtifactError, Store

POLL_SECONDS = 0.2
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # what stops every task alike


class Builder(Protocol):
    """Builds one kind of artifact: reads its parents, writes files into a folder, shares nothing else."""

    def __call__(self, task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        """Write the artifact's files into `folder`."""


@dataclass
class BuildReport:
    """What one worker did, and what failed anywhere in this run."""

    built: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # messages: what was found damaged, set aside and built again
    failed: dict[str, Failure] = field(default_factory=dict)  # by key
    blocked: list[str] = field(default_factory=list)  # keys that wait for a failed one


class Executor(Protocol):
    """Where tasks are built: in this process, or on other machines over a store that all of them see."""

    def build(self, tasks: Sequence[Task], run_id: str, targets: Collection[str] | None = None) -> BuildReport:
        """Build what is missing; return when everything is there, has failed, or waits for what has failed."""


@dataclass(frozen=True)
class LocalExecutor:
    """Builds in this process, together with whoever else works on the same store."""

    store: Store
    builders: Mapping[str, Builder]
    provenance: Mapping[str, object] = field(default_factory=dict)
    on_progress: Callable[[Progress], None] = lambda progress: None
    lease: float = LEASE_SECONDS

    def build(self, tasks: Sequence[Task], run_id: str, targets: Collection[str] | None = None) -> BuildReport:
        """Work until nothing is left to do.

        Args:
            tasks: The whole selection, with every parent in it or in the store.
            run_id: The same for all workers of a run: a task that failed is tried again by the next run only.
            targets: Keys that are wanted, by default all.

        Raises:
            ItlError: A needed parent is neither in the tasks nor in the store, or no builder is known for a kind.
            OSError: The store's disk is full or cannot be written.
        """
        queue = Queue(self.store, tasks, run_id, targets)
        _check_kinds(queue.tasks.values(), self.builders)
        report = BuildReport()
        while True:
            queue.refresh_sometimes()
            missing = queue.missing()
            self.on_progress(queue.progress(missing))
            ready = queue.ready(missing)
            if not ready:
                report.failed = queue.failures()
                report.blocked = [task.key for task in missing if task.key not in report.failed]
                return report
            if not self._build_first(ready, queue, report, run_id):
                time.sleep(POLL_SECONDS)  # everything that is ready is being built by others
                queue.refresh()

    def _build_first(self, ready: Sequence[Task], queue: Queue, report: BuildReport, run_id: str) -> bool:
        """Build the first task that nobody else is building or has built; whether there was one."""
        for task in ready:
            lock = try_lock(self.store.root, task.key, self.lease, run_id)
            if lock is None:
                continue
            try:
                if queue.has(task.key) or queue.has_failed(task):
                    continue
                if lock.orphan_of == run_id and queue.died(task):
                    continue
                self._build(task, queue, report)
            finally:
                lock.release()
            return True
        return any(queue.has(task.key) or queue.has_failed(task) for task in ready)

    def _build(self, task: Task, queue: Queue, report: BuildReport) -> None:
        parents = self._parents(task, queue, report)
        if parents is None:
            return
        try:
            with self.store.writing(task, self.provenance) as folder:
                self.builders[task.kind](task, parents, folder)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            queue.fail(task, error)
        else:
            report.built.append(task.key)
            queue.has(task.key)

    def _parents(self, task: Task, queue: Queue, report: BuildReport) -> list[Artifact] | None:
        """The task's parents, or None where one is lost: then it comes first, if it can be built at all."""
        parents = []
        for key in task.parents:
            try:
                parents.append(self.store.open(key))
            except (DamagedArtifactError, KeyError) as error:
                queue.forget(key)
                if isinstance(error, DamagedArtifactError):
                    report.damaged.append(str(error))
                if key not in queue.tasks and not self.store.has(key):
                    queue.fail(task, f"its parent {key} is lost, and is not among the tasks of this run")
                return None
        return parents


def _check_kinds(tasks: Iterable[Task], builders: Mapping[str, Builder]) -> None:
    unknown = sorted({task.kind for task in tasks} - set(builders))
    if unknown:
        raise ItlError(f"no builder for {', '.join(unknown)}; there are builders for {', '.join(sorted(builders))}")
