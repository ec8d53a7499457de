"""Building artifacts from one shared queue: all workers take what is ready, and none waits while something is."""

import errno
import math
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from itl_bench.errors import ItlError
from itl_bench.store.artifact import Artifact
from itl_bench.store.keys import Task
from itl_bench.store.locks import LEASE_SECONDS, Lock, try_lock
from itl_bench.store.queue import Failure, Progress, Queue
from itl_bench.store.store import DamagedArtifactError, Store

POLL_SECONDS = 0.2
LEAST_TOGETHER = 8  # tasks of a group that a worker takes, as far as there are: loading a model costs more
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # what stops every task alike


class Builder(Protocol):
    """Builds one kind of artifact: reads its parents, writes files into a folder, shares nothing else."""

    def __call__(self, task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        """Write the artifact's files into `folder`."""


class Given(NamedTuple):
    """A task, with what it is built from."""

    task: Task
    parents: Sequence[Artifact]


class Made(NamedTuple):
    """A task of a group that can be written now.

    Attributes:
        task: One of the group.
        write: Writes the artifact's files into a folder; raises where it cannot be built.
        seconds: Its share of what was spent on the group, writing not counted.
    """

    task: Task
    write: Callable[[Path], None]
    seconds: float = 0.0


class GroupBuilder(Protocol):
    """Builds artifacts of one kind that share a loaded model: reads their parents, and shares nothing else."""

    def __call__(self, group: Sequence[Given]) -> Generator[Made]:
        """Every task once, in any order, each as soon as it can be written; closed, it gives back what it loaded."""


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
    """Builds in this process, together with whoever else works on the same store.

    Attributes:
        store: Where artifacts are.
        builders: By kind of artifact.
        provenance: With what they build.
        on_progress: Is told how far the build is.
        lease: Seconds without a heartbeat after which a lock belongs to nobody.
        groups: By kind of artifact, what builds those of one group together.
        workers: That share the run: each takes its part of a group.
    """

    store: Store
    builders: Mapping[str, Builder]
    provenance: Mapping[str, object] = field(default_factory=dict)
    on_progress: Callable[[Progress], None] = lambda progress: None
    lease: float = LEASE_SECONDS
    groups: Mapping[str, GroupBuilder] = field(default_factory=dict)
    workers: int = 1

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
            if not self._build_some(ready, queue, report, run_id):
                time.sleep(POLL_SECONDS)  # everything that is ready is being built by others
                queue.refresh()

    def _build_some(self, ready: Sequence[Task], queue: Queue, report: BuildReport, run_id: str) -> bool:
        """Build the first task that nobody else builds or has built, and others of its group; whether there was one."""
        locks: dict[str, Lock] = {}
        try:
            some = self._lock_some(ready, queue, run_id, locks)
            self._build(some, queue, report, locks)
        finally:
            _release(locks.values())
        return bool(some) or any(queue.has(task.key) or queue.has_failed(task) for task in ready)

    def _lock_some(self, ready: Sequence[Task], queue: Queue, run_id: str, locks: dict[str, Lock]) -> list[Task]:
        """What to build next, its locks put into `locks`."""
        first = next((task for task in ready if self._lock(task, queue, run_id, locks)), None)
        if first is None:
            return []
        deaths = queue.deaths()
        if not first.group or first.kind not in self.groups or deaths[first.key]:
            return [first]  # what may have killed a worker comes alone, so that it takes no others with it
        group = [task for task in ready if (task.kind, task.group) == (first.kind, first.group)]
        share = max(LEAST_TOGETHER, math.ceil(len(group) / self.workers))
        for task in group:
            if len(locks) < share and not deaths[task.key] and task.key not in locks:
                self._lock(task, queue, run_id, locks, alive=True)
        return [task for task in group if task.key in locks]

    def _lock(self, task: Task, queue: Queue, run_id: str, locks: dict[str, Lock], alive: bool = False) -> bool:
        """Lock a task that is still to be built; `alive` leaves it where the worker that held it died."""
        lock = try_lock(self.store.root, task.key, self.lease, run_id)
        if lock is None:
            return False
        locks[task.key] = lock
        orphan = lock.orphan_of == run_id
        if queue.has(task.key) or queue.has_failed(task) or (orphan and queue.died(task)) or (orphan and alive):
            locks.pop(task.key).release()
            return False
        return True

    def _build(self, tasks: Sequence[Task], queue: Queue, report: BuildReport, locks: dict[str, Lock]) -> None:
        found = [(task, self._parents(task, queue, report)) for task in tasks]
        given = [Given(task, parents) for task, parents in found if parents is not None]
        left = {one.task.key: one.task for one in given}
        try:
            with closing(self._make(given)) as making:
                for made in making:
                    self._write(left.pop(made.task.key), made, queue, report)
                    locks.pop(made.task.key).release()
            if left:
                raise ItlError("its group was built without it")
        except Exception as error:
            _stop_at_full_disk(error)
            for task in left.values():
                queue.fail(task, error)

    def _make(self, given: Sequence[Given]) -> Generator[Made]:
        if len(given) > 1:
            yield from self.groups[given[0].task.kind](given)
            return
        for task, parents in given:
            yield Made(task, partial(self.builders[task.kind], task, parents))

    def _write(self, task: Task, made: Made, queue: Queue, report: BuildReport) -> None:
        try:
            with self.store.writing(task, self.provenance, made.seconds) as folder:
                made.write(folder)
        except Exception as error:
            _stop_at_full_disk(error)
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


def _release(locks: Iterable[Lock]) -> None:
    """All of them, whatever goes wrong with one."""
    with ExitStack() as stack:
        for lock in locks:
            stack.callback(lock.release)


def _stop_at_full_disk(error: Exception) -> None:
    if isinstance(error, OSError) and error.errno in DISK:
        raise error


def _check_kinds(tasks: Iterable[Task], builders: Mapping[str, Builder]) -> None:
    unknown = sorted({task.kind for task in tasks} - set(builders))
    if unknown:
        raise ItlError(f"no builder for {', '.join(unknown)}; there are builders for {', '.join(sorted(builders))}")
