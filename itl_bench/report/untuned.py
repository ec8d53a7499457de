"""What untuned models score beside the two sides of a case."""

from itl_bench.record import CaseRecord
from itl_bench.report.grouping import compared_columns
from itl_bench.report.wording import number, side_decimals
from itl_bench.vocabulary import IN_CONTEXT, UNTUNED

NAMES = {UNTUNED: "the base", IN_CONTEXT: "the base with worked examples in its prompt"}


def untuned_in_words(case: CaseRecord) -> str:
    """For example "the base 0.42, the base with worked examples in its prompt 0.45"; nothing where none was asked."""
    decimals = side_decimals(compared_columns(case))
    return ", ".join(f"{NAMES.get(one.method, one.method)} {number(one.value, decimals)}" for one in case.untuned or ())
