"""The verdict rule: intervals and smallest effects of interest become SUPPORTED, REFUTED or INCONCLUSIVE."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.verdict import CaseVerdict, ColumnVerdict, reason_of
from itl_bench.vocabulary import ALPHA, Expectation, Verdict

if TYPE_CHECKING:
    from itl_bench.verdicts.stats.estimate import Estimate  # loads scipy, which the rule does not need

LARGEST_FACTOR = 2.0**40  # beyond it the effect sits on the margin, as far as numbers can tell

# Expectations with one margin: the margin in units of the smallest effect, and the side of it that supports.
_ONE_MARGIN: dict[Expectation, tuple[int, int]] = {
    "greater": (1, 1),
    "at-least": (-1, 1),
    "no-gain": (1, -1),
    "rising": (1, 1),
    "falling": (-1, -1),
}


def decide(expect: Expectation, columns: Mapping[str, tuple["Estimate", float]], alpha: float = ALPHA) -> CaseVerdict:
    """Decide a case: SUPPORTED if every column is at alpha, REFUTED if any column is at alpha / columns.

    All columns must agree for SUPPORTED, which needs no correction (intersection-union test); one is enough for
    REFUTED, which takes Bonferroni's.

    Args:
        expect: What the claim expects of every column.
        columns: Per name the estimate and its smallest effect of interest, in the unit of the column.
        alpha: Error rate of the verdict, inside (0, 0.5).

    Raises:
        EvidenceError: If there is no column, or if a column's numbers cannot carry a verdict.
    """
    if not columns:
        raise EvidenceError("a case without any column has no verdict")
    found = {name: decide_column(expect, estimate, margin, alpha) for name, (estimate, margin) in columns.items()}
    level = confidence(expect, alpha / len(columns))
    refuted = {
        name
        for name, (estimate, margin) in columns.items()
        if verdict_of_interval(expect, *estimate.interval(level), margin) == "REFUTED"
    }
    verdict: Verdict = "REFUTED" if refuted else "INCONCLUSIVE"
    if all(column.verdict == "SUPPORTED" for column in found.values()):
        verdict = "SUPPORTED"
    deciding = _deciding(expect, verdict, found, refuted)
    p_value = _case_p_value(verdict, found, deciding, refuted)
    return CaseVerdict(verdict, found, deciding, p_value, reason_of(expect, verdict, found, deciding, len(refuted)))


def decide_column(
    expect: Expectation, estimate: "Estimate", smallest_effect: float, alpha: float = ALPHA
) -> ColumnVerdict:
    """Decide one column.

    Args:
        expect: What the claim expects of the effect.
        estimate: The effect with its error.
        smallest_effect: Smallest effect of interest, at least 0, in the unit of the effect.
        alpha: Error rate of the verdict, inside (0, 0.5).

    Raises:
        EvidenceError: If a number is NaN or infinite, or if the smallest effect or alpha is out of its range.
    """
    low, high = estimate.interval(confidence(expect, alpha))
    verdict = verdict_of_interval(expect, low, high, smallest_effect)
    if not low <= estimate.effect <= high:
        raise EvidenceError(f"the effect {estimate.effect} is not inside its interval [{low}, {high}]")
    p_value = _p_value(expect, estimate, smallest_effect)
    lacking = verdict == "INCONCLUSIVE" and p_value is not None  # more units do not shrink a reading error
    shortfall = _shortfall(expect, estimate, smallest_effect, alpha) if lacking else None
    return ColumnVerdict(verdict, estimate.effect, low, high, p_value, smallest_effect, estimate.n_units, shortfall)


def confidence(expect: Expectation, alpha: float) -> float:
    """Return the confidence of the interval that the rule reads.

    It is 1 - alpha, and 1 - 2 * alpha for no-change, where two one-sided tests at alpha each are made (Schuirmann
    1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657-680).

    Raises:
        EvidenceError: If alpha is not inside (0, 0.5).
    """
    if not 0 < alpha < 0.5:
        raise EvidenceError(f"alpha lies between 0 and 0.5, not at {alpha}")
    return 1 - 2 * alpha if expect == "no-change" else 1 - alpha


def verdict_of_interval(expect: Expectation, low: float, high: float, smallest_effect: float) -> Verdict:
    """Read the verdict off an interval; an end that touches a margin decides nothing.

    Args:
        expect: What the claim expects of the effect.
        low: Lower end of the interval, in the unit of the effect.
        high: Upper end of the interval.
        smallest_effect: Smallest effect of interest, at least 0, in the same unit.

    Raises:
        EvidenceError: If a number is NaN or infinite, if low > high, or if the smallest effect is negative.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise EvidenceError(f"[{low}, {high}] is not an interval with finite ends in order")
    if not (math.isfinite(smallest_effect) and smallest_effect >= 0):
        raise EvidenceError(f"the smallest effect is {smallest_effect}, not a finite number of at least 0")
    if expect == "no-change":
        supported = -smallest_effect < low and high < smallest_effect
        refuted = low > smallest_effect or high < -smallest_effect
    else:
        sign, supporting_side = _ONE_MARGIN[expect]
        above, below = low > sign * smallest_effect, high < sign * smallest_effect
        supported, refuted = (above, below) if supporting_side > 0 else (below, above)
    if supported:
        return "SUPPORTED"
    return "REFUTED" if refuted else "INCONCLUSIVE"


def _shortfall(expect: Expectation, estimate: "Estimate", smallest_effect: float, alpha: float) -> float:
    """Return by which factor n must grow, with the degrees of freedom growing along, by doubling and bisection."""

    def decided(factor: float) -> bool:
        more = estimate.with_more_units(factor)
        return verdict_of_interval(expect, *more.interval(confidence(expect, alpha)), smallest_effect) != "INCONCLUSIVE"

    enough = 2.0
    while not decided(enough):
        enough *= 2
        if enough > LARGEST_FACTOR:
            return math.inf
    short = enough / 2
    while enough / short > 1.001:
        middle = math.sqrt(short * enough)
        short, enough = (short, middle) if decided(middle) else (middle, enough)
    return enough


def _margin(expect: Expectation, effect: float, smallest_effect: float) -> float:
    """Return the only margin, or for no-change the one that is nearer to the effect."""
    if expect == "no-change":
        return math.copysign(smallest_effect, effect)
    return _ONE_MARGIN[expect][0] * smallest_effect


def _depth(expect: Expectation, effect: float, low: float, high: float, smallest_effect: float) -> float:
    """Return how many half-widths (of the side that faces the margin) the effect is away from the margin."""
    margin = _margin(expect, effect, smallest_effect)
    half_width = high - effect if effect < margin else effect - low
    distance = abs(effect - margin)
    if half_width == 0:
        return math.inf if distance > 0 else 0.0
    return distance / half_width


def _p_value(expect: Expectation, estimate: "Estimate", smallest_effect: float) -> float | None:
    margin = _margin(expect, estimate.effect, smallest_effect)
    if expect == "no-change" and abs(estimate.effect) > smallest_effect:
        return estimate.p_above(margin) if estimate.effect > 0 else estimate.p_below(margin)
    if expect == "no-change":
        above, below = estimate.p_above(-smallest_effect), estimate.p_below(smallest_effect)
        return None if above is None or below is None else max(above, below)
    above, below = estimate.p_above(margin), estimate.p_below(margin)
    return None if above is None or below is None else min(1.0, 2 * min(above, below))


def _deciding(expect: Expectation, verdict: Verdict, found: dict[str, ColumnVerdict], refuted: set[str]) -> str:
    def depth(name: str) -> float:
        column = found[name]
        return _depth(expect, column.effect, column.low, column.high, column.smallest_effect)

    def lacking(name: str) -> tuple[bool, float]:
        shortfall = found[name].shortfall
        almost = found[name].verdict == "REFUTED"  # at alpha, not at alpha / columns: SUPPORTED is out of reach
        return almost, depth(name) if almost else math.inf if shortfall is None else shortfall

    names = sorted(found)  # the order of the columns never matters, not even for ties
    if verdict == "REFUTED":  # without a sampling spread the refutation is certain: p = 0
        return min((name for name in names if name in refuted), key=lambda n: (found[n].p_value or 0.0, -depth(n)))
    if verdict == "SUPPORTED":
        return min(names, key=depth)
    return max((name for name in names if found[name].verdict != "SUPPORTED"), key=lacking)


def _case_p_value(verdict: Verdict, found: dict[str, ColumnVerdict], deciding: str, refuted: set[str]) -> float | None:
    needed = {"SUPPORTED": set(found), "REFUTED": refuted, "INCONCLUSIVE": {deciding}}[verdict]
    known = [p for p in (found[name].p_value for name in needed) if p is not None]
    if len(known) < len(needed):
        return None
    one_is_enough = verdict == "REFUTED" or found[deciding].verdict == "REFUTED"
    return min(1.0, len(found) * min(known)) if one_is_enough else max(known)
