"""The second phase: from tables in the store to the verdict on a measured case. Nothing is built here."""

import json
from collections.abc import Iterable, Mapping
from math import log
from statistics import fmean
from typing import Any

from itl_bench.case_tasks import SideTables, cell_pairs, floors_of, headline_rate, learned_tables, read_by, side_tables
from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.cell_specs import CellTable
from itl_bench.cell_tables import OVER_CELLS, cell_table, common_rates
from itl_bench.comparison import CellSummary, RatePoint, Replicate, Sample
from itl_bench.errors import EvidenceError, ItlError
from itl_bench.floors import borrowing_in_words, floors_in_words, mean, table_of
from itl_bench.keys import Task
from itl_bench.measured import judge_measured, trained, undecided
from itl_bench.measured_trend import judge_trend
from itl_bench.record import CaseRecord
from itl_bench.specs import ProfileSpec
from itl_bench.stage_files import TRAINING
from itl_bench.store import Store
from itl_bench.tasks import Graph

START, END = 3, 10  # steps over which the training loss at the start and at the end is averaged
BUILT_WITH = ("torch", "transformers", "peft", "device")


def judge_from_store(case: Case, catalog: Catalog, profile: ProfileSpec | None, store: Store) -> CaseRecord:
    """The verdict on a measured case.

    Raises:
        KeyError: An artifact that the verdict reads is not in the store.
        DamagedArtifactError: One of them is damaged.
        EvidenceError: The tables cannot carry a verdict.
    """
    table = cell_table(case, catalog, profile)
    if table is None:
        raise ItlError(f"{case.id}: no profile trains its cells")
    graph = Graph(catalog, {})
    read = tuple(dict.fromkeys(task.key for task in read_by(graph, case, table)))
    if case.over == OVER_CELLS:
        record = _judge_trend(graph, case, catalog, table, store)
    else:
        points = {rate: _point(graph, case, rate, table, store) for rate in common_rates(case, table)}
        headline = headline_rate(case, table)
        floors = floors_in_words(case, floors_of(graph, case, table), points[headline], store)
        floors = floors or borrowing_in_words(case, points[headline])
        record = judge_measured(case, catalog, list(points.values()), headline, floors)
    mixed = mixture(read, store)
    reason = f"{record.reason}; {mixed}" if mixed else record.reason
    return record.model_copy(update={"artifacts": read, "reason": reason})


def mixture(keys: Iterable[str], store: Store) -> str:
    """What artifacts were built with, where that differs between them, in words; nothing where it does not."""
    found: dict[str, set[str]] = {name: set() for name in BUILT_WITH}
    for key in keys:
        provenance: Mapping[str, Any] = store.manifest(key).provenance
        for name, value in (*provenance.get("packages", {}).items(), ("device", provenance.get("device"))):
            if name in found and value:
                found[name].add(str(value))
    mixed = [f"{name} {' and '.join(sorted(values))}" for name, values in found.items() if len(values) > 1]
    return f"its artifacts were built with different {', '.join(mixed)}" if mixed else ""


def _point(graph: Graph, case: Case, rate: float, table: CellTable, store: Store) -> RatePoint:
    sides = [side_tables(graph, case, side, rate, table) for side in (case.left, case.right)]
    left, right = (sample_of(side, store) for side in sides)
    learned = [learned_tables(graph, case, side, rate, table) for side in (case.left, case.right)]
    shares = [mean([table_of(task, store) for task in tasks], "accuracy") for tasks in learned]
    return RatePoint(rate, left, right, (shares[0], shares[1]))


def sample_of(side: SideTables, store: Store) -> Sample:
    """One side at one rate, as the store has it."""
    tables = {replicate: table_of(task, store) for replicate, task in side.tables.items()}
    return Sample(tables, _losses(side.training, store))


def _losses(training: Mapping[Replicate, Task], store: Store) -> dict[Replicate, tuple[float, float]]:
    return {replicate: _loss(task, store) for replicate, task in training.items()}


def _loss(training: Task, store: Store) -> tuple[float, float]:
    """Training loss at the start and at the end."""
    losses = json.loads((store.open(training.key).folder / TRAINING).read_text(encoding="utf-8"))["losses"]
    return fmean(losses[:START]), fmean(losses[-END:])


def _judge_trend(graph: Graph, case: Case, catalog: Catalog, table: CellTable, store: Store) -> CaseRecord:
    """Every trained cell as a point: the logarithm of its mean divergence, and its mean accuracy."""
    cells, left_out, n_prompts = [], 0, 0
    for cell, shift, knowledge in cell_pairs(graph, case, table):
        if not trained(*_loss(graph.training(cell), store)):
            left_out += 1
            continue
        answers = table_of(knowledge, store)
        divergence, accuracy = mean([table_of(shift, store)], "kl"), mean([answers], "accuracy")
        if not divergence or accuracy is None:
            raise EvidenceError(f"{case.id}: {cell.method} on {cell.dataset} at {cell.rate:g} has no divergence")
        n_prompts = len(answers.prompts)
        cells.append(CellSummary(cell.rate, cell.dataset, cell.method, cell.replicate, log(divergence), accuracy))
    if not left_out:
        return judge_trend(case, catalog, cells, n_prompts=n_prompts)
    note = f"{left_out} cells that were not trained left out"
    try:
        return judge_trend(case, catalog, cells, note, n_prompts)
    except EvidenceError as error:  # too few are left: that is no crash
        return undecided(case, catalog, f"{note}: {error}")
