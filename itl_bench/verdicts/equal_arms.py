"""A measured difference where both sides are trained equally well -> verdict.

At one shared learning rate a method cannot be told from how well it was trained; here both sides share the training
loss, or the share of new facts that they learned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord, LearningRecord
from itl_bench.verdicts.beside import beside
from itl_bench.verdicts.comparison import RatePoint, prompts_with_values, shared_replicates, unit_means
from itl_bench.verdicts.facts import UNKNOWN, Numbers, Sizes, numbers_of, record_of, unless_blocked, with_reason
from itl_bench.verdicts.guards import (
    no_room,
    not_trained,
    repetitions,
    too_few,
    too_few_prompts,
    trained,
    without_value,
)
from itl_bench.verdicts.learning import EQUAL_WITHIN
from itl_bench.verdicts.levels import LEVELS, Level, Reading, Samples, match_levels
from itl_bench.verdicts.stats.pseudo import Array, derive
from itl_bench.verdicts.tables import columns_needed, columns_read


@dataclass(frozen=True)
class SideRead:
    """One side at the matched levels.

    Attributes:
        samples: The side at its positions.
        readings: Where each replicate of it is read.
    """

    samples: Samples
    readings: Sequence[Reading]

    def tables(self) -> list[Table]:
        """The tables of all cells that the readings are made of."""
        return [self.samples[at].tables[one.replicate] for one in self.readings for at in one.weights]

    def at_end(self, end: int) -> "SideRead":
        """The same side, read at the first (0) or the last (-1) of the cells that each reading lies between."""
        at = [replace(one, weights={list(one.weights)[end]: 1.0}) for one in self.readings]
        return replace(self, readings=at)

    def was_trained(self) -> list[bool]:
        """For each replicate whether all cells that it is read between were trained."""
        return [all(trained(*self.samples[at].loss(one.replicate)) for at in one.weights) for one in self.readings]

    def values(self, case: Case, column: str, prompts: Mapping[str, str]) -> Array:
        """A column at the matched levels: the values of the cells, averaged with the weights.

        Args:
            case: Whose measure it is.
            column: One of its columns.
            prompts: Prompt -> unit; every table read has a value of each.

        Returns:
            Shape (R, P): values or pseudo-values (`itl_bench.verdicts.stats.pseudo`) by replicate and sorted unit.

        Raises:
            EvidenceError: If a mean whose logarithm is asked for is not above 0.
        """

        def of_cell(table: Table) -> Array:
            means = [[unit_means(table, name, prompts)] for name in columns_read(case, column)]
            return derive(case.measure.measure, column, means)

        rows = [
            sum(weight * of_cell(self.samples[at].tables[one.replicate]) for at, weight in one.weights.items())
            for one in self.readings
        ]
        return np.concatenate(rows)


def verdict_when_equal(
    case: Case, catalog: Catalog, points: Sequence[RatePoint], obstacles: Sequence[str] = ()
) -> CaseRecord:
    """The verdict on a measured difference at the best level of training that both sides of a replicate reach.

    Its interval is that of `verdict_on_difference`: what interpolating between positions misses is not in it.

    Args:
        case: A case with evidence measured, in an arm whose sides share a level, on the same prompts.
        catalog: The catalog it is from.
        points: Both sides at each position: a learning rate, or a share of a run. Levels that do not meet decide
            nothing.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: A position is missing or given twice, no replicate is at every one, or the numbers cannot carry
            a verdict (no common prompt, NaN, a logarithm of 0): an error, never a verdict.
    """
    assert case.arm is not None
    level = LEVELS[case.arm]
    left, right = sides_by_position(points, case.along)
    replicates = common_replicates(left, right)
    numbers, sizes, learning = Numbers(), UNKNOWN, None
    try:
        matches = [match_levels(left, right, one, level) for one in replicates]
    except EvidenceError as error:  # sides that were trained differently well at every position are no crash
        numbers = Numbers(reason=f"no match at equal {level.name}: {error}")
    else:
        sides = SideRead(left, [one for one, _ in matches]), SideRead(right, [other for _, other in matches])
        numbers, sizes = _compared(case, *sides, level, obstacles)
        learning = _learning(case, sides[0].readings, level)
    rates = sorted({point.rate for point in points if point.rate is not None})
    record = record_of(case, catalog, numbers, sizes, rates, points=())
    return record.model_copy(update={"learning": learning})


def sides_by_position(points: Sequence[RatePoint], along: str | None) -> tuple[Samples, Samples]:
    """Left and right by position, in order.

    Raises:
        EvidenceError: A point has no rate, or a position is given twice.
    """
    by_position = {
        point.stopped_after if along == "updates" else point.rate: point for point in points if point.rate is not None
    }
    if len(by_position) < len(points):
        raise EvidenceError("a match of levels needs points at positions that differ")
    ordered = sorted(by_position)
    return {at: by_position[at].left for at in ordered}, {at: by_position[at].right for at in ordered}


def common_replicates(left: Samples, right: Samples) -> tuple[Replicate, ...]:
    """The replicates that both sides have at every position, in order.

    Raises:
        EvidenceError: If there are none.
    """
    everywhere = [set(shared_replicates(left[position], right[position])) for position in left]
    if not (common := set.intersection(*everywhere)):
        raise EvidenceError("no replicate has both sides at every position")
    return tuple(sorted(common))


def _compared(
    case: Case, left: SideRead, right: SideRead, level: Level, obstacles: Sequence[str]
) -> tuple[Numbers, Sizes]:
    """The case's numbers, what blocks a verdict, and where both sides were read."""
    replicates = [one.replicate for one in left.readings]
    prompts, left_out = prompts_with_values([*left.tables(), *right.tables()], columns_needed(case))
    names = [_name(case, case.left, left), _name(case, case.right, right)]
    found = zip(names, (left.was_trained(), right.was_trained()), strict=True)
    blocked = [
        *obstacles, *not_trained(found), *_hardly_learned(case, left.readings, level), *too_few(replicates),
        *too_few_prompts(len(prompts)),
    ]  # fmt: skip
    numbers = unless_blocked(lambda: _numbers(case, left, right, prompts), blocked)
    tables = left.tables(), right.tables()
    blocked += no_room(case, {column.name: column.right for column in numbers.columns}, tables[1])
    notes = [
        without_value(left_out), _levels(left.readings, level), ", ".join(names), _between(case, left, right, prompts),
        repetitions(replicates), beside(case, tables),
    ]  # fmt: skip
    return with_reason(numbers, blocked, notes), Sizes.of(len(prompts), replicates)


def _hardly_learned(case: Case, readings: Sequence[Reading], level: Level) -> list[str]:
    """Why sides that learned next to nothing cannot be compared at equal learning; nothing where they learned."""
    if case.arm != "equal-learning":
        return []
    share = fmean(level.shown(one.level) for one in readings)
    return [] if share > EQUAL_WITHIN else [f"hardly anything was learned where both learned as much: {share:.2f}"]


def _learning(case: Case, readings: Sequence[Reading], level: Level) -> LearningRecord | None:
    if case.arm != "equal-learning":
        return None
    share = fmean(level.shown(one.level) for one in readings)
    return LearningRecord(mark="equal", left=share, right=share, difference=0.0)


def _numbers(case: Case, left: SideRead, right: SideRead, prompts: Mapping[str, str]) -> Numbers:
    if not prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    sides = {name: (left.values(case, name, prompts), right.values(case, name, prompts)) for name in case.columns}
    return numbers_of(case, sides, [one.replicate.base for one in left.readings])


def _between(case: Case, left: SideRead, right: SideRead, prompts: Mapping[str, str]) -> str:
    """What the numbers are at the cells on either side of where a side is read; nothing where it is read at one.

    Along a curve that bends, a reading between two cells is not what a cell there would be.
    """
    if all(len(one.weights) == 1 for one in (*left.readings, *right.readings)) or not prompts:
        return ""
    ends = (_numbers(case, left.at_end(end), right.at_end(end), prompts) for end in (0, -1))
    found = [f"{one.effect:+.3g} ({one.verdict})" for one in ends if one.effect is not None]
    return f"at the cells on either side {' and '.join(found)}"


def _name(case: Case, side: Side, read: SideRead) -> str:
    """For example "full between rates 0.0003 and 0.001" or "lora at rate 0.01", over all replicates."""
    positions = sorted({position for one in read.readings for position in one.weights})
    first, last = f"{positions[0]:g}", f"{positions[-1]:g}"
    if case.along == "updates":
        where = f"after {first}" + (f" to {last}" if last != first else "") + " of its updates"
    else:
        where = f"between rates {first} and {last}" if last != first else f"at {first}"
    return f"{side_name(case, side)} {where}"


def _levels(readings: Sequence[Reading], level: Level) -> str:
    values = [level.shown(one.level) for one in readings]
    spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    return f"at equal {level.name}, {fmean(values):.3g}{spread}"
