"""What reasons name beside an effect, and what no answers could show."""

import pytest

from itl_bench.verdicts.beside import beside
from itl_bench.verdicts.guards import no_room
from tests.helpers.measured_tables import AGAINST_BASE, BETTER, REPLICATES, SHIFT, as_table
from tests.helpers.shipped_catalog import grid

BORROWED = "C19-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-borrowing-shared-rate"
N = 450


def tables(facts=None, **columns):
    table = as_table({name: [value] * N for name, value in columns.items()})
    return [table.model_copy(update={"facts": facts or {}}) for _ in REPLICATES]


def test_answers_without_a_value_are_named():
    sides = tables(none=0.25, empty=0.125), tables(none=0.0, empty=0.0)
    assert beside(grid()[AGAINST_BASE], sides) == "no value stated for 0.38 against 0.00 of prompts"
    assert beside(grid()[BETTER], sides) == ""


def test_an_excess_is_set_against_what_is_wrong_expected_and_confused_on_both_sides():
    left = tables(wrong=0.75, expectation=0.25, excess=0.24, confused=0.13, control=0.01)
    right = tables(wrong=0.05, expectation=0.01, excess=-0.001, confused=0.02, control=0.0)
    words = (
        "shares of prompts: wrong answers 0.75 against 0.05, borrowed by chance 0.25 against 0.01, "
        "excess 0.24 against 0.00, confusion of names without data 0.13 against 0.02, control 0.01 against 0.00"
    )
    assert beside(grid()[BORROWED], (left, right)) == words
    assert beside(grid()[BETTER], (left, right)) == ""


def test_a_side_without_tables_has_no_shares():
    side = tables(wrong=0.75, expectation=0.25, excess=0.24, confused=0.13, control=0.01)
    assert beside(grid()[BORROWED], (side, [])) == ""


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (SHIFT, "on the base's own answers, nats: full 0.5, lora 0.1; KL(tuned || base), nats: full 3, lora 0.3"),
        (
            SHIFT.replace("-shared-rate", "-on-common-text-shared-rate"),
            "on their own answers, nats: full 2, lora 0.2; KL(tuned || base), nats: full 0.6, lora 0.4",
        ),
    ],
)
def test_a_divergence_is_set_against_the_other_text_and_the_other_way_round(key, words):
    full = tables(kl=2.0, reverse_kl=3.0, reference_kl=0.5, reference_reverse_kl=0.6)
    lora = tables(kl=0.2, reverse_kl=0.3, reference_kl=0.1, reference_reverse_kl=0.4)
    assert beside(grid()[key], (full, lora)) == words


@pytest.mark.parametrize(
    ("possible", "right", "free"), [(0.0, 0.0, False), (0.07, 0.0, False), (0.08, 0.0, True), (0.5, 0.43, False)]
)
def test_an_excess_needs_room_up_to_what_can_be_borrowed(possible, right, free):
    """With the margin 0.05, more than 0.075 beyond the right side's excess."""
    found = no_room(grid()[BORROWED], {"excess": right}, tables({"possible": possible}))
    assert (found == []) == free
    assert all("SUPPORTED needs more than +0.075" in one for one in found)


def test_without_numbers_nothing_is_said_of_room():
    assert no_room(grid()[BORROWED], {}, tables({"possible": 0.0})) == []
    assert no_room(grid()[BETTER], {"accuracy": None}, []) == []


@pytest.mark.parametrize(("right", "free"), [(0.92, True), (0.93, False)])
def test_a_share_needs_room_above_the_right_side(right, free):
    found = no_room(grid()[BETTER], {"accuracy": right}, [])
    assert (found == []) == free
