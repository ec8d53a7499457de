"""A measured trend: a slope over cells that were trained here -> verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp, log, log10
from typing import NamedTuple, cast

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import FEWEST_OF_A_TREND, OVER_CELLS
from itl_bench.catalog.grid.cases import Case
from itl_bench.data.rows import ITEMS_LENGTH, Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import cell_pairs, trend_tables
from itl_bench.record import CaseRecord
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import CellSummary
from itl_bench.verdicts.facts import Column, Finding, Numbers, Sizes, decided, record_of, with_reason
from itl_bench.verdicts.guards import repetitions, too_few, too_few_prompts, trained
from itl_bench.verdicts.stats.nested import nested_mean
from itl_bench.verdicts.stats.trend import slope_within
from itl_bench.verdicts.tables import column_mean, mean, table_of, training_loss

RANGE_OF_LENGTHS = 1.5  # longest over shortest mean length of the data of a trend


class Points(NamedTuple):
    """The cells that a trend is over.

    Attributes:
        cells: Those that were trained.
        left_out: How many were not.
        n_prompts: Number of prompts behind every y.
    """

    cells: list[CellSummary]
    left_out: int
    n_prompts: int


def trend_from_store(
    graph: Graph, case: Case, table: CellTable, store: Store, obstacles: Sequence[str], lost: Mapping[str, str]
) -> CaseRecord:
    """The verdict on a trend; cells that were not trained are left out, and counted.

    Args:
        graph: The tasks of the catalog.
        case: A case with evidence measured that is over an axis.
        table: Its cells.
        store: Where the tables are.
        obstacles: Why the case gives no verdict whatever its numbers.
        lost: Keys of what is not in the store because a training diverged.

    Raises:
        EvidenceError: The tables cannot carry a verdict.
    """
    cells, left_out, n_prompts = _points(graph, case, table, store, lost)
    obstacles = [*obstacles, *(_no_range(cells) if case.over == "response-length" else [])]
    note = f"{left_out} cells that were not trained left out" if left_out else ""
    try:
        return verdict_on_trend(case, graph.catalog, cells, note, n_prompts, obstacles)
    except EvidenceError as error:
        if not left_out:
            raise
        # Too few are left: that is no crash.
        reason = "; ".join([*obstacles, f"{note}: {error}"])
        return record_of(case, graph.catalog, Numbers(reason=reason))


def verdict_on_trend(
    case: Case,
    catalog: Catalog,
    cells: Sequence[CellSummary],
    floors: str = "",
    n_prompts: int | None = None,
    obstacles: Sequence[str] = (),
) -> CaseRecord:
    """The verdict on a measured trend: least squares within each replicate, then the mean of its slopes.

    Along the divergence from the base every learning rate has an intercept of its own; along other axes there is one.
    The interval is about new replicates of these cells on these prompts.

    Args:
        case: A case with evidence measured that is over an axis and has one column.
        catalog: The catalog it is from.
        cells: Cells that were trained; identical ones count once.
        floors: What to set the effect against, in words: it ends the reason.
        n_prompts: Number of prompts behind every y, where known.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: The case has several columns, or a replicate has too few cells or no spread of x.
    """
    if len(case.columns) != 1:
        raise EvidenceError(f"{case.id}: a trend is over one column, not {len(case.columns)}")
    slopes = _slopes(sorted(set(cells), key=_order), within_rate=case.over == OVER_CELLS)
    blocked = [*obstacles, *too_few(slopes), *(too_few_prompts(n_prompts) if n_prompts is not None else ())]
    notes = [f"{len(set(cells))} cells", repetitions(slopes), floors]
    numbers = with_reason(_numbers(case, slopes), blocked, notes)
    rates = sorted({cell.rate for cell in cells if cell.rate is not None})
    return record_of(case, catalog, numbers, Sizes.of(n_prompts, slopes), rates)


def _points(graph: Graph, case: Case, table: CellTable, store: Store, lost: Mapping[str, str]) -> Points:
    cells, left_out, n_prompts = [], 0, 0
    for cell, tasks in _tasks(graph, case, table):
        training = graph.training(cell)
        if any(one.key in lost for one in (training, *tasks)) or not trained(*training_loss(training, store)):
            left_out += 1
            continue
        tables = [table_of(task, store) for task in tasks]
        n_prompts = len(tables[0].prompts)
        x, y = _place(case, graph.catalog, cell, tables)
        cells.append(CellSummary(cell.rate, cell.dataset, cell.method, cell.replicate, x, y))
    return Points(cells, left_out, n_prompts)


def _tasks(graph: Graph, case: Case, table: CellTable) -> list[tuple[TunedCell, list[Task]]]:
    """Every cell with the tables that place it; first the one that the trend is of."""
    if case.over == OVER_CELLS:
        return [(cell, [knowledge, shift]) for cell, shift, knowledge in cell_pairs(graph, case, table)]
    return [(cell, [task]) for cell, task in trend_tables(graph, case, table)]


def _place(case: Case, catalog: Catalog, cell: TunedCell, tables: Sequence[Table]) -> tuple[float, float]:
    """X and y of a cell: log divergence and accuracy, or where its data are on the axis and the mean of the column."""
    if case.over == OVER_CELLS:
        knowledge, shift = tables
        divergence, accuracy = mean([shift], "kl"), mean([knowledge], "accuracy")
        if not divergence or accuracy is None:
            raise EvidenceError(f"{case.id}: {cell.method} on {cell.dataset} at {cell.rate:g} has no divergence")
        return log(divergence), accuracy
    (values,) = tables
    if case.over == "rank":
        return log10(cast(int, catalog.methods[cell.method].parameters["rank"])), column_mean(case, values)
    x = log10(catalog.dataset_rows[cell.dataset]) if case.over == "size" else values.facts[ITEMS_LENGTH]
    return x, column_mean(case, values)


def _no_range(cells: Sequence[CellSummary]) -> list[str]:
    """Why nothing can be said along the length of responses, where all data have about the same."""
    factor = exp(max(cell.x for cell in cells) - min(cell.x for cell in cells)) if cells else 1.0
    if factor >= RANGE_OF_LENGTHS:
        return []
    return [f"the longest responses of the data are {factor:.2f} times the shortest, a trend needs {RANGE_OF_LENGTHS}"]


def _numbers(case: Case, slopes: Mapping[Replicate, float]) -> Numbers:
    """Of the mean slope; one replicate has no interval."""
    (name,), values = case.columns, list(slopes.values())
    if len(values) == 1:
        return Numbers(deciding_column=name, effect=values[0])
    column = Column(nested_mean(values, [one.base for one in slopes]), cells=values)
    return decided(case, Finding("interval", {name: column}))


def _slopes(cells: Sequence[CellSummary], within_rate: bool) -> dict[Replicate, float]:
    groups: dict[Replicate, list[CellSummary]] = defaultdict(list)
    for cell in cells:
        groups[cell.replicate].append(cell)
    if not groups:
        raise EvidenceError("a trend without any cell")
    return {one: _slope(one, groups[one], within_rate) for one in sorted(groups)}


def _slope(replicate: Replicate, cells: Sequence[CellSummary], within_rate: bool) -> float:
    """One intercept, or one for each learning rate."""
    where = f"base {replicate.base}, seed {replicate.seed}"
    if len(cells) < FEWEST_OF_A_TREND:
        raise EvidenceError(f"a trend needs {FEWEST_OF_A_TREND} cells in every replicate; {where} has {len(cells)}")
    rates = [cell.rate if within_rate else None for cell in cells]
    try:
        return slope_within([cell.x for cell in cells], [cell.y for cell in cells], rates)
    except EvidenceError as error:
        raise EvidenceError(f"{where}: {error}") from None


def _order(cell: CellSummary) -> tuple[object, ...]:
    """What sorts cells: rates may be None."""
    return (cell.replicate, cell.rate is not None, cell.rate or 0.0, cell.dataset, cell.method, cell.x, cell.y)
