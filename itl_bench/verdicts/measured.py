"""The second phase: from tables in the store to the verdict on a measured case. Nothing is built here."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from types import MappingProxyType
from typing import Any

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.answering import answering
from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.catalog.serving import TRANSFORMERS
from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError, ItlError
from itl_bench.plan.cells import Replicate
from itl_bench.plan.graph import Graph
from itl_bench.plan.made_of import TAUGHT
from itl_bench.plan.overlaps import in_case
from itl_bench.plan.rates import at_edge
from itl_bench.plan.reads import (
    Place,
    SideTables,
    cell_of,
    floors_of,
    headline_rate,
    places,
    read_by,
    replicates,
    side_tables,
    untuned_tables,
)
from itl_bench.record import CaseRecord, LearningRecord, UntunedRecord
from itl_bench.store.keys import Task, resting_on
from itl_bench.store.store import Store
from itl_bench.verdicts.beside import floors_in_words
from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.difference import verdict_on_difference
from itl_bench.verdicts.equal_arms import verdict_when_equal
from itl_bench.verdicts.guards import too_few_updates
from itl_bench.verdicts.judged import outcomes, too_many_without_score
from itl_bench.verdicts.learning import learning_of, mean_learned
from itl_bench.verdicts.tables import column_mean, table_of, training_loss
from itl_bench.verdicts.trend import trend_from_store
from itl_bench.vocabulary import EQUAL_ARMS, NOT_TUNED

Lost = Mapping[str, str]  # keys of what is not in the store because a training diverged -> what was said of it

NOTHING_LOST: Lost = MappingProxyType({})
BUILT_WITH = ("torch", "transformers", "peft", "device")


def verdict_from_store(
    case: Case, catalog: Catalog, profile: ProfileSpec | None, store: Store, diverged: Lost = NOTHING_LOST
) -> CaseRecord:
    """The verdict on a measured case; a learning rate at which a training diverged gives none, and others stay.

    Args:
        case: A case with evidence measured.
        catalog: The catalog it is from.
        profile: Whose cells; None for those of the default profile.
        store: Where the tables are.
        diverged: Keys of tunings that were tried and diverged, with what was said of each.

    Raises:
        KeyError: An artifact that the verdict reads is not in the store.
        DamagedArtifactError: One of them is damaged.
        EvidenceError: The tables cannot carry a verdict.
    """
    table = cell_table(case, catalog, profile)
    if table is None:
        raise ItlError(f"{case.id}: no profile trains its cells")
    graph = Graph(catalog)
    tasks = {task.key: task for task in read_by(graph, case, table)}
    lost = lost_to(diverged, graph, store)
    tasks = {key: task for key, task in tasks.items() if key not in lost}
    read = tuple(tasks)
    verdict_of = trend_from_store if case.over else _difference_from_store
    declared = ["pilot: no verdict"] if profile and profile.pilot else []
    pilot = [*declared, *too_few_updates(tasks.values(), store, graph.tasks)]
    unscored = too_many_without_score(tasks.values(), store, catalog.judge.ceiling)
    record = verdict_of(graph, case, table, store, [*pilot, *unscored, *at_edge(case, catalog, table)], lost)
    left, answers = catalog.serving.left.get(case.id), answering(case, table, catalog)
    asked = f"answered by transformers, because {left}" if left else ""
    notes = [*in_case(tasks.values(), graph.tasks, store), mixture(read, store), asked]
    return record.model_copy(
        update={
            "artifacts": read, "reason": "; ".join(filter(None, [record.reason, *notes])), "left": left,
            "untuned": _untuned(graph, case, table, store, record.deciding_column),
            **_scored(tasks.values(), catalog, store),
            "pilot": True if pilot else None, "answered_by": None if answers == TRANSFORMERS else answers.in_words(),
        }
    )  # fmt: skip


def _scored(tasks: Iterable[Task], catalog: Catalog, store: Store) -> dict[str, object]:
    """What the record says of the judge that scored the answers; nothing where none did."""
    found = outcomes(tasks, store)
    said: dict[str, object] = {"judge": catalog.judge.id, "outcomes": found} if found else {}
    return said | ({"basis": "scripted"} if found and catalog.judge.scripted else {})


def lost_to(diverged: Lost, graph: Graph, store: Store) -> Lost:
    """What is not in the store because of tunings that diverged, and with what was said of them: tables, too.

    Args:
        diverged: Keys of the tunings.
        graph: With all that a verdict reads.
        store: Where it would be.
    """
    found = ((key, said) for one, said in diverged.items() for key in resting_on(graph.tasks, [one]))
    return {key: said for key, said in found if not store.has(key)}


def sample_of(side: SideTables, store: Store, lost: Lost = NOTHING_LOST) -> Sample:
    """One side at one rate, as the store has it."""
    both = [*side.training.items(), *side.tables.items()]
    diverged = {one: lost[task.key] for one, task in both if task.key in lost}

    def known(tasks: Mapping[Replicate, Task]) -> dict[Replicate, Table]:
        return {one: table_of(task, store) for one, task in tasks.items() if one not in diverged}

    losses = {one: training_loss(task, store) for one, task in side.training.items() if one not in diverged}
    return Sample(known(side.tables), losses, diverged, known(side.taught), known(side.untaught))


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


def _difference_from_store(
    graph: Graph, case: Case, table: CellTable, store: Store, obstacles: Sequence[str], lost: Lost
) -> CaseRecord:
    found = [_point(graph, case, place, table, store, lost) for place in places(case, table)]
    if case.arm in EQUAL_ARMS:
        return verdict_when_equal(case, graph.catalog, found, obstacles=obstacles)
    points = {point.rate: point for point in found}
    headline = headline_rate(case, table)
    floors = floors_in_words(case, floors_of(graph, case, table), store, lost)
    record = verdict_on_difference(case, graph.catalog, found, headline, floors, obstacles)
    return record.model_copy(update={"learning": _mark(case, points[headline])})


def _untuned(
    graph: Graph, case: Case, table: CellTable, store: Store, column: str | None
) -> tuple[UntunedRecord, ...] | None:
    """What untuned models score in the deciding column, averaged over their tables."""
    if column is None:
        return None
    found = []
    for method, tasks in untuned_tables(graph, case, table).items():
        with suppress(EvidenceError):  # it states no value at all
            value = fmean(column_mean(case, table_of(task, store), column) for task in tasks)
            found.append(UntunedRecord(method=method, value=value))
    return tuple(found) or None


def _mark(case: Case, point: RatePoint) -> LearningRecord | None:
    """Whether both sides learned as much; nothing where that is the question itself, or both sides are one cell."""
    asked = {side.probe or case.probe for side in (case.left, case.right)}
    if asked & set(TAUGHT.values()) or point.left.losses == point.right.losses:
        return None
    return learning_of(point.left, point.right)


def _point(graph: Graph, case: Case, place: Place, table: CellTable, store: Store, lost: Lost) -> RatePoint:
    sides = [side_tables(graph, case, side, place, table) for side in (case.left, case.right)]
    left, right = (sample_of(side, store, lost) for side in sides)
    shares = [mean_learned(side) if side.losses else None for side in (left, right)]
    if place.rate is not None:
        return RatePoint(place.rate, left, right, (shares[0], shares[1]), stopped_after=place.stopped_after)
    own = [_own_rate(graph, case, side, table) for side in (case.left, case.right)]
    return RatePoint(None, left, right, (shares[0], shares[1]), (own[0], own[1]))


def _own_rate(graph: Graph, case: Case, side: Side, table: CellTable) -> float | None:
    cell = cell_of(graph, case, side, Place(None), table, replicates(table)[0])
    return None if cell.method in NOT_TUNED else cell.rate
