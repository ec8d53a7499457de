"""The build before the verdicts: what the selected cases need, built by all workers; and what failed, case by case."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.errors import EvidenceError, UsageError
from itl_bench.machine.devices import take_gpu
from itl_bench.run.asked_first import CheckAsked, asked_first
from itl_bench.store.executor import Builder, GroupBuilder, LocalExecutor
from itl_bench.store.keys import Task, needed, resting_on
from itl_bench.store.queue import Failure
from itl_bench.store.store import Store

FEW = 3  # failures that an error names; the rest are counted


class Stages(NamedTuple):
    """What builds artifacts.

    Attributes:
        builders: By kind of artifact.
        provenance: With what they build.
        check_asked: Whether a probe can be asked of a base; None for builders that ask nothing.
        groups: By kind of artifact, what builds those of one group together.
    """

    builders: Mapping[str, Builder]
    provenance: Mapping[str, object]
    check_asked: CheckAsked | None = None
    groups: Mapping[str, GroupBuilder] = MappingProxyType({})


@dataclass(frozen=True)
class Work:
    """The artifacts of measured cases: tasks of every stage, and the keys of the tables that verdicts read."""

    tasks: tuple[Task, ...] = ()
    targets: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # of cases whose tasks cannot be made

    def needed(self) -> list[Task]:
        """The targets' tasks and all that they are built from, in the order of `tasks`."""
        by_key = {task.key: task for task in self.tasks}
        found = needed(by_key, self.targets)
        return [task for key, task in by_key.items() if key in found]

    def without(self, lost: Collection[str]) -> Self:
        """The same work, but for the targets that are built from what is lost."""
        if not lost:
            return self
        gone = resting_on({task.key: task for task in self.tasks}, lost)
        return replace(self, targets=tuple(key for key in self.targets if key not in gone))


def work_of(cases: Iterable[Case], catalog: Catalog, profile: ProfileSpec | None, root: Path) -> Work:
    """What has to be there before the verdicts on those measured cases that can run here.

    A case whose tasks cannot be made is passed over, so that it costs itself alone: its verdict raises what was wrong.

    Args:
        cases: The selection.
        catalog: What is declared.
        profile: Whose cells are trained; None for the default one's.
        root: Folder of the store; it need not be there yet.
    """
    tasks: dict[str, Task] = {}
    targets: dict[str, None] = {}
    problems: dict[str, None] = {}
    for case in cases:
        try:
            work = work_of_case(case, catalog, profile, root)
        except Exception as error:  # of whatever kind: the others are built all the same
            problems[" ".join(f"{type(error).__name__}: {error}".split())] = None
            continue
        tasks |= {task.key: task for task in work.tasks}
        targets |= dict.fromkeys(work.targets)
    return Work(tuple(tasks.values()), tuple(targets), tuple(problems))


def work_of_case(case: Case, catalog: Catalog, profile: ProfileSpec | None, root: Path) -> Work:
    """What has to be there before the verdict on one case; nothing where it is not measured, or cannot run here.

    Raises:
        UsageError: An entry of the catalog cannot be used; any other exception is a mistake in code.
    """
    if case.evidence != "measured":
        return Work()
    from itl_bench.plan.reads import tasks_of
    from itl_bench.plan.runnable import why_not

    if why_not(case, catalog, profile, root) is not None:
        return Work()

    tasks, targets = tasks_of([case], catalog, profile)
    return Work(tuple(tasks), tuple(targets))


class NotBuiltError(EvidenceError):
    """What a case reads could not be built; the message says what failed, and how."""


class CannotBeAskedError(UsageError):
    """What a case asks cannot be asked of its base, which knows too little or too much, or of its judge any further."""


@dataclass(frozen=True)
class Built:
    """What came of a build."""

    failed: Mapping[str, Failure] = field(default_factory=dict)  # by key, on any worker of the run
    damaged: tuple[str, ...] = ()  # messages: what was found damaged, set aside and built again
    stopped: Exception | None = None  # what ended the whole build: a full disk, an installation that is broken

    @property
    def diverged(self) -> dict[str, str]:
        """Keys of tunings that diverged, with what was said of each: no breakdown, but a finding about their rates."""
        return {key: one.message for key, one in self.failed.items() if one.diverged}


def load_stages() -> Stages:
    """The builders of all stages, on this worker's own GPU; loads torch."""
    take_gpu(os.environ.get("PYTEST_XDIST_WORKER", ""))
    from itl_bench.stages.builders import builders, group_builders, provenance
    from itl_bench.stages.responses import check_asked

    return Stages(builders(), provenance(), check_asked, group_builders())


def build(
    work: Work,
    store: Store,
    run_id: str,
    stages: Callable[[], Stages] = load_stages,
    on_start: Callable[[Work], None] = lambda work: None,
) -> Built:
    """Build what is missing, together with all workers of the run.

    Args:
        work: What the whole selection needs.
        store: Where artifacts are.
        run_id: The same for all workers of the run.
        stages: Loads the builders; not called where every target is in the store.
        on_start: Called once before anything is built; not called where nothing is.

    Raises:
        ItlError: A parent or a builder is unknown.
        OSError: The store's disk is full or cannot be written.
    """
    if all(store.has(key) for key in work.targets):
        return Built()
    on_start(work)
    builders, provenance, check, groups = Stages(*stages())
    builders = asked_first(builders, check, work.tasks, store) if check else builders
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    executor = LocalExecutor(store, builders, provenance, groups=groups, workers=workers)
    report = executor.build(work.tasks, run_id, work.targets)
    return Built(report.failed, tuple(report.damaged))


def require(work: Work, store: Store, built: Built) -> None:
    """Make sure that every target is there.

    Raises:
        CannotBeAskedError: One is not, only because a base knows too little or too much to be asked for it, or because
            the judge's key, credit or budget is at an end.
        NotBuiltError: One is not; says what failed on the way to it.
    """
    if all(store.has(key) for key in work.targets):
        return
    failed = [(task, built.failed[task.key]) for task in work.needed() if task.key in built.failed]
    if failed and all(failure.unsuitable or failure.unjudged for _, failure in failed):
        reasons = dict.fromkeys("; ".join(failure.message.splitlines()) for _, failure in failed)
        raise CannotBeAskedError(_few(list(reasons)))
    if failed:
        named = _few([f"{in_words(task)}: {failure}" for task, failure in failed])
        raise NotBuiltError(f"not judged, because building failed: {named}")
    if built.stopped is not None:
        name = type(built.stopped).__name__
        raise NotBuiltError(f"not judged, because building stopped: {name}: {built.stopped}") from built.stopped


def _few(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - FEW} more" if len(reasons) > FEW else ""
    return "; ".join(reasons[:FEW]) + more


def in_words(task: Task) -> str:
    """A task's kind and the plain values of its spec, for example "checkpoint (method lora, seed 3)"."""
    named = {name: value.get("id") if isinstance(value, Mapping) else value for name, value in task.spec.items()}
    words = [f"{name} {value}" for name, value in named.items() if isinstance(value, str | int | float)]
    return f"{task.kind} ({', '.join(words)})" if words else task.kind
