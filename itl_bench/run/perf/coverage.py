"""What the interval of a verdict covers where answers are right or wrong: simulated for the designs in use.

Near a ceiling a method that is almost always right has almost no spread to be seen: intervals of t become too short.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, roots_hermitenorm

from itl_bench.verdicts.stats.nested import nested
from itl_bench.verdicts.stats.room import room
from itl_bench.verdicts.stats.rule import verdict_of_interval
from itl_bench.verdicts.stats.shares import nested_shares
from itl_bench.vocabulary import ALPHA, Expectation

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Design(NamedTuple):
    """How many of each: tuning runs on every base, units of prompts that all of them answer, and prompts of a unit."""

    bases: int
    runs: int
    units: int
    each: int = 1


class Spread(NamedTuple):
    """Standard deviations on the scale of log odds; those of prompts are half between units, where units have several.

    Attributes:
        bases: Between bases, of each method.
        runs: Between the runs of a base.
        prompts: Between prompts, the same for both methods.
        uneven: By how much, in the mean, bases fall from where they would be, for the worse method alone: an
            exponential, so that few fall far.
    """

    bases: float
    runs: float
    prompts: float = 1.5
    uneven: float = 0.0


class Comparison(NamedTuple):
    """Two methods whose true difference is just the margin of a claim, so that any verdict on it is wrong.

    Attributes:
        expect: "greater", or "at-least" where the left side is the worse one.
        left: True share of right answers of the left side.
        right: The same of the right side.
    """

    expect: Expectation
    left: float
    right: float

    @property
    def margin(self) -> float:
        """The smallest effect of interest."""
        return abs(self.left - self.right)


class Kept(NamedTuple):
    """What was kept of the promises of an interval, as shares of all simulated comparisons.

    Attributes:
        covered: The interval held the true effect.
        supported: The rule said SUPPORTED.
        refuted: It said REFUTED.
        supported_with_room: It said SUPPORTED, and the right side left room for a verdict.
        refuted_with_room: It said REFUTED, and there was room.
        width: Mean width of the interval.
        found: How often the effect lies above a margin that is lower by just so much that the interval of t says it in
            80%.
        excluded: How often it lies below one that is higher, likewise.
    """

    covered: float
    supported: float
    refuted: float
    supported_with_room: float
    refuted_with_room: float
    width: float
    found: float
    excluded: float


DESIGNS = (
    Design(3, 2, 450), Design(6, 1, 450), Design(6, 2, 450), Design(1, 5, 420),
    Design(3, 2, 150, 3), Design(6, 1, 150, 3), Design(6, 2, 150, 3),
)  # fmt: skip
SPREADS = {"little": Spread(0.1, 0.1), "much": Spread(0.5, 0.5), "uneven": Spread(0.2, 0.3, uneven=0.5)}
COMPARISONS = (
    Comparison("greater", 0.55, 0.5), Comparison("greater", 0.9, 0.85), Comparison("greater", 0.99, 0.95),
    Comparison("greater", 0.999, 0.97), Comparison("greater", 0.05, 0.01), Comparison("at-least", 0.95, 0.95),
    Comparison("at-least", 0.9, 0.95), Comparison("at-least", 0.95, 0.99),
)  # fmt: skip
POWER = 0.8


def kept(design: Design, spread: Spread, comparison: Comparison, runs: int, seed: int) -> tuple[Kept, Kept]:
    """Simulate comparisons of two methods whose true shares of right answers are known.

    With one base a verdict is about that base: then bases do not differ.

    Args:
        design: Of every comparison.
        spread: Of both methods.
        comparison: The methods and the claim.
        runs: Simulated comparisons.
        seed: Of all draws.

    Returns:
        What the interval of t kept, and that of shares, of the same simulated answers.
    """
    generator, margin = np.random.default_rng(seed), comparison.margin
    spreads = _of_sides(spread if design.bases > 1 else spread._replace(bases=0.0, uneven=0.0), comparison)
    origins = [log_odds(share, one) for share, one in zip(comparison[1:], spreads, strict=True)]
    bases = np.repeat(np.arange(design.bases), design.runs).tolist()
    ends, has_room = np.zeros((2, runs, 2)), np.zeros(runs, dtype=np.bool_)
    for run in range(runs):
        left, right = _answers(generator, design, spreads, origins)
        has_room[run] = not room(comparison.expect, float(right.mean()), 0.0, 1.0, margin)
        ends[:, run] = [
            one.interval(1 - ALPHA) for one in (nested(left - right, bases), nested_shares(left, right, bases))
        ]
    effect, of_t = comparison.left - comparison.right, ends[0]
    easier = np.quantile(effect - of_t[:, 0], POWER), np.quantile(of_t[:, 1] - effect, POWER)
    return _kept(comparison, of_t, has_room, easier), _kept(comparison, ends[1], has_room, easier)


def worst(several: Sequence[Kept]) -> Kept:
    """The least that was covered, the most that was false, the greatest width and the least power of several."""
    least = {"covered", "found", "excluded"}
    return Kept(*((min if name in least else max)(getattr(one, name) for one in several) for name in Kept._fields))


def log_odds(share: float, spread: Spread) -> float:
    """The log odds whose share of right answers, over all that varies around them, is a given one."""
    points, weights = roots_hermitenorm(101)
    sd = float(np.linalg.norm(spread[:3]))
    falls = -spread.uneven * np.log1p(-(np.arange(400) + 0.5) / 400)  # an exponential at 400 quantiles
    around = (sd * points)[:, None] - falls

    def beyond(origin: float) -> float:
        return float(weights @ expit(origin + around).mean(axis=1) / weights.sum()) - share

    return float(brentq(beyond, -60, 60))


def _of_sides(spread: Spread, comparison: Comparison) -> tuple[Spread, Spread]:
    """The spreads of the left side and of the right one: bases of the worse method alone fall unevenly."""
    even = spread._replace(uneven=0.0)
    return (even, spread) if comparison.right < comparison.left else (spread, even)


def _kept(comparison: Comparison, ends: Array, has_room: Bools, easier: tuple[float, float]) -> Kept:
    """What intervals kept.

    Args:
        comparison: Of all of them.
        ends: Shape (runs, 2): the intervals.
        has_room: Shape (runs,): whether the right side left room for a verdict.
        easier: By how much the margin lies lower, and higher, than the true effect where power is asked for.
    """
    effect, (low, high) = comparison.left - comparison.right, ends.T
    verdicts = [verdict_of_interval(comparison.expect, start, end, comparison.margin) for start, end in ends.tolist()]
    supported, refuted = (np.array([verdict == one for verdict in verdicts]) for one in ("SUPPORTED", "REFUTED"))
    return Kept(
        covered=float(np.mean((low <= effect) & (effect <= high))),
        supported=float(np.mean(supported)),
        refuted=float(np.mean(refuted)),
        supported_with_room=float(np.mean(supported & has_room)),
        refuted_with_room=float(np.mean(refuted & has_room)),
        width=float(np.mean(high - low)),
        found=float(np.mean(effect - low < easier[0])),
        excluded=float(np.mean(high - effect < easier[1])),
    )


def _answers(
    generator: np.random.Generator, design: Design, spreads: Sequence[Spread], origins: Sequence[float]
) -> tuple[Array, Array]:
    """Shares of right answers of both sides, each of shape (bases x runs, units)."""
    prompts = generator.standard_normal((design.units, design.each))
    if design.each > 1:
        prompts = (prompts + generator.standard_normal((design.units, 1))) / np.sqrt(2)
    sides = []
    for spread, origin in zip(spreads, origins, strict=True):
        bases = spread.bases * generator.standard_normal((design.bases, 1))
        bases -= spread.uneven * generator.standard_exponential((design.bases, 1))
        runs = (origin + bases + spread.runs * generator.standard_normal((design.bases, design.runs))).reshape(-1, 1, 1)
        chances = expit(runs + spread.prompts * prompts)
        sides.append((generator.random(chances.shape) < chances).mean(axis=2))
    return sides[0], sides[1]
