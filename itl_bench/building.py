"""Building artifacts from one shared queue: all workers take what is ready, and none waits while something is.

The queue is the graph of tasks itself. A task is ready when its parents are in the store; what is in the store is done.
So there is no state that a killed worker could corrupt, and any number of processes may join or leave at any time.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from itl_bench.claiming import LEASE_SECONDS, try_claim
from itl_bench.errors import ItlError
from itl_bench.keys import Task
from itl_bench.record import write_atomically
from itl_bench.store import Artifact, DamagedArtifactError, Store

POLL_SECONDS = 0.2


class Builder(Protocol):
    """Builds one kind of artifact: reads its parents, writes files into a folder, shares nothing else."""

    def __call__(self, task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        """Write the artifact's files into `folder`."""


class Progress(NamedTuple):
    """How far a build is."""

    done: int
    failed: int
    total: int
    seconds_left: float  # expected work that is left, for one worker


@dataclass
class BuildReport:
    """What one worker did, and what failed anywhere in this run."""

    built: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # key -> what was raised
    blocked: list[str] = field(default_factory=list)  # keys that wait for a failed one


class Executor(Protocol):
    """Where tasks are built: in this process, or on other machines over a store that all of them see."""

    def build(self, tasks: Sequence[Task], run_id: str) -> BuildReport:
        """Build what is missing; return when everything is there, has failed, or waits for what has failed."""


@dataclass(frozen=True)
class LocalExecutor:
    """Builds in this process, together with whoever else works on the same store."""

    store: Store
    builders: Mapping[str, Builder]
    provenance: Mapping[str, object] = field(default_factory=dict)
    on_progress: Callable[[Progress], None] = lambda progress: None
    lease: float = LEASE_SECONDS

    def build(self, tasks: Sequence[Task], run_id: str) -> BuildReport:
        """Work until nothing is left to do.

        Args:
            tasks: The whole selection, with every parent in it or in the store.
            run_id: The same for all workers of a run: a task that failed is tried again by the next run only.

        Raises:
            ItlError: A parent is neither in the tasks nor in the store, no builder is known for a kind.
        """
        queue = Queue(self.store, tasks, run_id)
        _check_kinds(queue.tasks.values(), self.builders)
        report = BuildReport()
        while True:
            missing = queue.missing()
            self.on_progress(queue.progress(missing))
            ready = queue.ready(missing)
            if not ready:
                report.failed, report.blocked = queue.failures(), [task.key for task in missing]
                return report
            if not self._build_first(ready, queue, report):
                time.sleep(POLL_SECONDS)  # everything that is ready is being built by others

    def _build_first(self, ready: Sequence[Task], queue: "Queue", report: BuildReport) -> bool:
        """Build the first task that nobody else is building; whether there was one."""
        for task in ready:
            claim = try_claim(self.store.root, task.key, self.lease)
            if claim is None:
                continue
            try:
                if not self.store.has(task.key):
                    self._build(task, queue, report)
            finally:
                claim.release()
            return True
        return False

    def _build(self, task: Task, queue: "Queue", report: BuildReport) -> None:
        try:
            parents = [self.store.open(key) for key in task.parents]
        except (DamagedArtifactError, KeyError):
            return  # set aside: it is missing now, and comes before this task again
        try:
            with self.store.writing(task, self.provenance) as folder:
                self.builders[task.kind](task, parents, folder)
        except Exception as error:
            queue.fail(task, f"{type(error).__name__}: {error}")
        else:
            report.built.append(task.key)


class Queue:
    """The tasks of a run over a store: which are missing, which are ready, which have failed."""

    def __init__(self, store: Store, tasks: Iterable[Task], run_id: str) -> None:
        """Order the tasks by depth, then the longest first.

        Raises:
            ItlError: A parent is neither a task nor in the store.
        """
        self.store = store
        self.tasks = {task.key: task for task in tasks}
        self.folder = store.root / "failures" / run_id
        lost = [key for task in self.tasks.values() for key in task.parents if not self._known(key)]
        if lost:
            raise ItlError(f"{len(lost)} parents are neither to be built nor in the store, for example {lost[0]}")
        self._depth = {key: self._depth_of(key) for key in self.tasks}

    def _known(self, key: str) -> bool:
        return key in self.tasks or self.store.has(key)

    def _depth_of(self, key: str) -> int:
        """A parent's key is part of its child's, so there are no circles."""
        parents = [one for one in self.tasks[key].parents if one in self.tasks]
        return 1 + max((self._depth_of(one) for one in parents), default=0)

    def missing(self) -> list[Task]:
        """What is not in the store, in the order in which it should be built."""
        left = [task for task in self.tasks.values() if not self.store.has(task.key)]
        return sorted(left, key=lambda task: (self._depth[task.key], -task.seconds, task.key))

    def ready(self, missing: Sequence[Task]) -> list[Task]:
        """Missing tasks that have not failed in this run and whose parents are all there."""
        failed = self.failures()
        return [
            task
            for task in missing
            if task.key not in failed and all(self.store.has(parent) for parent in task.parents)
        ]

    def progress(self, missing: Sequence[Task]) -> Progress:
        """How far the run is."""
        done = len(self.tasks) - len(missing)
        return Progress(done, len(self.failures()), len(self.tasks), sum(task.seconds for task in missing))

    def fail(self, task: Task, message: str) -> None:
        """Note for all workers of this run that a task failed."""
        write_atomically(self.folder / f"{task.key}.json", json.dumps({"kind": task.kind, "message": message}))

    def failures(self) -> dict[str, str]:
        """Key -> message of what failed in this run, on any worker."""
        paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return {path.stem: json.loads(path.read_text(encoding="utf-8"))["message"] for path in paths}


def _check_kinds(tasks: Iterable[Task], builders: Mapping[str, Builder]) -> None:
    unknown = sorted({task.kind for task in tasks} - set(builders))
    if unknown:
        raise ItlError(f"no builder for {', '.join(unknown)}; there are builders for {', '.join(sorted(builders))}")
