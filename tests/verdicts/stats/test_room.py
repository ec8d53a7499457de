"""Room to move: the rule by hand at its edges, and against a search over all effects."""

import math

import numpy as np
import pytest

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.room import room
from itl_bench.verdicts.stats.rule import verdict_of_interval
from itl_bench.vocabulary import EXPECTATIONS

DIFFERENCES = ["greater", "at-least", "no-gain", "no-change"]


@pytest.mark.parametrize(
    ("expect", "r", "d", "lacking"),
    [
        ("greater", 0.84, 0.1, ""),
        ("greater", 0.86, 0.1, "SUPPORTED"),  # 0.14 is left, 0.15 is needed
        ("greater", 0.0, 0.1, ""),  # no effect at all is below 0.05
        ("at-least", 0.99, 0.1, ""),
        ("at-least", 1.0, 0.1, ""),  # equal sides would be SUPPORTED
        ("at-least", 0.16, 0.1, ""),
        ("at-least", 0.14, 0.1, "REFUTED"),  # 0.14 can be lost, 0.15 is needed
        ("no-gain", 0.86, 0.1, "REFUTED"),
        ("no-gain", 0.84, 0.1, ""),
        ("no-gain", 0.0, 0.1, ""),
        ("no-change", 0.99, 0.1, ""),  # what is lost would be seen
        ("no-change", 0.5, 0.4, "REFUTED"),  # 0.6 is needed, up or down
        ("no-change", 0.39, 0.4, ""),
    ],
)
def test_shares_by_hand(expect, r, d, lacking):
    found = room(expect, r, 0.0, 1.0, d)
    assert found == "" if not lacking else f"; {lacking} needs" in found


def test_the_reason_has_the_numbers():
    assert room("greater", 0.97, 0, 1, 0.1) == (
        "no room: the right side is at 0.97, so effects lie in [-0.97, +0.03]; SUPPORTED needs more than +0.15"
    )
    assert room("no-change", 0.5, 0, 1, 0.4).endswith("REFUTED needs less than -0.6 or more than +0.6")


def test_an_effect_that_only_touches_decides_nothing():
    """Numbers that floating point holds exactly."""
    assert room("greater", 0.25, 0.0, 1.0, 0.5)
    assert not room("greater", 0.25, 0.0, 1.0, 0.49)
    assert room("at-least", 0.75, 0.0, 1.0, 0.5)
    assert not room("at-least", 0.75, 0.0, 1.0, 0.49)


@pytest.mark.parametrize("expect", DIFFERENCES)
def test_a_measure_without_bounds_always_has_room(expect):
    assert not room(expect, 3.0, -math.inf, math.inf, 0.5)
    assert not room("greater", 0.0, 0.0, math.inf, 7.0)
    assert room("at-least", 1.0, 0.0, math.inf, 7.0)


def test_nothing_is_within_a_margin_of_zero():
    assert "; SUPPORTED needs" in room("no-change", 0.5, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("expect", DIFFERENCES)
@pytest.mark.parametrize("d", [0.0625, 0.25, 0.5])
def test_there_is_room_just_where_some_effects_would_get_each_verdict(expect, d):
    """All effects on a fine grid, each with the planned half-width, read by the verdict rule itself."""
    h = d / 2
    for r in np.arange(0, 65) / 64:
        effects = np.arange(0, 513) / 512 - r
        verdicts = {verdict_of_interval(expect, effect - h, effect + h, d) for effect in effects}
        assert bool(room(expect, r, 0.0, 1.0, d)) == (not {"SUPPORTED", "REFUTED"} <= verdicts)


@pytest.mark.parametrize("expect", sorted(set(EXPECTATIONS) - set(DIFFERENCES)))
def test_a_trend_has_no_right_side(expect):
    with pytest.raises(EvidenceError, match=f"not of a trend \\({expect}\\)"):
        room(expect, 0.5, 0.0, 1.0, 0.1)


@pytest.mark.parametrize(
    ("r", "low", "high", "d"), [(math.nan, 0, 1, 0.1), (1.1, 0, 1, 0.1), (0.5, 0, 1, -0.1), (0.5, 0, 1, math.nan)]
)
def test_numbers_that_cannot_be(r, low, high, d):
    with pytest.raises(EvidenceError, match="not a finite number"):
        room("greater", r, low, high, d)
