"""An effect with what is known about its error: a sampling spread (Student t) or a reading error (bounds)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from scipy import special

from itl_bench.errors import EvidenceError


class Interval(NamedTuple):
    """A closed interval, in the unit of the effect."""

    low: float
    high: float


class Estimate(Protocol):
    """What the verdict rule needs to know about an effect, whatever it was estimated from."""

    @property
    def effect(self) -> float:
        """The estimated effect, in the unit of its measure."""

    @property
    def n_units(self) -> int:
        """Number of independent units behind the effect."""

    def interval(self, confidence: float) -> Interval:
        """Return the two-sided interval at a confidence in (0, 1)."""

    def with_more_units(self, factor: float) -> "Estimate":
        """Return the same effect as `factor` times as many units would give it; itself if units do not help."""

    def p_above(self, boundary: float) -> float | None:
        """Return the one-sided p of "the effect is at most boundary", None if no sampling spread is known."""

    def p_below(self, boundary: float) -> float | None:
        """Return the one-sided p of "the effect is at least boundary", None if no sampling spread is known."""


@dataclass(frozen=True)
class SampledEstimate:
    """An effect estimated from a sample: (estimate - truth) / standard_error follows Student's t.

    Attributes:
        effect: The estimate, in the unit of its measure.
        standard_error: Its standard error, in the same unit; 0 if all units are identical.
        degrees_of_freedom: Above 0, not necessarily whole; math.inf makes it normal.
        n_units: Number of independent units, at least 1.

    Raises:
        EvidenceError: If a field is NaN, infinite (except the degrees of freedom) or out of its range.
    """

    effect: float
    standard_error: float
    degrees_of_freedom: float
    n_units: int

    def __post_init__(self) -> None:
        """Refuse numbers that cannot carry a verdict."""
        if not math.isfinite(self.effect):
            raise EvidenceError(f"the effect is {self.effect}, not a finite number")
        if not (math.isfinite(self.standard_error) and self.standard_error >= 0):
            raise EvidenceError(f"the standard error is {self.standard_error}, not a finite number of at least 0")
        if not self.degrees_of_freedom > 0:
            raise EvidenceError(f"the degrees of freedom are {self.degrees_of_freedom}, not above 0")
        _require_units(self.n_units)

    def interval(self, confidence: float) -> Interval:
        """Return the t interval; without any spread it is the point itself.

        Args:
            confidence: In (0, 1), for example 0.95.

        Raises:
            EvidenceError: If the confidence is not inside (0, 1).
        """
        quantile = self._quantile(confidence)
        half_width = quantile * self.standard_error if self.standard_error > 0 else 0.0
        return Interval(self.effect - half_width, self.effect + half_width)

    def with_more_units(self, factor: float) -> "SampledEstimate":
        """Return the same effect with the standard error and degrees of freedom of `factor` times the units."""
        freedom = factor * (self.degrees_of_freedom + 1) - 1
        error = self.standard_error / math.sqrt(factor)
        return SampledEstimate(self.effect, error, freedom, math.ceil(factor * self.n_units))

    def p_above(self, boundary: float) -> float:
        """Return the one-sided p of "the effect is at most boundary"; without any spread 0 or 1."""
        return self._tail(self.effect - boundary)

    def p_below(self, boundary: float) -> float:
        """Return the one-sided p of "the effect is at least boundary"; without any spread 0 or 1."""
        return self._tail(boundary - self.effect)

    def _quantile(self, confidence: float) -> float:
        """How many standard errors an interval goes to either side."""
        if not 0 < confidence < 1:
            raise EvidenceError(f"a confidence lies between 0 and 1, not at {confidence}")
        return t_quantile((1 + confidence) / 2, self.degrees_of_freedom)

    def _tail(self, distance: float) -> float:
        if self.standard_error == 0:
            return 0.0 if distance > 0 else 1.0
        return _t_probability(-distance / self.standard_error, self.degrees_of_freedom)


@dataclass(frozen=True)
class BoundedEstimate:
    """An effect known up to a reading or rounding error: the same bounds at every confidence, and no p.

    Attributes:
        effect: The effect as read, in the unit of its measure.
        low: Smallest value that would have been read the same.
        high: Largest value that would have been read the same.
        n_units: Number of units that were read, at least 1.

    Raises:
        EvidenceError: If a field is NaN or infinite, or if not low <= effect <= high.
    """

    effect: float
    low: float
    high: float
    n_units: int

    def __post_init__(self) -> None:
        """Refuse numbers that cannot carry a verdict."""
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not (finite and self.low <= self.effect <= self.high):
            raise EvidenceError(f"the effect {self.effect} is not inside finite bounds [{self.low}, {self.high}]")
        _require_units(self.n_units)

    def interval(self, confidence: float) -> Interval:
        """Return the bounds: a reading error has no sampling distribution, so the confidence changes nothing."""
        return Interval(self.low, self.high)

    def with_more_units(self, factor: float) -> "BoundedEstimate":
        """Return itself: more units do not shrink a reading error."""
        return self

    def p_above(self, boundary: float) -> None:
        """Return None: no sampling spread is known."""

    def p_below(self, boundary: float) -> None:
        """Return None: no sampling spread is known."""


def mean_of_units(values: Sequence[float]) -> SampledEstimate:
    """Estimate the mean of independent units (one-sample t).

    Args:
        values: One value per unit, at least two.

    Raises:
        EvidenceError: If there are fewer than two values, or if one is NaN or infinite.
    """
    n = len(values)
    if n < 2:
        raise EvidenceError(f"a mean with an interval needs at least 2 units, not {n}")
    if not all(math.isfinite(value) for value in values):
        raise EvidenceError("a unit is NaN or infinite")
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return SampledEstimate(mean, math.sqrt(variance / n), n - 1, n)


def difference_of_means(
    left: float, right: float, standard_deviation: float, n: int, degrees_of_freedom: float
) -> SampledEstimate:
    """Estimate left minus right from two published means of n items each.

    The means are treated as independent although both sides answered the same items: without the items the
    (usually positive) covariance is unknown, and leaving it out only widens the interval.

    Args:
        left: Mean of the left side.
        right: Mean of the right side, in the same unit.
        standard_deviation: Of one item's value, common to both sides.
        n: Number of items per side.
        degrees_of_freedom: Of the standard deviation; math.inf if it is taken as known.

    Raises:
        EvidenceError: If a number is NaN, infinite or out of its range.
    """
    _require_units(n)
    return SampledEstimate(left - right, standard_deviation * math.sqrt(2 / n), degrees_of_freedom, n)


def difference_of_proportions(left: float, n_left: int, right: float, n_right: int) -> SampledEstimate:
    """Estimate left minus right from two independent proportions (normal).

    The effect stays the raw difference, so that a table reads as it was published. The standard error is that of
    Agresti and Caffo (2000, The American Statistician 54:280-288), with one success and one failure added to each
    side, because the usual one is 0 at proportions of 0 and 1. Their interval is centred at the adjusted difference;
    around the raw one the 95% interval covers at least 93% from 50 items a side on, and down to 88% at 10.

    Args:
        left: Proportion of the left side, in [0, 1].
        n_left: Number of items behind it.
        right: Proportion of the right side, in [0, 1].
        n_right: Number of items behind it.

    Raises:
        EvidenceError: If a proportion is not in [0, 1] or a number of items is below 1.
    """
    variance = _adjusted_variance(left, n_left) + _adjusted_variance(right, n_right)
    return SampledEstimate(left - right, math.sqrt(variance), math.inf, min(n_left, n_right))


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Return the quantile of Student's t (of the normal at math.inf) at a probability in (0, 1)."""
    if math.isinf(degrees_of_freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(degrees_of_freedom, probability))


def _t_probability(value: float, degrees_of_freedom: float) -> float:
    if math.isinf(degrees_of_freedom):
        return float(special.ndtr(value))
    return float(special.stdtr(degrees_of_freedom, value))


def _adjusted_variance(proportion: float, n: int) -> float:
    _require_units(n)
    if not 0 <= proportion <= 1:
        raise EvidenceError(f"a proportion lies in [0, 1], not at {proportion}")
    adjusted = (proportion * n + 1) / (n + 2)
    return adjusted * (1 - adjusted) / (n + 2)


def _require_units(n: int) -> None:
    if n < 1:
        raise EvidenceError(f"the number of units is {n}, not at least 1")
