"""The verdict on a measured trend, from tables in the store: over all cells of a table, or over what was tuned on."""

import json
from collections.abc import Sequence
from math import exp, log, log10
from statistics import fmean

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import OVER_CELLS
from itl_bench.catalog.grid.cases import Case
from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.measures.style import ITEMS_LENGTH
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import cell_pairs, dataset_tables
from itl_bench.record import CaseRecord
from itl_bench.store.file_names import TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import CellSummary, unit_means
from itl_bench.verdicts.context import mean, table_of
from itl_bench.verdicts.difference import trained, undecided
from itl_bench.verdicts.stats.pseudo import derive, sources
from itl_bench.verdicts.trend import judge_trend

RANGE_OF_LENGTHS = 1.5  # longest over shortest mean length of the data of a trend
END = 10  # steps over which the training loss at the end is averaged

Points = tuple[list[CellSummary], int, int]  # cells, how many were left out as not trained, prompts


def judge_trend_from_store(
    graph: Graph, case: Case, table: CellTable, store: Store, obstacles: Sequence[str]
) -> CaseRecord:
    """The verdict on a trend; cells that were not trained are left out, and counted.

    Args:
        graph: The tasks of the catalog.
        case: A case with evidence measured that is over an axis.
        table: Its cells.
        store: Where the tables are.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: The tables cannot carry a verdict.
    """
    catalog, points = graph.catalog, _over_cells if case.over == OVER_CELLS else _over_datasets
    cells, left_out, n_prompts = points(graph, case, table, store)
    obstacles = [*obstacles, *(_no_range(cells) if case.over == "response-length" else [])]
    note = f"{left_out} cells that were not trained left out" if left_out else ""
    try:
        return judge_trend(case, catalog, cells, note, n_prompts, obstacles)
    except EvidenceError as error:
        if not left_out:
            raise
        # Too few are left: that is no crash.
        return undecided(case, catalog, "; ".join([*obstacles, f"{note}: {error}"]))


def _no_range(cells: Sequence[CellSummary]) -> list[str]:
    """Why nothing can be said along the length of responses, where all data have about the same."""
    factor = exp(max(cell.x for cell in cells) - min(cell.x for cell in cells)) if cells else 1.0
    enough = factor >= RANGE_OF_LENGTHS
    return (
        []
        if enough
        else [
            f"the longest responses of the data are {factor:.2f} times the shortest, a trend needs {RANGE_OF_LENGTHS}"
        ]
    )


def _over_cells(graph: Graph, case: Case, table: CellTable, store: Store) -> Points:
    """Every trained cell: the logarithm of its mean divergence, and its mean accuracy."""
    cells, left_out, n_prompts = [], 0, 0
    for cell, shift, knowledge in cell_pairs(graph, case, table):
        if not trained(*training_loss(graph.training(cell), store)):
            left_out += 1
            continue
        answers = table_of(knowledge, store)
        divergence, accuracy = mean([table_of(shift, store)], "kl"), mean([answers], "accuracy")
        if not divergence or accuracy is None:
            raise EvidenceError(f"{case.id}: {cell.method} on {cell.dataset} at {cell.rate:g} has no divergence")
        n_prompts = len(answers.prompts)
        cells.append(CellSummary(cell.rate, cell.dataset, cell.method, cell.replicate, log(divergence), accuracy))
    return cells, left_out, n_prompts


def _over_datasets(graph: Graph, case: Case, table: CellTable, store: Store) -> Points:
    """Every trained cell: where its data are on the axis, and the mean of the case's column."""
    cells, left_out, n_prompts = [], 0, 0
    for cell, task in dataset_tables(graph, case, table):
        if not trained(*training_loss(graph.training(cell), store)):
            left_out += 1
            continue
        values = table_of(task, store)
        n_prompts = len(values.prompts)
        x = log10(graph.catalog.dataset_rows[cell.dataset]) if case.over == "size" else values.facts[ITEMS_LENGTH]
        cells.append(CellSummary(cell.rate, cell.dataset, cell.method, cell.replicate, x, column_mean(case, values)))
    return cells, left_out, n_prompts


def column_mean(case: Case, table: Table) -> float:
    """The mean over units of prompts of a case's first column, prompts without a value left out."""
    measure, column = case.measure.measure, case.columns[0]
    needed = sources(measure, column)
    rows = zip(*(table.columns[name] for name in needed), strict=True)
    prompts = {
        prompt: unit for prompt, unit, row in zip(table.prompts, table.units, rows, strict=True) if None not in row
    }
    return float(derive(measure, column, [[unit_means(table, name, prompts)] for name in needed]).mean())


def training_loss(training: Task, store: Store) -> tuple[float, float]:
    """Training loss at the start and at the end, in nats per response token.

    The start is the first step alone, before weights have moved: a few steps later a high rate has raised it itself.
    """
    losses = losses_of(training, store)
    return losses[0], fmean(losses[-END:])


def losses_of(training: Task, store: Store) -> list[float]:
    """The training loss of every optimizer update, in nats per response token."""
    log = json.loads((store.open(training.key).folder / TRAINING).read_text(encoding="utf-8"))
    return list(log["losses"])
