"""Room to move: whether a comparison could have said SUPPORTED, and could have said REFUTED, before it is made."""

import math
from typing import NamedTuple

from itl_bench.errors import EvidenceError
from itl_bench.vocabulary import Expectation


class _Effects(NamedTuple):
    """Effects strictly between two values."""

    low: float
    high: float


def room(expect: Expectation, r: float, low: float, high: float, smallest_effect: float) -> str:
    """Say why a comparison has no room for a verdict, from its right side alone; "" where it has room.

    With the mean r of the right side, effects lie in [a - r, b - r], where [a, b] is what the measure can be. With the
    smallest effect d, and the half-width h = d / 2 that is planned for, some of these effects must be SUPPORTED and
    some REFUTED even by an interval of that half-width:

    - `greater`: SUPPORTED needs b - r > d + h, REFUTED a - r < d - h.
    - `at-least`: SUPPORTED needs b - r > h - d, REFUTED a - r < -(d + h).
    - `no-gain`: SUPPORTED needs a - r < d - h, REFUTED b - r > d + h.
    - `no-change`: SUPPORTED needs some effect in (-(d - h), d - h), REFUTED b - r > d + h or a - r < -(d + h).

    A reference at 97% leaves no effect of 10 points to be found, and one at 3% none to be lost. Since only the right
    side is read, the rule does not choose among comparisons by how they came out.

    Args:
        expect: What the claim expects of left minus right; not a trend.
        r: Mean of the right side, in the unit of the measure, inside [low, high].
        low: The smallest value that the measure can have; -math.inf where there is none.
        high: The largest, or math.inf.
        smallest_effect: Smallest effect of interest, at least 0, in the same unit.

    Returns:
        One clause that names the verdict that is out of reach, with the numbers; "" where neither is.

    Raises:
        EvidenceError: If a number is NaN or out of its range, or if the claim is about a trend.
    """
    if not (math.isfinite(r) and low <= r <= high):
        raise EvidenceError(f"the right side is at {r}, not a finite number inside what can be, [{low}, {high}]")
    if not (math.isfinite(smallest_effect) and smallest_effect >= 0):
        raise EvidenceError(f"the smallest effect is {smallest_effect}, not a finite number of at least 0")
    possible = _Effects(low - r, high - r)
    for verdict, needed in _needed(expect, smallest_effect, smallest_effect / 2).items():
        if not any(one.low < one.high and possible.low < one.high and one.low < possible.high for one in needed):
            lies = f"the right side is at {r:.3g}, so effects lie in [{possible.low:+.3g}, {possible.high:+.3g}]"
            return f"no room: {lies}; {verdict} needs {' or '.join(map(_in_words, needed))}"
    return ""


def _needed(expect: Expectation, d: float, h: float) -> dict[str, tuple[_Effects, ...]]:
    """The effects that an interval of half-width h would call so: each verdict with one range of them or several."""
    gained, not_gained = _Effects(d + h, math.inf), _Effects(-math.inf, d - h)
    if expect == "greater":
        return {"SUPPORTED": (gained,), "REFUTED": (not_gained,)}
    if expect == "no-gain":
        return {"SUPPORTED": (not_gained,), "REFUTED": (gained,)}
    lost = _Effects(-math.inf, -(d + h))
    if expect == "at-least":
        return {"SUPPORTED": (_Effects(h - d, math.inf),), "REFUTED": (lost,)}
    if expect == "no-change":
        return {"SUPPORTED": (_Effects(-(d - h), d - h),), "REFUTED": (lost, gained)}
    raise EvidenceError(f"room is asked of a difference of two sides, not of a trend ({expect})")


def _in_words(one: _Effects) -> str:
    if math.isinf(one.low):
        return f"less than {one.high:+.3g}"
    return f"more than {one.low:+.3g}" if math.isinf(one.high) else f"between {one.low:+.3g} and {one.high:+.3g}"
