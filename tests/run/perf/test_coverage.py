"""The simulation of right and wrong answers has the shares that it says, and finds what is known of the intervals."""

import numpy as np
import pytest
from scipy.special import expit

from itl_bench.run.perf.coverage import COMPARISONS, SPREADS, Comparison, Design, Kept, Spread, kept, log_odds, worst

SURE = Spread(0.0, 0.0, 0.0)
MIDDLE, HIGH, EQUAL = COMPARISONS[0], COMPARISONS[1], Comparison("at-least", 0.95, 0.95)


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("share", [0.5, 0.85, 0.99])
def test_the_log_odds_of_a_share_give_that_share(share, spread):
    generator = np.random.default_rng(1)
    drawn = generator.standard_normal((3, 400_000)) * np.array(spread[:3])[:, None]
    falls = spread.uneven * generator.standard_exponential(400_000)
    assert expit(log_odds(share, spread) + drawn.sum(axis=0) - falls).mean() == pytest.approx(share, abs=0.002)
    assert log_odds(share, SURE) == pytest.approx(np.log(share / (1 - share)), abs=1e-6)


@pytest.mark.parametrize("design", [Design(6, 1, 200), Design(6, 1, 70, 3)])
def test_in_the_middle_both_intervals_cover_what_they_say(design):
    for found in kept(design, SPREADS["much"], MIDDLE, 500, 2):
        assert 0.92 < found.covered < 0.985
        assert found.covered + found.supported + found.refuted == pytest.approx(1)
        assert (found.supported_with_room, found.refuted_with_room) == (found.supported, found.refuted)
        assert found.found == pytest.approx(0.8, abs=0.05)
        assert found.excluded == pytest.approx(0.8, abs=0.05)


def test_near_the_ceiling_that_of_shares_is_wrong_less_often_than_that_of_t():
    t, shares = kept(Design(6, 1, 200), SPREADS["much"], Comparison("greater", 0.99, 0.95), 500, 2)
    assert t.refuted > 0.045
    assert shares.refuted < 0.045
    assert t.width < shares.width < 1.6 * t.width
    assert max(t.refuted_with_room, shares.refuted_with_room) < 0.01  # a right side at 95% leaves no room for 4 points


def test_one_base_is_what_the_verdict_is_about():
    far_apart = Spread(5.0, 0.1, 1.0, uneven=3.0)
    assert kept(Design(1, 5, 200), far_apart, MIDDLE, 300, 2)[0].covered > 0.9


def test_bases_of_the_worse_method_alone_fall():
    """Where they fall so far that what is left of the share is a few bases', no interval of six sees them all."""
    falling = Spread(0.0, 0.0, uneven=2.0)
    t, _ = kept(Design(6, 1, 200), falling, Comparison("greater", 0.99, 0.9), 300, 3)
    assert t.refuted > 10 * t.supported
    t, _ = kept(Design(6, 1, 200), falling, Comparison("at-least", 0.9, 0.99), 300, 3)
    assert t.supported > 10 * t.refuted


def test_without_any_chance_but_that_of_answers_the_intervals_are_wide_enough():
    assert min(one.covered for one in kept(Design(2, 2, 100), SURE, HIGH, 300, 3)) > 0.95
    assert min(one.covered for one in kept(Design(2, 2, 100), SURE, EQUAL, 300, 3)) > 0.95


def test_the_worst_of_several():
    one = Kept(0.95, 0.01, 0.04, 0.01, 0.02, 0.3, 0.8, 0.7)
    other = Kept(0.93, 0.02, 0.03, 0.00, 0.03, 0.4, 0.9, 0.6)
    assert worst([one, other]) == Kept(0.93, 0.02, 0.04, 0.01, 0.03, 0.4, 0.8, 0.6)
