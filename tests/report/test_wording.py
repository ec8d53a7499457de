import pytest
from sample_record import case, column, family

from itl_bench.report import wording
from itl_bench.report.matrix import Counts


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(None, 2, ""), (0.0, 2, "0.00"), (-0.001, 2, "0.00"), (1163.7, 2, "1,163.70"), (5e-5, None, "5e-05"),
     (0.05, None, "0.05"), (1e9, 2, "1e+09"), (3e-9, 3, "3e-09"), (-12.345, 1, "-12.3"), (4096, None, "4,096")],
)  # fmt: skip
def test_numbers(value, decimals, text):
    assert wording.number(value, decimals) == text


def test_differences_carry_their_sign():
    assert [wording.signed(value, 2) for value in (0.5, -0.5, 0.0, None)] == ["+0.50", "-0.50", "0.00", ""]


@pytest.mark.parametrize(("values", "decimals"), [([], 2), ([0.0], 2), ([1163.0], 2), ([0.4], 2), ([0.031, None], 3)])
def test_decimals_suit_the_largest_value(values, decimals):
    assert wording.decimals_for(values) == decimals
    assert wording.effect_decimals([column(effect=value) for value in values if value and value > 1]) == 2


@pytest.mark.parametrize(("value", "text"), [(None, ""), (0.0004, "<0.001"), (0.0404, "0.040"), (1.0, "1.000")])
def test_p_values(value, text):
    assert wording.p_value(value) == text


def test_counts_leave_out_what_is_zero():
    assert wording.counts_in_words(Counts(3, 1, 0, 1200)) == "3 supported, 1 refuted, 1,200 not run"
    assert wording.counts_in_words(Counts()) == "no cases"


def test_holm_range():
    assert wording.holm_range(family()) == ""
    assert wording.holm_range(family(holm={"a": 0.0001, "b": 0.2})) == "<0.001 to 0.200"
    assert wording.holm_range(family(holm={"a": 0.2})) == "0.200"


@pytest.mark.parametrize(
    ("verdict", "recorded", "expected"),
    [
        ("SUPPORTED", "REFUTED", True),
        ("SUPPORTED", "SUPPORTED", False),
        ("SUPPORTED", None, False),
        (None, "REFUTED", False),
    ],
)
def test_changed_needs_two_verdicts(verdict, recorded, expected):
    assert wording.changed(case(verdict=verdict, recorded_verdict=recorded)) is expected


def test_control_characters_do_not_reach_a_terminal():
    assert wording.printable("a\x1b[31mb\nc\u202ed") == "a [31mb c d"
