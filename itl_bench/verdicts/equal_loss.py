"""A measured difference where both sides are trained equally well -> verdict.

At one shared learning rate a method cannot be told from how well it was trained; here both sides share the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, log
from statistics import fmean

import numpy as np

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord
from itl_bench.verdicts.comparison import RatePoint, Sample, prompts_with_values, shared_replicates, unit_means
from itl_bench.verdicts.facts import UNKNOWN, Numbers, Sizes, numbers_of, record_of, unless_blocked, with_reason
from itl_bench.verdicts.guards import not_trained, repetitions, too_few, too_few_prompts, trained, without_value
from itl_bench.verdicts.stats.pseudo import Array, derive, sources
from itl_bench.verdicts.tables import columns_needed

Samples = Mapping[float, Sample]  # one side: learning rate -> its cells there, in order of rate
Curve = Sequence[tuple[float, float]]  # (learning rate, training loss at the end), the rate rises and the loss falls


@dataclass(frozen=True)
class Reading:
    """Where one side of one replicate has the matched training loss.

    Attributes:
        replicate: Of which replicate.
        loss: The matched loss at the end of training, nats per token.
        weights: Learning rate -> weight; one cell of weight 1, or two neighbours whose weights sum to 1.
    """

    replicate: Replicate
    loss: float
    weights: Mapping[float, float]


@dataclass(frozen=True)
class SideRead:
    """One side at the matched losses.

    Attributes:
        samples: The side at its learning rates.
        readings: Where each replicate of it is read.
    """

    samples: Samples
    readings: Sequence[Reading]

    def tables(self) -> list[Table]:
        """The tables of all cells that the readings are made of."""
        return [self.samples[rate].tables[one.replicate] for one in self.readings for rate in one.weights]

    def was_trained(self) -> list[bool]:
        """For each replicate whether all cells that it is read between were trained."""
        return [all(trained(*self.samples[rate].loss(one.replicate)) for rate in one.weights) for one in self.readings]

    def values(self, measure: str, column: str, prompts: Mapping[str, str]) -> Array:
        """A column at the matched losses: the values of the cells, averaged with the weights.

        Args:
            measure: Id of the measure.
            column: One of its columns, as the claim asks for it.
            prompts: Prompt -> unit; every table read has a value of each.

        Returns:
            Shape (R, P): values or pseudo-values (`itl_bench.verdicts.stats.pseudo`) by replicate and sorted unit.

        Raises:
            EvidenceError: If a mean whose logarithm is asked for is not above 0.
        """

        def of_cell(table: Table) -> Array:
            return derive(measure, column, [[unit_means(table, name, prompts)] for name in sources(measure, column)])

        rows = [
            sum(weight * of_cell(self.samples[rate].tables[one.replicate]) for rate, weight in one.weights.items())
            for one in self.readings
        ]
        return np.concatenate(rows)


def verdict_at_equal_loss(
    case: Case, catalog: Catalog, points: Sequence[RatePoint], floors: str = "", obstacles: Sequence[str] = ()
) -> CaseRecord:
    """The verdict on a measured difference at the lowest training loss that both sides of a replicate reach.

    Its interval is that of `verdict_on_difference`: what interpolating between learning rates misses is not in it.

    Args:
        case: A case with evidence measured that compares two tuned methods on the same prompts.
        catalog: The catalog it is from.
        points: Both sides at each learning rate; losses that do not meet decide nothing.
        floors: What to set the effect against, in words: it ends the reason.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: A rate is missing or given twice, no replicate is at every rate, or the numbers cannot carry a
            verdict (no common prompt, NaN, a logarithm of 0): an error, never a verdict.
    """
    left, right = sides_by_rate(points)
    replicates = common_replicates(left, right)
    try:
        matches = [match_losses(left, right, one) for one in replicates]
    except EvidenceError as error:  # sides that were trained differently well at every rate are no crash
        numbers, sizes = Numbers(reason=f"no match at equal training loss: {error}"), UNKNOWN
    else:
        left_read = SideRead(left, [one for one, _ in matches])
        right_read = SideRead(right, [other for _, other in matches])
        numbers, sizes = _compared(case, left_read, right_read, floors, obstacles)
    return record_of(case, catalog, numbers, sizes, rates=left, points=())


def sides_by_rate(points: Sequence[RatePoint]) -> tuple[Samples, Samples]:
    """Left and right by learning rate, in order of rate.

    Raises:
        EvidenceError: If a point has no rate, or if a rate is given twice.
    """
    by_rate = {point.rate: point for point in points if point.rate is not None}
    if len(by_rate) < len(points):
        raise EvidenceError("a match of training losses needs points at learning rates that differ")
    ordered = sorted(by_rate)
    return {rate: by_rate[rate].left for rate in ordered}, {rate: by_rate[rate].right for rate in ordered}


def common_replicates(left: Samples, right: Samples) -> tuple[Replicate, ...]:
    """The replicates that both sides have at every rate, in order.

    Raises:
        EvidenceError: If there are none.
    """
    at_rates = [set(shared_replicates(left[rate], right[rate])) for rate in left]
    if not (common := set.intersection(*at_rates)):
        raise EvidenceError("no replicate has both sides at every learning rate")
    return tuple(sorted(common))


def match_losses(left: Samples, right: Samples, replicate: Replicate) -> tuple[Reading, Reading]:
    """Where both sides of a replicate have the lowest training loss that both reach.

    The side whose own lowest it is, is read at that cell; the other between the two neighbouring rates of its curve
    that enclose it, linearly in the logarithm of the loss.

    Raises:
        EvidenceError: If the other side is below that loss at every rate of its curve, or if a loss is not above 0.
    """
    curves = [falling_curve(side, replicate) for side in (left, right)]
    loss = max(curve[-1][1] for curve in curves)
    if any(curve[0][1] < loss for curve in curves):
        left_from, right_from = (f"from {curve[0][1]:.3g} to {curve[-1][1]:.3g}" for curve in curves)
        message = f"no training loss that both sides reach: left falls {left_from}, right {right_from}"
        raise EvidenceError(f"{_named(replicate)}: {message}")
    one, other = (Reading(replicate, loss, _weights(curve, loss)) for curve in curves)
    return one, other


def falling_curve(side: Samples, replicate: Replicate) -> Curve:
    """Training loss at the end by learning rate, along which a higher rate trains better.

    It ends at the rate of the lowest loss, beyond which a higher rate trains worse, and begins at the lowest rate from
    which the loss falls strictly to there. A rate whose loss is not finite ends it as one with a higher loss does.

    Raises:
        EvidenceError: If no loss is finite, or if the lowest is not above 0: it has no logarithm.
    """
    rates = list(side)
    ends = [end if isfinite(end) else inf for end in (side[rate].loss(replicate)[1] for rate in rates)]
    lowest = ends.index(min(ends))
    if not 0 < ends[lowest] < inf:
        raise EvidenceError(f"{_named(replicate)}: a lowest training loss of {ends[lowest]:g} has no logarithm")
    first = lowest
    while first and ends[first] < ends[first - 1] < inf:
        first -= 1
    return list(zip(rates, ends, strict=True))[first : lowest + 1]


def _weights(curve: Curve, loss: float) -> dict[float, float]:
    """The cell that has the loss, or the two that enclose it; the curve reaches it."""
    for rate, end in curve:
        if end == loss:
            return {rate: 1.0}
    for (rate, above), (next_rate, below) in pairwise(curve):
        if above > loss > below:
            weight = log(loss / below) / log(above / below)
            return {rate: weight, next_rate: 1 - weight}
    raise EvidenceError(f"a training loss of {loss:g} is not on the curve")


def _named(replicate: Replicate) -> str:
    return f"base {replicate.base}, seed {replicate.seed}"


def _compared(
    case: Case, left: SideRead, right: SideRead, floors: str, obstacles: Sequence[str]
) -> tuple[Numbers, Sizes]:
    """The case's numbers, what blocks a verdict, and where both sides were read."""
    replicates = [one.replicate for one in left.readings]
    prompts, left_out = prompts_with_values([*left.tables(), *right.tables()], columns_needed(case))
    names = [_name(case, case.left, left), _name(case, case.right, right)]
    found = zip(names, (left.was_trained(), right.was_trained()), strict=True)
    blocked = [*obstacles, *not_trained(found), *too_few(replicates), *too_few_prompts(len(prompts))]
    numbers = unless_blocked(lambda: _numbers(case, left, right, prompts), blocked)
    notes = [without_value(left_out), _losses(left.readings), ", ".join(names), repetitions(replicates), floors]
    return with_reason(numbers, blocked, notes), Sizes.of(len(prompts), replicates)


def _numbers(case: Case, left: SideRead, right: SideRead, prompts: Mapping[str, str]) -> Numbers:
    if not prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    measure = case.measure.measure
    sides = {name: (left.values(measure, name, prompts), right.values(measure, name, prompts)) for name in case.columns}
    return numbers_of(case, sides, [one.replicate.base for one in left.readings])


def _name(case: Case, side: Side, read: SideRead) -> str:
    """For example "full between rates 0.0003 and 0.001" or "lora at 0.01", over all replicates."""
    rates = sorted({rate for one in read.readings for rate in one.weights})
    where = f"between rates {rates[0]:g} and {rates[-1]:g}" if len(rates) > 1 else f"at {rates[0]:g}"
    return f"{side_name(case, side)} {where}"


def _losses(readings: Sequence[Reading]) -> str:
    losses = [one.loss for one in readings]
    spread = f" ({min(losses):.3g} to {max(losses):.3g})" if len(losses) > 1 else ""
    return f"at equal training loss, {fmean(losses):.3g}{spread}"
