"""What the interval of a verdict covers where answers are right or wrong: simulated for the designs in use.

Near a ceiling a method that is almost always right has almost no spread to be seen, and intervals become too short.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, roots_hermitenorm

from itl_bench.verdicts.stats.nested import nested
from itl_bench.verdicts.stats.rule import decide_column
from itl_bench.vocabulary import ALPHA

Array = NDArray[np.float64]


class Design(NamedTuple):
    """How many of each: tuning runs on every base, and prompts that all of them answer."""

    bases: int
    runs: int
    prompts: int


class Spread(NamedTuple):
    """Standard deviations on the scale of log odds: between bases, runs, prompts, and of a run on a prompt."""

    bases: float
    runs: float
    prompts: float
    rest: float


class Kept(NamedTuple):
    """What was kept of the promises of an interval, as shares of simulated comparisons.

    Attributes:
        covered: The interval held the true effect.
        supported: The rule said SUPPORTED of "greater", the true effect being just the margin.
        refuted: It said REFUTED.
    """

    covered: float
    supported: float
    refuted: float


DESIGNS = (Design(3, 2, 450), Design(6, 1, 450), Design(6, 2, 450), Design(1, 5, 420))
SPREADS = {"little": Spread(0.1, 0.1, 1.5, 0.5), "much": Spread(0.5, 0.5, 1.5, 0.5)}
LEVELS = ((0.55, 0.5), (0.9, 0.85), (0.99, 0.95))  # shares of right answers of both sides


def kept(design: Design, spread: Spread, level: tuple[float, float], runs: int, seed: int) -> Kept:
    """Simulate comparisons of two methods whose true shares of right answers are known.

    With one base a verdict is about that base: then bases do not differ.

    Args:
        design: Of every comparison.
        spread: The same for both methods; prompts are as hard for one as for the other.
        level: Share of right answers of the left side and of the right one, over all bases, runs and prompts.
        runs: Simulated comparisons.
        seed: Of all draws.
    """
    generator, effect = np.random.default_rng(seed), level[0] - level[1]
    spread = spread if design.bases > 1 else spread._replace(bases=0.0)
    origins = [log_odds(share, spread) for share in level]
    found = np.zeros(3)
    for _ in range(runs):
        left, right = _answers(generator, design, spread, origins)
        estimate = nested(left - right, np.repeat(np.arange(design.bases), design.runs).tolist())
        low, high = estimate.interval(1 - ALPHA)
        verdict = decide_column("greater", estimate, effect).verdict
        found += low <= effect <= high, verdict == "SUPPORTED", verdict == "REFUTED"
    return Kept(*(found / runs).tolist())


def log_odds(share: float, spread: Spread) -> float:
    """The log odds whose share of right answers, over a normal spread around them, is a given one."""
    points, weights = roots_hermitenorm(101)
    sd = float(np.linalg.norm(spread))
    return float(brentq(lambda origin: weights @ expit(origin + sd * points) / weights.sum() - share, -60, 60))


def _answers(
    generator: np.random.Generator, design: Design, spread: Spread, origins: Sequence[float]
) -> tuple[Array, Array]:
    """Right or wrong of both sides, each of shape (bases x runs, prompts)."""
    prompts = spread.prompts * generator.standard_normal(design.prompts)
    sides = []
    for origin in origins:
        bases = spread.bases * generator.standard_normal((design.bases, 1, 1))
        runs = spread.runs * generator.standard_normal((design.bases, design.runs, 1))
        rest = spread.rest * generator.standard_normal((design.bases, design.runs, design.prompts))
        chances = expit(origin + bases + runs + prompts + rest)
        sides.append((generator.random(chances.shape) < chances).astype(np.float64).reshape(-1, design.prompts))
    return sides[0], sides[1]
