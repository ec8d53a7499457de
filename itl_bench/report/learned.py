"""How much both sides of a case learned of the new facts, as it stands beside a verdict."""

from itl_bench.record import CaseRecord
from itl_bench.report.wording import interval, number, signed


def learned_in_words(case: CaseRecord) -> str:
    """How much both sides learned, for example "learned unequal: 0.32 against 0.76"; nothing where it is not asked.

    A record without the mark says what was learned, and no word of whether it was as much.
    """
    shares = learned_shares(case)
    if not shares:
        return ""
    if case.arm == "equal-learning":
        return f"both learned {shares.partition(' ')[0]}"
    return f"learned {case.learning.mark}: {shares}" if case.learning else f"learned {shares}"


def learned_shares(case: CaseRecord) -> str:
    """For example "0.32 against 0.76"; nothing where one is not known."""
    found = case.learning
    left, right = (found.left, found.right) if found else (None, None)
    if point := next((one for one in case.points or () if one.headline and not found), None):
        left, right = point.learned_left, point.learned_right
    return "" if left is None or right is None else f"{number(left, 2)} against {number(right, 2)}"


def learned_interval(case: CaseRecord) -> str:
    """The difference of what both sides learned, with its interval; nothing where there is none."""
    found = case.learning
    if found is None or found.difference is None or found.ci_low is None:
        return ""
    return f"{signed(found.difference, 2)} {interval(found.ci_low, found.ci_high, 2)}"
