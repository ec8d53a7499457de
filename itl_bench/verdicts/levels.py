"""How well cells were trained, and where the sides of a replicate were trained equally well."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, isfinite, log

from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import Sample
from itl_bench.verdicts.learning import learned_share
from itl_bench.vocabulary import Arm

# One side: position (a learning rate, or a share of a run) -> its cells there, in order.
Samples = Mapping[float, Sample]
Curve = Sequence[tuple[float, float]]  # (position, level): the position rises, and the level falls


@dataclass(frozen=True)
class Level:
    """How well a cell was trained, as a number that falls the better it was.

    Attributes:
        name: Of what is shown.
        of: The level of a replicate of a side; not finite where it was not trained to any.
        shown: What is shown of a level.
    """

    name: str
    of: Callable[[Sample, Replicate], float]
    shown: Callable[[float], float]


@dataclass(frozen=True)
class Reading:
    """Where one side of one replicate has the matched level.

    Attributes:
        replicate: Of which replicate.
        level: The matched level.
        weights: Position -> weight; one cell of weight 1, or two neighbours whose weights sum to 1.
    """

    replicate: Replicate
    level: float
    weights: Mapping[float, float]


def _log_of_loss(sample: Sample, replicate: Replicate) -> float:
    loss = sample.loss(replicate)[1]
    if isfinite(loss) and loss <= 0:
        raise EvidenceError(f"a training loss of {loss:g} has no logarithm")
    return log(loss) if isfinite(loss) else inf


def _not_learned(sample: Sample, replicate: Replicate) -> float:
    return inf if replicate in sample.diverged else -learned_share(sample, replicate)


LEVELS: Mapping[Arm, Level] = {
    "equal-loss": Level("training loss", _log_of_loss, exp),
    "equal-learning": Level("share of new facts learned", _not_learned, lambda level: -level),
}


def match_levels(left: Samples, right: Samples, replicate: Replicate, level: Level) -> tuple[Reading, Reading]:
    """Where both sides of a replicate have the best level that both reach.

    The side whose own best it is, is read at that cell; the other between the two neighbouring positions of its curve
    that enclose it, linearly in the level.

    Raises:
        EvidenceError: The other side is better at every position of its curve, or a level does not exist.
    """
    curves = [falling_curve(side, replicate, level) for side in (left, right)]
    matched = max(curve[-1][1] for curve in curves)
    if any(curve[0][1] < matched for curve in curves):
        spans = [f"from {level.shown(curve[0][1]):.3g} to {level.shown(curve[-1][1]):.3g}" for curve in curves]
        message = f"no {level.name} that both sides reach: left goes {spans[0]}, right {spans[1]}"
        raise EvidenceError(f"{_named(replicate)}: {message}")
    one, other = (Reading(replicate, matched, _weights(curve, matched)) for curve in curves)
    return one, other


def falling_curve(side: Samples, replicate: Replicate, level: Level) -> Curve:
    """Level by position, along which a higher position trains better.

    It ends at the position of the lowest level, beyond which training was worse, and begins at the first position from
    which the level falls strictly to there. A level that is not finite ends it as a higher one does.

    Raises:
        EvidenceError: No level is finite, or one does not exist.
    """
    positions = list(side)
    try:
        found = [level.of(side[position], replicate) for position in positions]
    except EvidenceError as error:
        raise EvidenceError(f"{_named(replicate)}: {error}") from None
    ends = [end if isfinite(end) else inf for end in found]
    lowest = ends.index(min(ends))
    if ends[lowest] == inf:
        raise EvidenceError(f"{_named(replicate)}: no {level.name} is known")
    first = lowest
    while first and ends[first] < ends[first - 1] < inf:
        first -= 1
    return list(zip(positions, ends, strict=True))[first : lowest + 1]


def _weights(curve: Curve, level: float) -> dict[float, float]:
    """The cell that has the level, or the two that enclose it; the curve reaches it."""
    for position, end in curve:
        if end == level:
            return {position: 1.0}
    for (position, above), (following, below) in pairwise(curve):
        if above > level > below:
            weight = (level - below) / (above - below)
            return {position: weight, following: 1 - weight}
    raise EvidenceError(f"a level of {level:g} is not on the curve")


def _named(replicate: Replicate) -> str:
    return f"base {replicate.base}, seed {replicate.seed}"
