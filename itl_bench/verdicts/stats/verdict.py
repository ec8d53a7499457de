"""What the rule says of one column and of a whole case, and the sentence that explains it to a researcher."""

import math
from dataclasses import dataclass

from itl_bench.vocabulary import Expectation, Verdict

LARGEST_NAMED_FACTOR = 1000


@dataclass(frozen=True)
class ColumnVerdict:
    """The verdict on one column of a case.

    Attributes:
        verdict: The verdict at alpha.
        effect: Left minus right, or a slope, in the unit of the column's measure.
        low: Lower end of the interval that the verdict was read from.
        high: Upper end of that interval.
        p_value: Below alpha exactly if the verdict is directional; None if no sampling spread is known. Two-sided at
            the margin; for no-change the larger one-sided p (two one-sided tests) inside the margins, and the
            one-sided p at the nearer margin outside.
        smallest_effect: The smallest effect of interest, at least 0.
        n_units: Number of independent units.
        shortfall: Factor by which n must grow for an interval around the same effect to be directional; infinite if
            the effect sits on the margin; None if the verdict is directional or no number of units would help.
    """

    verdict: Verdict
    effect: float
    low: float
    high: float
    p_value: float | None
    smallest_effect: float
    n_units: int
    shortfall: float | None


@dataclass(frozen=True)
class CaseVerdict:
    """The verdict on a case.

    Attributes:
        verdict: SUPPORTED if every column is at alpha, REFUTED if any column is at alpha / columns.
        columns: Each column's own verdict and interval at alpha.
        deciding: Name of the column that the verdict hangs on.
        p_value: SUPPORTED: the largest p; REFUTED: columns times the smallest p (Bonferroni); INCONCLUSIVE: the
            deciding column's, times columns if it is refuted at alpha alone. None if a p that it needs is unknown.
        reason: One sentence for a researcher.
    """

    verdict: Verdict
    columns: dict[str, ColumnVerdict]
    deciding: str
    p_value: float | None
    reason: str


def reason_of(
    expect: Expectation, verdict: Verdict, columns: dict[str, ColumnVerdict], deciding: str, n_refuted: int
) -> str:
    """Return the reason of a case's verdict: where the deciding column lies, and what the others add.

    Args:
        expect: What the claim expects.
        verdict: The verdict of the case.
        columns: Each column's own verdict at alpha.
        deciding: Name of the column that the verdict hangs on.
        n_refuted: Number of columns that are refuted at alpha / columns.
    """
    column = columns[deciding]
    parts = [f"{deciding}: {_numbers(column)} {_place(expect, column)}"]
    if verdict == "INCONCLUSIVE":
        almost = sorted(name for name, other in columns.items() if other.verdict == "REFUTED")
        if column.verdict == "REFUTED":
            parts[0] += " at alpha but not at alpha / columns"
        else:
            parts.append(_lack(column))
        parts += [
            f"{name} {_place(expect, columns[name])} at alpha but not at alpha / columns"
            for name in almost
            if name != deciding
        ]
    elif len(columns) > 1:
        count = n_refuted if verdict == "REFUTED" else len(columns)
        parts.append(f"{count} of {len(columns)} columns {verdict.lower()}")
    return "; ".join(parts)


def _numbers(column: ColumnVerdict) -> str:
    digits = _digits(column)
    return f"{column.effect:+z.{digits}f} [{column.low:+z.{digits}f}, {column.high:+z.{digits}f}]"


def _place(expect: Expectation, column: ColumnVerdict) -> str:
    digits = _digits(column)
    if expect == "no-change":
        side = "inside" if column.verdict == "SUPPORTED" else "outside"
        margin = f"±{column.smallest_effect:.{digits}f}"
    else:
        value = -column.smallest_effect if expect in ("at-least", "falling") else column.smallest_effect
        side = "above" if column.effect > value else "below"
        margin = f"{value:+z.{digits}f}"
    if column.verdict == "INCONCLUSIVE":
        return f"straddles the margin {margin}"
    return f"lies {side} {margin}" if column.verdict == "SUPPORTED" else f"lies {side} the margin {margin}"


def _lack(column: ColumnVerdict) -> str:
    if column.shortfall is None:
        return "the reading error covers the margin"
    if column.shortfall > LARGEST_NAMED_FACTOR:
        return "it sits on the margin itself, where no n decides"
    return f"n is too small by a factor of {column.shortfall:.{1 if column.shortfall < 10 else 0}f}"


def _digits(column: ColumnVerdict) -> int:
    """Return two decimals, or as many (up to six) as the margin or the half-width needs to show a digit."""
    scales = [scale for scale in (column.smallest_effect, (column.high - column.low) / 2) if scale > 0]
    finest = min(scales, default=1.0)
    return min(6, max(2, -math.floor(math.log10(finest))))
