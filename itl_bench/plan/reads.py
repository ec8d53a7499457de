"""What the verdict on a case reads: tables of both sides, at every rate and in every replicate."""

from collections.abc import Iterable, Iterator
from math import log
from typing import NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.answering import answering
from itl_bench.catalog.grid.asked_cells import (
    OVER_CELLS,
    OVER_SETTINGS,
    cell_table,
    common_rates,
    common_stops,
    recipe_of,
    trend_cells,
)
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.errors import UsageError
from itl_bench.measures.registry import OF_ANSWERS, Measure
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.made_of import TAUGHT, taught_probe
from itl_bench.plan.rates import chosen
from itl_bench.store.keys import Task
from itl_bench.vocabulary import EQUAL_ARMS, NOT_TUNED, UNTUNED


class Place(NamedTuple):
    """Where both sides are read: at a learning rate (None for each one's own), after a share of the updates."""

    rate: float | None
    stopped_after: float = 1.0


class SideTables(NamedTuple):
    """One side at one place, by replicate.

    Attributes:
        tables: The measure of the case.
        training: What happened while tuning; nothing for a base.
        taught: What it knows of the new facts that its data taught; nothing where there are none.
        untaught: What its base knows of them.
    """

    tables: dict[Replicate, Task]
    training: dict[Replicate, Task]
    taught: dict[Replicate, Task]
    untaught: dict[Replicate, Task]

    def tasks(self) -> Iterator[Task]:
        """All of them."""
        for some in self:
            yield from some.values()


def replicates(table: CellTable) -> list[Replicate]:
    """Every seed on every base."""
    return [Replicate(base, seed) for base in table.bases for seed in table.seeds]


def headline_rate(case: Case, table: CellTable) -> float | None:
    """The declared headline rate; where the case has no cells there, the nearest rate that it has.

    None in the arm `fair`, where every method has a rate of its own.
    """
    rates, headline = [rate for rate in common_rates(case, table) if rate], table.headline
    return min(rates, key=lambda rate: (abs(log(rate / headline)), rate)) if rates and headline else None


def computed(catalog: Catalog, measure: str) -> Measure:
    """How the table of a measure is made.

    Raises:
        UsageError: This version does not measure it, or the source of its function was not found.
    """
    try:
        found = catalog.measures[measure].computed
    except UsageError as error:
        raise UsageError(f"measure {measure}: {error}") from None
    if found is None:
        raise UsageError(f"this version does not measure {measure}: its entry has neither 'table' nor 'function'")
    return found


def rate_of(catalog: Catalog, table: CellTable, dataset: str, method: str, rate: float | None) -> float:
    """The rate itself, or the one that was chosen for the method and dataset where it is None."""
    if method in NOT_TUNED:
        return 0.0
    return chosen(catalog, table, dataset, method).rate if rate is None else rate


def places(case: Case, table: CellTable) -> list[Place]:
    """Where a difference is read: at every shared rate, or along one run at the headline rate."""
    if case.along == "updates":
        return [Place(table.headline, stop) for stop in common_stops(case, table)]
    return [Place(rate) for rate in common_rates(case, table)]


def side_tables(graph: Graph, case: Case, side: Side, place: Place, table: CellTable) -> SideTables:
    """What one side of a case reads at one place."""
    measure, knowledge = computed(graph.catalog, case.measure.measure), OF_ANSWERS["knowledge"]
    found = SideTables({}, {}, {}, {})
    for replicate in replicates(table):
        cell = cell_of(graph, case, side, place, table, replicate)
        found.tables[replicate] = graph.measure(measure, cell, _probe(case, side))
        if cell.method not in NOT_TUNED:
            found.training[replicate] = graph.training(cell)
        if probe := taught_probe(cell.dataset, graph.catalog):
            found.taught[replicate] = graph.measure(knowledge, cell, probe)
            found.untaught[replicate] = graph.measure(knowledge, untuned(cell), probe)
    return found


def cell_of(graph: Graph, case: Case, side: Side, place: Place, table: CellTable, replicate: Replicate) -> TunedCell:
    """The cell of one side and replicate."""
    method = side.method or ""
    cell = _cell(graph, case, table, side.dataset or case.dataset, method, place.rate, replicate)
    return cell if method in NOT_TUNED else cell._replace(stopped_after=place.stopped_after)


def _cell(
    graph: Graph, case: Case, table: CellTable, dataset: str, method: str, rate: float | None, replicate: Replicate
) -> TunedCell:
    own, recipe = rate_of(graph.catalog, table, dataset, method, rate), recipe_of(graph.catalog, table, dataset)
    answers = answering(case, table, graph.catalog)
    return TunedCell(table.model, dataset, method, own, replicate, recipe, answering=answers)


def untuned(cell: TunedCell, method: str = UNTUNED) -> TunedCell:
    """The base of a cell, asked as it is, or with worked examples in its prompt."""
    return cell._replace(method=method, rate=0.0, stopped_after=1.0)


def untuned_tables(graph: Graph, case: Case, table: CellTable) -> dict[str, list[Task]]:
    """What untuned models answer to what both sides are asked: a table for each set of prompts.

    Only where the measure is of answers alone, and both sides are asked the same; a side is no row beside itself.

    Returns:
        Method -> tables.
    """
    measure, place = computed(graph.catalog, case.measure.measure), Place(headline_rate(case, table))
    if case.over or case.arm in EQUAL_ARMS or not set(measure.made_from) <= {"probe", "responses"}:
        return {}

    def asked(side: Side, method: str) -> dict[str, Task]:
        cells = (untuned(cell_of(graph, case, side, place, table, one), method) for one in replicates(table))
        return {task.key: task for task in (graph.measure(measure, cell, _probe(case, side)) for cell in cells)}

    others = [method for method in table.untuned if method not in (case.left.method, case.right.method)]
    both = {method: [asked(side, method) for side in (case.left, case.right)] for method in others}
    return {method: list(left.values()) for method, (left, right) in both.items() if left.keys() == right.keys()}


def _probe(case: Case, side: Side) -> str:
    return side.probe or case.probe or ""


def overlaps_of(graph: Graph, cells: Iterable[TunedCell], probe: str) -> Iterator[Task]:
    """Which prompts are in what the cells were tuned on, where data and prompts are from elsewhere."""
    for cell in (one for one in cells if one.method not in NOT_TUNED):
        if task := graph.overlap(cell.dataset, cell.replicate.tuning_seed, cell.model, probe):
            yield task


class Floors(NamedTuple):
    """What the divergences of a token-shift case are set against, at its headline rate: one table for each base."""

    left: tuple[Task, ...] = ()  # that side's cell against itself tuned with another seed; nothing where there is one
    right: tuple[Task, ...] = ()
    wordings: tuple[Task, ...] = ()  # the base against itself asked in other words


def floors_of(graph: Graph, case: Case, table: CellTable) -> Floors:
    """The floors of a case of the token shift at a learning rate; others have none."""
    if case.measure.measure != "token-shift" or case.over or case.arm in EQUAL_ARMS:
        return Floors()
    own = case.text != "common"  # two seeds are compared on the answers of one of them
    left, right = (_seed_floors(graph, case, side, table) if own else () for side in (case.left, case.right))
    probe, dataset = _probe(case, case.left), case.left.dataset or case.dataset
    recipe = recipe_of(graph.catalog, table, dataset)
    answers = answering(case, table, graph.catalog)
    wordings = tuple(graph.paraphrase_floor(table.model, base, probe, dataset, recipe, answers) for base in table.bases)
    return Floors(left, right, wordings)


def _seed_floors(graph: Graph, case: Case, side: Side, table: CellTable) -> tuple[Task, ...]:
    """Of the first two seeds, on each base."""
    if len(table.seeds) == 1:
        return ()
    place, floors = Place(headline_rate(case, table)), []
    for base in table.bases:
        first, second = (cell_of(graph, case, side, place, table, Replicate(base, seed)) for seed in table.seeds[:2])
        floors.append(graph.seed_floor(first, second, _probe(case, side)))
    return tuple(floors)


def cell_pairs(graph: Graph, case: Case, table: CellTable) -> Iterator[tuple[TunedCell, Task, Task]]:
    """For a trend over all cells: each cell, its shift on facts of its data and its knowledge of held-out ones.

    On the same prompts a wrong answer alone would move both.
    """
    shifted = TAUGHT[graph.catalog.probes[case.probe or ""].world or ""]
    for dataset, method, rate in table.trained():
        if any((one.dataset, one.method) == (dataset, method) for one in case.cells):
            for replicate in replicates(table):
                cell = _cell(graph, case, table, dataset, method, rate, replicate)
                yield (
                    cell,
                    graph.measure(OF_ANSWERS["shift"], cell, shifted),
                    graph.measure(OF_ANSWERS["knowledge"], cell, case.probe or ""),
                )


def trend_tables(graph: Graph, case: Case, table: CellTable) -> Iterator[tuple[TunedCell, Task]]:
    """For a trend over datasets or ranks: each cell at the headline rate, and its table."""
    for dataset, method in trend_cells(case, table):
        for replicate in replicates(table):
            cell = _cell(graph, case, table, dataset, method, table.headline, replicate)
            yield cell, graph.measure(computed(graph.catalog, case.measure.measure), cell, _probe(case, case.left))


def tasks_of(cases: Iterable[Case], catalog: Catalog, profile: ProfileSpec | None) -> tuple[list[Task], list[str]]:
    """All tasks of measured cases, and the keys of what their verdicts read."""
    graph = Graph(catalog)
    targets: dict[str, None] = {}
    for case in cases:
        table = cell_table(case, catalog, profile)
        if table is None:
            continue
        for task in read_by(graph, case, table):
            targets[task.key] = None
    return list(graph.tasks.values()), list(targets)


def read_by(graph: Graph, case: Case, table: CellTable) -> Iterator[Task]:
    """Every artifact that the verdict on a case reads."""
    if case.over == OVER_CELLS:
        for cell, shift, knowledge in cell_pairs(graph, case, table):
            yield from (shift, knowledge, graph.training(cell), *overlaps_of(graph, [cell], case.probe or ""))
        return
    if case.over in OVER_SETTINGS:
        for cell, values in trend_tables(graph, case, table):
            yield from (values, graph.training(cell), *overlaps_of(graph, [cell], _probe(case, case.left)))
        return
    for place in places(case, table):
        for side in (case.left, case.right):
            yield from side_tables(graph, case, side, place, table).tasks()
            cells = [cell_of(graph, case, side, place, table, replicate) for replicate in replicates(table)]
            yield from overlaps_of(graph, cells, _probe(case, side))
    for beside in (*floors_of(graph, case, table), *untuned_tables(graph, case, table).values()):
        yield from beside
