"""The second phase: from tables in the store to the verdict on a measured case. Nothing is built here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.asked_cells import cell_table, common_rates
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.loading import Catalog
from itl_bench.errors import ItlError
from itl_bench.plan.graph import UNTUNED, Graph
from itl_bench.plan.rates import at_edge
from itl_bench.plan.reads import (
    SideTables,
    cell_of,
    floors_of,
    headline_rate,
    learned_tables,
    read_by,
    replicates,
    side_tables,
)
from itl_bench.record import CaseRecord
from itl_bench.specs import ProfileSpec
from itl_bench.stages.measuring.overlap import in_case
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import RatePoint, Replicate, Sample
from itl_bench.verdicts.context import (
    borrowing_in_words,
    floors_in_words,
    mean,
    no_answers_in_words,
    table_of,
    too_little_to_borrow,
)
from itl_bench.verdicts.difference import count, judge_measured
from itl_bench.verdicts.equal_loss import judge_at_equal_loss
from itl_bench.verdicts.measured_trends import judge_trend_from_store, losses_of, training_loss

FEWEST_UPDATES = 94  # of a cell: 3 epochs of 1,000 rows in batches of 32 (the paper's smallest tuning), or of 250 in 8
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
    tasks = {task.key: task for task in read_by(graph, case, table)}
    read = tuple(tasks)
    judge = judge_trend_from_store if case.over else _judge_difference
    declared = ["pilot: no verdict"] if profile and profile.pilot else []
    pilot = [*declared, *too_few_updates(tasks.values(), store)]
    record = judge(graph, case, table, store, [*pilot, *at_edge(case, catalog, table)])
    notes = [*in_case(tasks.values(), graph.tasks, store), mixture(read, store)]
    reason = "; ".join(filter(None, [record.reason, *notes]))
    return record.model_copy(update={"artifacts": read, "reason": reason, "pilot": bool(pilot) or None})


def _judge_difference(graph: Graph, case: Case, table: CellTable, store: Store, obstacles: Sequence[str]) -> CaseRecord:
    points = {rate: _point(graph, case, rate, table, store) for rate in common_rates(case, table)}
    if case.at == "training-loss":
        return judge_at_equal_loss(case, graph.catalog, list(points.values()), obstacles=obstacles)
    headline = headline_rate(case, table)
    floors = floors_in_words(case, floors_of(graph, case, table), points[headline], store)
    floors = floors or borrowing_in_words(case, points[headline]) or no_answers_in_words(case, points[headline])
    blocked = [*obstacles, *too_little_to_borrow(case, points[headline])]
    return judge_measured(case, graph.catalog, list(points.values()), headline, floors, blocked)


def too_few_updates(tasks: Iterable[Task], store: Store) -> list[str]:
    """Why the shortest tuning among what a verdict reads cannot carry one; nothing where all are long enough."""
    updates = [len(losses_of(task, store)) for task in tasks if task.spec.get("measure") == "training"]
    fewest = min(updates, default=FEWEST_UPDATES)
    enough = fewest >= FEWEST_UPDATES
    return [] if enough else [f"pilot: cells of {count(fewest, 'update')}; a verdict needs {FEWEST_UPDATES}"]


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


def _point(graph: Graph, case: Case, rate: float | None, table: CellTable, store: Store) -> RatePoint:
    sides = [side_tables(graph, case, side, rate, table) for side in (case.left, case.right)]
    left, right = (sample_of(side, store) for side in sides)
    learned = [learned_tables(graph, case, side, rate, table) for side in (case.left, case.right)]
    shares = [mean([table_of(task, store) for task in tasks], "accuracy") for tasks in learned]
    if rate is not None:
        return RatePoint(rate, left, right, (shares[0], shares[1]))
    own = [_own_rate(graph, case, side, table) for side in (case.left, case.right)]
    return RatePoint(None, left, right, (shares[0], shares[1]), (own[0], own[1]))


def _own_rate(graph: Graph, case: Case, side: Side, table: CellTable) -> float | None:
    cell = cell_of(graph, case, side, None, table, replicates(table)[0])
    return None if cell.method == UNTUNED else cell.rate


def sample_of(side: SideTables, store: Store) -> Sample:
    """One side at one rate, as the store has it."""
    tables = {replicate: table_of(task, store) for replicate, task in side.tables.items()}
    return Sample(tables, _losses(side.training, store))


def _losses(training: Mapping[Replicate, Task], store: Store) -> dict[Replicate, tuple[float, float]]:
    return {replicate: training_loss(task, store) for replicate, task in training.items()}
