"""What the reasons of borrowing and hallucination name, and what no answers could show."""

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


def test_an_excess_is_set_against_what_is_wrong_expected_and_confused_on_both_sides():
    left = tables(wrong=0.75, expectation=0.25, excess=0.24, confused=0.13, control=0.01)
    right = tables(wrong=0.05, expectation=0.01, excess=-0.001, confused=0.02, control=0.0)
    words = (
        "shares of prompts: wrong answers 0.75 against 0.05, borrowed by chance 0.25 against 0.01, "
        "excess 0.24 against 0.00, confusion of names without data 0.13 against 0.02, control 0.01 against 0.00"
    )
    assert borrowing_in_words(grid()[BORROWED], point(left, right)) == words
    assert borrowing_in_words(grid()[BETTER], point(left, right)) == ""


def test_a_side_without_tables_has_no_shares():
    side = tables(wrong=0.75, expectation=0.25, excess=0.24, confused=0.13, control=0.01)
    assert borrowing_in_words(grid()[BORROWED], point(side, {})) == ""


@pytest.mark.parametrize(("possible", "blocked"), [(0.0, True), (0.099, True), (0.1, False), (0.5, False)])
def test_an_excess_that_cannot_be_twice_the_margin_gives_no_verdict(possible, blocked):
    some, case = point(tables({"possible": possible}), tables({"possible": 1.0})), grid()[BORROWED]
    assert case.measure.smallest_effect == 0.05
    found = too_little_to_borrow(case, some)
    assert bool(found) == blocked
    assert all(f"at most {possible:.3f} is possible, a verdict needs 0.1" in one for one in found)
    assert too_little_to_borrow(grid()[BETTER], some) == []


def test_a_side_of_which_all_trainings_diverged_is_not_called_too_little_to_borrow():
    assert too_little_to_borrow(grid()[BORROWED], point({}, tables({"possible": 1.0}))) == []
