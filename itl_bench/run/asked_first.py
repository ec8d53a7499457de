"""Before a cell is trained: whether what it will be asked can be asked of its base at all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from itl_bench.errors import ItlError
from itl_bench.store.artifact import Artifact
from itl_bench.store.executor import Builder
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.vocabulary import CELL

CheckAsked = Callable[[Task, Path, Path], None]
"""Of the task of responses and the folders of base and probe; raises ItlError where the probe cannot be asked."""


def asked_first(
    builders: Mapping[str, Builder], check: CheckAsked, tasks: Iterable[Task], store: Store
) -> Mapping[str, Builder]:
    """The builders, that of cells refusing one of which no probe can be asked: its training would be for nothing.

    Args:
        builders: By kind of artifact.
        check: Whether a probe can be asked.
        tasks: Of the run.
        store: Where bases and probes are; where a probe is not there yet, the cell is trained.
    """
    asking: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        for parent in task.parents if task.kind == "responses" else ():
            asking[parent].append(task)

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        _check_some(asking[task.key], check, store)
        builders[CELL](task, parents, folder)

    return {**builders, CELL: build}


def _check_some(asked: Sequence[Task], check: CheckAsked, store: Store) -> None:
    """Raise what the first probe raises, where every one of them raises."""
    refused: list[ItlError] = []
    for task in asked:
        base, probe, *_ = task.parents
        if not (store.has(base) and store.has(probe)):
            return
        try:
            check(task, store.open(base).folder, store.open(probe).folder)
        except ItlError as error:
            refused.append(error)
        else:
            return
    if refused:
        raise refused[0]
