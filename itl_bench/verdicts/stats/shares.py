"""Differences of shares of answers: an interval that is longer where a share near 0 or 1 hides its own spread."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import Interval
from itl_bench.verdicts.stats.nested import NestedEstimate, nested, nested_mean, nested_unpaired

Array = NDArray[np.float64]

EDGE = 0.002  # shares are drawn in by this much at 0 and at 1, where log odds have no end
FARTHEST = 1e9  # standard errors; an end that is not reached by then is reached at no confidence


@dataclass(frozen=True)
class SharesEstimate(NestedEstimate):
    """Left minus right of two shares of answers, never outside [-1, 1].

    Effect, standard error and degrees of freedom are those of the difference, as for any measure. What differs is how
    they become an interval. Each side gets its part of the variance and limits on the scale of log odds, where an error
    of s at a share p is s / (p (1 - p)). Both sides' distances from their shares are then combined as Newcombe (1998,
    Statistics in Medicine 17:873-890) and Donner and Zou (2002, Biometrics 58:209-215) do: the lower end is the effect
    minus the root of the summed squares of how far the left side may lie below its share and the right side above its
    own. In the middle of the scale that is the t interval.

    Log odds alone correct half of what is needed: replicates that happen to lie near the edge also look alike. With e
    the error on log odds, limits lie k e (1 + |1 - 2p| e) towards the middle and k e / (1 + |1 - 2p| e) towards the
    edge, k being the quantile of t.

    Attributes:
        left: Share of the left side, inside (0, 1): at 0 and 1 drawn in.
        right: Share of the right side, likewise.
        left_part: The left side's part of the variance, in [0, 1].
    """

    left: float
    right: float
    left_part: float

    def __post_init__(self) -> None:
        """Refuse numbers that are no shares."""
        super().__post_init__()
        if not (0 < self.left < 1 and 0 < self.right < 1 and 0 <= self.left_part <= 1):
            raise EvidenceError(f"{self.left}, {self.right} and the part {self.left_part} are no shares")

    def interval(self, confidence: float) -> Interval:
        """Return the interval, which need not be symmetric; without any spread it is the point itself.

        Args:
            confidence: In (0, 1), for example 0.95.

        Raises:
            EvidenceError: If the confidence is not inside (0, 1).
        """
        quantile = self._quantile(confidence)
        return Interval(max(-1.0, self.effect - self._below(quantile)), min(1.0, self.effect + self._above(quantile)))

    def with_more_units(self, factor: float) -> "SharesEstimate":
        """Return the same effect with the standard error and degrees of freedom of `factor` times the units."""
        more = super().with_more_units(factor)
        return replace(
            self, standard_error=more.standard_error, degrees_of_freedom=more.degrees_of_freedom, n_units=more.n_units
        )

    def p_above(self, boundary: float) -> float:
        """Return the one-sided p of "the effect is at most boundary", by the interval that ends at the boundary."""
        return super().p_above(boundary) if self.standard_error == 0 else self._tails(boundary)[0]

    def p_below(self, boundary: float) -> float:
        """Return the one-sided p of "the effect is at least boundary", by the interval that ends at the boundary."""
        return super().p_below(boundary) if self.standard_error == 0 else self._tails(boundary)[1]

    def _tails(self, boundary: float) -> tuple[float, float]:
        """Both p: (1 - c) / 2, c being the confidence of the interval that ends at the boundary, and the rest of 1."""
        if abs(boundary) > 1:
            return float(boundary > 1), float(boundary < -1)
        if boundary < self.effect:
            tail = self._tail_beyond(self._below, self.effect - boundary)
            return tail, 1 - tail
        tail = self._tail_beyond(self._above, boundary - self.effect)
        return 1 - tail, tail

    def _below(self, quantile: float) -> float:
        """How far the lower end lies below the effect, so many standard errors away."""
        return math.hypot(self._left_to(-quantile), self._right_to(quantile))

    def _above(self, quantile: float) -> float:
        return math.hypot(self._left_to(quantile), self._right_to(-quantile))

    def _left_to(self, quantile: float) -> float:
        return _distance(self.left, self.standard_error * math.sqrt(self.left_part), quantile)

    def _right_to(self, quantile: float) -> float:
        return _distance(self.right, self.standard_error * math.sqrt(1 - self.left_part), quantile)

    def _tail_beyond(self, end: Callable[[float], float], distance: float) -> float:
        """The probability of t beyond the quantile at which an end of the interval is this far from the effect."""
        if distance == 0:
            return 0.5
        if end(FARTHEST) < distance:
            return 0.0
        quantile = brentq(lambda at: end(at) - distance, 0.0, FARTHEST, xtol=1e-12)
        return self._tail(quantile * self.standard_error)


def nested_shares(left: ArrayLike, right: ArrayLike, bases: Sequence[int], paired: bool = True) -> SharesEstimate:
    """Estimate the difference of two shares of answers, from tables whose replicates are nested in bases.

    The variance is that of `nested` (of `nested_unpaired` where the sides answer different prompts). A side's part of
    it is the mean of two: by the sides' own variances between replicates, which few replicates tell poorly, and by what
    they would be if log odds varied alike on both.

    What it covers is on docs/statistics.md, for every design in use, by `itl-bench perf coverage`.

    Args:
        left: Shape (R, P): for each of R >= 2 replicates and P >= 2 units of prompts a share in [0, 1].
        right: The same for the right side; unpaired it may have other prompts, or one mean over its own for each
            replicate.
        bases: Shape (R,): the base that each replicate was tuned from.
        paired: Whether both sides answer the same prompts.

    Raises:
        EvidenceError: As of `nested`, if a value is not in [0, 1], or if paired tables differ in shape.
    """
    one, other = sides = _shares(left), _shares(right)
    if paired and one.shape != other.shape:
        raise EvidenceError(f"paired sides have one shape, not {one.shape} and {other.shape}")
    difference = nested(one - other, bases) if paired else nested_unpaired(one, other, bases)
    shares = [EDGE + (1 - 2 * EDGE) * float(side.mean()) for side in sides]
    own = [nested_mean(side.mean(axis=1).tolist(), bases).standard_error ** 2 for side in sides]
    alike = [(share * (1 - share)) ** 2 for share in shares]
    left_part = (_first_part(own, alike) + _first_part(alike, alike)) / 2
    return SharesEstimate(**vars(difference), left=shares[0], right=shares[1], left_part=left_part)


def _shares(table: ArrayLike) -> Array:
    values = np.asarray(table, dtype=np.float64)
    outside = np.isfinite(values) & ((values < 0) | (values > 1))  # the rest is refused as of any table
    if outside.any():
        raise EvidenceError(f"a share of answers lies in [0, 1], not at {values[outside][0]:g}")
    return values


def _first_part(sizes: Sequence[float], otherwise: Sequence[float]) -> float:
    return sizes[0] / sum(sizes) if sum(sizes) > 0 else otherwise[0] / sum(otherwise)


def _distance(share: float, error: float, quantile: float) -> float:
    """How far a limit of a share lies from it, `quantile` standard errors up (or, below 0, down) on log odds."""
    if quantile < 0:
        return _distance(1 - share, error, -quantile)
    on_log_odds = error / (share * (1 - share))
    stretch = 1 + abs(1 - 2 * share) * on_log_odds
    step = quantile * on_log_odds * (stretch if share < 0.5 else 1 / stretch)
    # The share whose log odds are `step` higher, minus the share: written so that no step is exactly no distance.
    return -share * (1 - share) * math.expm1(-step) / (share + (1 - share) * math.exp(-step))
