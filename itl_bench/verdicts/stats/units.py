"""Few units and many tests: the exact sign test says what directions alone can, Holm corrects for multiplicity."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scipy.stats import binomtest

from itl_bench.errors import EvidenceError
from itl_bench.vocabulary import ALPHA


class SignTest(NamedTuple):
    """Result of a sign test.

    Attributes:
        above: Number of units above the boundary.
        n: Number of units that are not tied with the boundary.
        p_value: Exact two-sided p of "above and below are equally likely".
        smallest_p: Smallest p that n units can reach.
    """

    above: int
    n: int
    p_value: float
    smallest_p: float


def sign_test(values: Sequence[float], boundary: float = 0.0) -> SignTest:
    """Test whether units lie above a boundary as often as below it; ties with it are dropped.

    Args:
        values: One value per independent unit, at least one.
        boundary: In the unit of the values.

    Raises:
        EvidenceError: If there is no value, or if a number is NaN or infinite.
    """
    if len(values) == 0:
        raise EvidenceError("a sign test needs at least 1 unit, not 0")
    if not all(math.isfinite(number) for number in (*values, boundary)):
        raise EvidenceError("a sign test got a number that is NaN or infinite")
    above = sum(value > boundary for value in values)
    n = above + sum(value < boundary for value in values)
    p_value = float(binomtest(above, n).pvalue) if n else 1.0
    return SignTest(above, n, p_value, _smallest_p(n))


def too_few_for_sign_test(n: int, alpha: float = ALPHA) -> bool:
    """Return whether n units cannot reach a two-sided p of alpha, even if all agree."""
    return _smallest_p(n) > alpha


def holm(p_values: Mapping[str, float | None]) -> dict[str, float]:
    """Adjust p values by Holm's step-down procedure (1979, Scandinavian Journal of Statistics 6:65-70).

    Args:
        p_values: The declared family by name; None for a member without a verdict counts as 1, because leaving it
            out would let a smaller selection make the others significant.

    Returns:
        The adjusted p of every member, in the order given.

    Raises:
        EvidenceError: If a p is NaN or not in [0, 1].
    """
    family = {name: 1.0 if p is None else p for name, p in p_values.items()}
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(family, key=lambda member: family[member])):
        if not 0 <= family[name] <= 1:
            raise EvidenceError(f"the p value of {name} is {family[name]}, not in [0, 1]")
        largest = max(largest, min(1.0, (len(family) - rank) * family[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in family}


def _smallest_p(n: int) -> float:
    return min(1.0, 2.0 ** (1 - n))
