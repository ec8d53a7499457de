import math
import re

import pytest

from itl_bench.report import wording
from itl_bench.report.matrix import Counts
from tests.helpers.sample_record import case, column, family


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
    declared = family(holm={"a": 0.0001, "b": 0.2})
    assert wording.holm_range(family(), {"a"}) == ""
    assert wording.holm_range(declared, {"a", "b"}) == "<0.001 to 0.200"
    assert wording.holm_range(declared, {"b", "c"}) == "0.200"
    assert wording.holm_range(declared, ()) == ""


@pytest.mark.parametrize(
    ("verdict", "recorded", "status", "tag"),
    [("SUPPORTED", "REFUTED", "changed", "changed, was REFUTED"),
     ("REFUTED", "SUPPORTED", "drift", "drift, was SUPPORTED"), ("SUPPORTED", "SUPPORTED", "as-recorded", ""),
     ("SUPPORTED", None, "new", ""), (None, "REFUTED", None, "")],
)  # fmt: skip
def test_the_recorded_status_makes_the_tag(verdict, recorded, status, tag):
    assert wording.recorded_tag(case(verdict=verdict, recorded_verdict=recorded, recorded_status=status)) == tag


MEASURED = {"evidence": "measured", "level": "bios"}


@pytest.mark.parametrize(
    ("families", "words"),
    [
        ([], "not run"),
        ([family(verdict=None, counts=(0, 0, 0, 3))], "not run"),
        ([family(verdict=None, counts=(1, 0, 0, 3))], "incomplete"),
        ([family(verdict="REFUTED", counts=(0, 1, 0, 3), basis="point")], "REFUTED (point)"),
        ([family(basis="point")], "SUPPORTED (point)"),
        ([family(basis="interval")], "SUPPORTED"),
        ([family(verdict="INCONCLUSIVE", basis="point")], "INCONCLUSIVE"),
        ([family(basis="point"), family(basis="interval", **MEASURED)], "SUPPORTED"),
        ([family(basis="point"), family(verdict="REFUTED", basis="point")], "differ"),
        ([family(), family(verdict=None, counts=(0, 0, 0, 2))], "SUPPORTED"),
    ],
)
def test_the_verdict_of_families_in_words(families, words):
    assert wording.verdict_in_words(families) == words
    assert wording.verdict_in_words(families, with_basis=False) == words.removesuffix(" (point)")


def test_missing_members_of_a_family_are_not_judged():
    declared = family(counts=(2, 0, 1, 4))
    assert wording.counts_in_words(wording.family_counts(declared)) == "2 supported, 1 inconclusive, 4 not judged"
    assert wording.counts_in_words(wording.summed_counts([declared, declared])).endswith("8 not judged")


@pytest.mark.parametrize(("effect", "half_width"), [(1.54, 0.35), (-1.2, 0.4), (0.0, 0.1), (6.3, 0.2)])
def test_ratios_agree_with_the_exponential(effect, half_width):
    text = wording.ratio_in_words(column("log_kl", effect=effect, half_width=half_width))
    shown = [float(part.replace(",", "")) for part in re.findall(r"[0-9][0-9.,]*[0-9]|[0-9]", text)]
    expected = [math.exp(value) for value in (effect, effect - half_width, effect + half_width)]
    assert shown == pytest.approx(expected, rel=0.05)
    assert " times [" in text


def test_only_logarithms_of_readable_size_are_ratios():
    assert wording.ratio_in_words(column("logic", effect=1.0)) == ""
    assert wording.ratio_in_words(column("log_kl", effect=1e6)) == ""


@pytest.mark.parametrize(
    ("basis", "judge", "label"),
    [
        ("interval", "gpt-4", "p"),
        ("point", "gpt-4", "p (judge noise only)"),
        ("point", None, "p (within one run only)"),
    ],
)
def test_p_of_single_runs_says_what_it_leaves_out(basis, judge, label):
    assert wording.p_label(case(basis=basis, judge=judge)) == label


@pytest.mark.parametrize(
    ("many", "words"),
    [(0, ""), (1, "1 of them pools all models and counts in no claim"),
     (2, "2 of them pool all models and count in no claim")],
)  # fmt: skip
def test_pooling_in_words(many, words):
    assert wording.pooling_in_words(many) == words


def test_control_characters_do_not_reach_a_terminal():
    assert wording.printable("a\x1b[31mb\nc\u202ed") == "a [31mb c d"
