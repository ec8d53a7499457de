"""The learning rates of the arm `fair`: each method at its own best, from a sweep on seeds that give no verdict."""

import hashlib
from collections.abc import Iterator

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import recipe_of
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.rates import ChosenRate, rate_id
from itl_bench.errors import UsageError
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.store.keys import Task, canonical

_HASHES: dict[tuple[str, CellTable, str, str], str] = {}  # asked for by every case, and the same for all


def chosen(catalog: Catalog, table: CellTable, dataset: str, method: str) -> ChosenRate:
    """The rate at which a method is tuned on a dataset in the arm `fair`.

    Raises:
        UsageError: None was chosen, or for cells that are no longer what they were.
    """
    found, pair = catalog.rates.get(rate_id(table.id, dataset, method)), f"{method} on {dataset}"
    if found is None:
        raise UsageError(f"no learning rate was chosen for {pair}; run itl-bench sweep {table.id}")
    if found.sweep != sweep_hash(catalog, table, dataset, method):
        moved = "another recipe, world, method or sweep"
        raise UsageError(f"the learning rate of {pair} was chosen with {moved}; run itl-bench sweep {table.id} again")
    return found


def why_no_rate(case: Case, catalog: Catalog, table: CellTable) -> str:
    """Why a case of the arm `fair` has no rates; nothing where it has."""
    try:
        _chosen_for(case, catalog, table)
    except UsageError as error:
        return str(error)
    return ""


def at_edge(case: Case, catalog: Catalog, table: CellTable) -> list[str]:
    """Which rates of a case lie at the edge of what was tried: a rate beyond might be better."""
    found = _chosen_for(case, catalog, table)
    return [f"edge of sweep: {one.method} on {one.dataset} was best at {one.rate:g}" for one in found if one.at_edge]


def _chosen_for(case: Case, catalog: Catalog, table: CellTable) -> list[ChosenRate]:
    """The rates of all cells of a case that the table has; none in the arm `shared-rate`."""
    if table.arm != "fair":
        return []
    pairs = sorted({(cell.dataset, cell.method) for cell in case.cells})
    return [chosen(catalog, table, *pair) for pair in pairs if table.rates_tried(*pair)]


def sweep_losses(graph: Graph, table: CellTable, dataset: str, method: str) -> Iterator[tuple[float, list[Task]]]:
    """Every rate that is tried, with the loss on taught facts of each base and sweep seed."""
    replicates = [Replicate(base, seed) for base in table.bases for seed in table.sweep_seeds]
    for rate in table.rates_tried(dataset, method):
        recipe = recipe_of(graph.catalog, table, dataset)
        cells = [TunedCell(table.model, dataset, method, rate, one, recipe) for one in replicates]
        yield rate, [graph.taught_loss(cell) for cell in cells]


def sweep_hash(catalog: Catalog, table: CellTable, dataset: str, method: str) -> str:
    """A hash of the keys of all artifacts that a choice rests on."""
    choice = (catalog.sha256, table, dataset, method)
    if choice not in _HASHES:
        losses = sweep_losses(Graph(catalog), table, dataset, method)
        keys = [[rate, [task.key for task in tasks]] for rate, tasks in losses]
        _HASHES[choice] = hashlib.sha256(canonical(keys).encode()).hexdigest()
    return _HASHES[choice]
