"""Whether what is to be built fits on the disk of the store."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.cases import Case
from itl_bench.machine.memory import STORED
from itl_bench.machine.this_machine import free_gb, this_machine
from itl_bench.plan.graph import Graph
from itl_bench.plan.price import LEAST, cost_of, left_to_build, rounded, task_costs
from itl_bench.plan.reads import read_by
from itl_bench.store.keys import Task
from itl_bench.store.store import MARK, Store

RESERVE_GB = 3.0  # of a disk, for answers, tables and everything else; no more than the weights themselves take


def why_no_disk(needed_gb: float, free_gb: float) -> str | None:
    """Why weights do not fit on the store's disk; None where they do. Nothing is dropped while a run builds."""
    beside = min(RESERVE_GB, needed_gb)
    if needed_gb + beside <= free_gb:
        return None
    return (
        f"needs {rounded(needed_gb)} GB on the disk of the store for weights and {rounded(beside)} GB beside them, "
        f"{rounded(free_gb)} GB are free; itl-bench store gc --weights frees some, or take a store on another disk"
    )


def why_no_room(case: Case, catalog: Catalog, table: CellTable, root: Path) -> str | None:
    """Why what a case still lacks does not fit on the disk of the store; None where it does.

    The store drops nothing by itself, so all of its weights have to be there together.

    Args:
        case: A case whose cells the table has.
        catalog: What is declared.
        table: Cells of one model.
        root: Folder of the store; it need not be there yet.
    """
    asked = {(cell.dataset, cell.method): cell for cell in case.cells}
    cells = [asked[dataset, method] for dataset, method, _ in table.trained() if (dataset, method) in asked]
    each = sum(cost_of(cell, catalog, LEAST, this_machine()).disk_gb for cell in cells)
    most = len(table.bases) * (STORED * catalog.models[table.model].parameters / 1e9 + len(table.seeds) * each)
    if why_no_disk(most, free_gb(root)) is None:
        return None  # all of it fits, whatever of it is there already
    graph = Graph(catalog)
    targets = [task.key for task in read_by(graph, case, table)]
    return why_no_room_for(list(graph.tasks.values()), targets, catalog, root)


def why_no_room_for(tasks: Sequence[Task], targets: Iterable[str], catalog: Catalog, root: Path) -> str | None:
    """Why what is not yet in the store of these tasks does not fit on its disk; None where it does.

    Args:
        tasks: With all that they are built from.
        targets: Keys of those that are wanted.
        catalog: What is declared.
        root: Folder of the store; it need not be there yet.
    """
    has = Store(root).has if (root / MARK).exists() else lambda key: False
    left = left_to_build(tasks, targets, has)
    costs = task_costs(left, catalog, this_machine())
    return why_no_disk(sum(cost.disk_gb for cost in costs.values()), free_gb(root))
