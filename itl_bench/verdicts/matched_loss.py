"""Both sides of a comparison where they are trained equally well: which learning rates, with which weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, log

import numpy as np

from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.verdicts.comparison import RatePoint, Replicate, Sample, shared_replicates, unit_means
from itl_bench.verdicts.stats.pseudo import Array, derive, sources

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


def tables_read(side: Samples, readings: Sequence[Reading]) -> list[Table]:
    """The tables of all cells that the readings of a side are made of."""
    return [side[rate].tables[one.replicate] for one in readings for rate in one.weights]


def values_at(
    side: Samples, readings: Sequence[Reading], measure: str, column: str, prompts: Mapping[str, str]
) -> Array:
    """A column of one side at the matched losses: the values of its cells, averaged with the weights.

    Args:
        side: The side at its learning rates.
        readings: One per replicate.
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
        sum(weight * of_cell(side[rate].tables[one.replicate]) for rate, weight in one.weights.items())
        for one in readings
    ]
    return np.concatenate(rows)
