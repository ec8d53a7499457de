"""What the reasons of borrowing and hallucination name, and what no answers could show."""

import math

import pytest

from itl_bench.verdicts.guards import too_little_to_borrow
from itl_bench.verdicts.measured import borrowing_in_words, no_answers_in_words
from tests.helpers.measured_tables import AGAINST_BASE, BETTER, REPLICATES, as_table, at
from tests.helpers.shipped_catalog import grid

BORROWED = "C19-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-borrowing-shared-rate"
N = 450


def tables(facts=None, **columns):
    table = as_table({name: [value] * N for name, value in columns.items()})
    return {one: table.model_copy(update={"facts": facts or {}}) for one in REPLICATES}


def point(left, right):
    return at(1e-4, left, right)


def test_answers_without_a_value_are_named():
    some = point(tables(none=0.25, empty=0.125), tables(none=0.0, empty=0.0))
    assert no_answers_in_words(grid()[AGAINST_BASE], some) == "no value stated for 0.38 against 0.00 of prompts"
    assert no_answers_in_words(grid()[BETTER], some) == ""


@pytest.mark.parametrize("control", [0.25, math.nan])
def test_a_control_is_named_where_there_is_one(control):
    side = tables(wrong=0.5, expectation=0.125, control=control)
    words = "shares of prompts: wrong answers 0.50 against 0.50, borrowed by chance 0.12 against 0.12"
    control_words = "" if math.isnan(control) else ", control 0.25 against 0.25"
    assert borrowing_in_words(grid()[BORROWED], point(side, side)) == words + control_words
    assert borrowing_in_words(grid()[BETTER], point(side, side)) == ""


@pytest.mark.parametrize(("possible", "blocked"), [(0.0, True), (0.099, True), (0.1, False), (0.5, False)])
def test_an_excess_that_cannot_be_twice_the_margin_gives_no_verdict(possible, blocked):
    some, case = point(tables({"possible": possible}), tables({"possible": 1.0})), grid()[BORROWED]
    assert case.measure.smallest_effect == 0.05
    found = too_little_to_borrow(case, some)
    assert bool(found) == blocked
    assert all(f"at most {possible:.3f} is possible, a verdict needs 0.1" in one for one in found)
    assert too_little_to_borrow(grid()[BETTER], some) == []


def test_worlds_without_a_draw_have_no_such_limit():
    assert too_little_to_borrow(grid()[BORROWED], point(tables(), tables())) == []
