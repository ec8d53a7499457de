"""Power: the smallest true effect that a design of given precision would find."""

import math

from scipy import special

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import t_quantile
from itl_bench.verdicts.stats.rule import confidence
from itl_bench.vocabulary import ALPHA, Expectation


def minimal_detectable_effect(
    standard_error: float, degrees_of_freedom: float, expect: Expectation, alpha: float = ALPHA, power: float = 0.8
) -> float:
    """Return how far past its margin a true effect must lie to be SUPPORTED with the given power.

    With one margin it is exact for a t distributed estimate: the noncentrality at which noncentral t exceeds the
    quantile of the rule's interval with that power, times the standard error. For no-change it is the smallest
    margin at which a true effect of 0 is SUPPORTED with that power, in the usual approximation
    (t_(1 - alpha) + t_((1 + power) / 2)) * standard error, whose true power is 0.82 instead of 0.80 at 4 degrees of
    freedom and closer with more.

    Args:
        standard_error: Of the estimate, at least 0, in the unit of the effect.
        degrees_of_freedom: Above 0; math.inf makes it normal.
        expect: What the claim expects.
        alpha: Error rate of the verdict, inside (0, 0.5).
        power: Wanted probability of SUPPORTED, inside [0.5, 1).

    Returns:
        A distance of at least 0, in the unit of the effect.

    Raises:
        EvidenceError: If an argument is NaN or out of its range.
    """
    if not (math.isfinite(standard_error) and standard_error >= 0 and degrees_of_freedom > 0):
        raise EvidenceError(f"no power from a standard error of {standard_error} on {degrees_of_freedom} df")
    if not 0.5 <= power < 1:
        raise EvidenceError(f"a power lies between 0.5 and 1, not at {power}")
    critical = t_quantile((1 + confidence(expect, alpha)) / 2, degrees_of_freedom)
    if expect == "no-change":
        distance = critical + t_quantile((1 + power) / 2, degrees_of_freedom)
    elif math.isinf(degrees_of_freedom):
        distance = critical + t_quantile(power, degrees_of_freedom)
    else:
        distance = float(special.nctdtrinc(degrees_of_freedom, 1 - power, critical))
    return distance * standard_error
