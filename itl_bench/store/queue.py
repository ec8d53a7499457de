"""The tasks of a run over a store: which are missing, which are ready, which have failed.

The queue is the graph of tasks itself. A task is ready when its parents are in the store; what is in the store is done.
So there is no state that a killed worker could corrupt, and any number of processes may join or leave at any time.
"""

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from typing import NamedTuple, Self

from itl_bench.errors import DivergedError, ItlError, JudgeError, UnservedError, UnsuitableBaseError, UsageError
from itl_bench.files import write_atomically
from itl_bench.store.keys import Task, needed
from itl_bench.store.store import Store

REFRESH_SECONDS = 1.0  # how often the work of others is looked for while there is work of one's own
DEATHS = 2  # workers that a task may kill before it counts as failed


class Progress(NamedTuple):
    """How far a build is."""

    done: int
    failed: int
    total: int
    seconds_left: float  # expected work that is left, for one worker


@dataclass(frozen=True)
class Failure:
    """Why a task failed; as text, with the name of what was raised.

    Attributes:
        message: In words.
        error: The name of the exception's type; nothing where none was raised.
        unsuitable: Whether a base knows too little or too much (UnsuitableBaseError): nothing broke down.
        diverged: Whether a training ended with weights that are no numbers (DivergedError): a finding about its rate.
        unserved: Whether vLLM does not answer as transformers does (UnservedError), which answers in its place.
        unjudged: Whether the judge cannot be asked any further (JudgeError): its key, credit or budget is at an end.
    """

    message: str
    error: str = ""
    unsuitable: bool = False
    diverged: bool = False
    unserved: bool = False
    unjudged: bool = False

    @classmethod
    def of(cls, reason: Exception | str) -> Self:
        """The failure that an exception, or a plain reason, stands for."""
        if isinstance(reason, str):
            return cls(reason)
        kinds = UnsuitableBaseError, DivergedError, UnservedError, JudgeError
        return cls(str(reason), type(reason).__name__, *(isinstance(reason, kind) for kind in kinds))

    def __str__(self) -> str:
        """For example "ValueError: the loss is NaN"."""
        return f"{self.error}: {self.message}" if self.error else self.message


class Queue:
    """What is left to do for the targets of a run."""

    def __init__(
        self, store: Store, tasks: Iterable[Task], run_id: str, targets: Collection[str] | None = None
    ) -> None:
        """Order the tasks by depth, then the longest first.

        Args:
            store: Where artifacts are.
            tasks: Everything that may have to be built.
            run_id: The same for all workers of a run.
            targets: Keys that are wanted, by default all; a parent that no missing task needs is not built.

        Raises:
            ItlError: A parent of something missing is neither a task nor in the store.
            UsageError: The run's id is no file name.
        """
        if not re.fullmatch(r"[\w.\-]*\w", run_id):
            raise UsageError(f"a run's id is made of letters, digits, '-', '_' and '.', found {run_id!r}")
        self.store = store
        self.tasks = {task.key: task for task in tasks}
        self.targets = list(self.tasks) if targets is None else list(targets)
        self.folder = store.root / "failures" / run_id
        self._present: set[str] = set()
        self._failed: set[str] = set()
        self._looked = 0.0
        self._rank = self._order()
        self.refresh()
        if lost := [key for task in self.missing() for key in task.parents if not self._known(key)]:
            raise ItlError(f"{len(lost)} parents are neither to be built nor in the store, for example {lost[0]}")

    def _order(self) -> dict[str, tuple[int, float, str]]:
        graph = {key: [parent for parent in task.parents if parent in self.tasks] for key, task in self.tasks.items()}
        depth: dict[str, int] = {}
        for key in TopologicalSorter(graph).static_order():
            depth[key] = 1 + max((depth[parent] for parent in graph[key]), default=0)
        return {key: (depth[key], -task.seconds, key) for key, task in self.tasks.items()}

    def _known(self, key: str) -> bool:
        return key in self.tasks or self.has(key)

    def has(self, key: str) -> bool:
        """Whether an artifact is there; what was once seen is not looked for again until it is `forgotten`."""
        if key not in self._present and self.store.has(key):
            self._present.add(key)
        return key in self._present

    def forget(self, key: str) -> None:
        """An artifact turned out to be missing or damaged."""
        self._present.discard(key)

    def refresh(self) -> None:
        """Look for what others have built, and what has failed on them."""
        self._looked = time.monotonic()
        for key in self.tasks:
            self.has(key)
        with suppress(FileNotFoundError):
            self._failed = {path.stem for path in self.folder.iterdir() if path.suffix == ".json"}

    def refresh_sometimes(self) -> None:
        """Refresh if that is some time ago."""
        if time.monotonic() - self._looked > REFRESH_SECONDS:
            self.refresh()

    def missing(self) -> list[Task]:
        """What has to be built for the targets, in the order in which it should be: absent, and needed."""
        found = needed(self.tasks, self.targets, lambda key: key in self._present)
        return sorted((self.tasks[key] for key in found), key=lambda task: self._rank[task.key])

    def ready(self, missing: Sequence[Task]) -> list[Task]:
        """Missing tasks that have not failed in this run and whose parents are all there."""
        return [
            task
            for task in missing
            if task.key not in self._failed and all(self.has(parent) for parent in task.parents)
        ]

    def progress(self, missing: Sequence[Task]) -> Progress:
        """How far the run is."""
        done = len(self.tasks) - len(missing)
        left = sum(task.seconds for task in missing if task.key not in self._failed)
        return Progress(done, len(self._failed), len(self.tasks), left)

    def has_failed(self, task: Task) -> bool:
        """Whether a task failed in this run, on any worker, up to this moment."""
        if (self.folder / f"{task.key}.json").exists():
            self._failed.add(task.key)
        return task.key in self._failed

    def fail(self, task: Task, reason: Exception | str) -> None:
        """Note for all workers of this run that a task failed, and what was raised or why."""
        write_atomically(self.folder / f"{task.key}.json", json.dumps(asdict(Failure.of(reason))))
        self._failed.add(task.key)

    def died(self, task: Task) -> bool:
        """Note that a worker of this run died while building a task; whether that was once too often."""
        write_atomically(self.folder / f"{task.key}.died-{secrets.token_hex(4)}", "")
        if self.deaths()[task.key] < DEATHS:
            return False
        self.fail(task, f"{DEATHS} workers died while building it")
        return True

    def deaths(self) -> Counter[str]:
        """Key -> how many workers of this run died while building it, or others of its group together with it."""
        return Counter(path.stem for path in self.folder.glob("*.died-*"))

    def failures(self) -> dict[str, Failure]:
        """Key -> why it failed in this run, on any worker."""
        paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return {path.stem: Failure(**json.loads(path.read_text(encoding="utf-8"))) for path in paths}
