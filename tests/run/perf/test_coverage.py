"""The simulation of right and wrong answers has the shares that it says, and finds what is known of the interval."""

import numpy as np
import pytest
from scipy.special import expit

from itl_bench.run.perf.coverage import LEVELS, SPREADS, Design, Spread, kept, log_odds

SURE = Spread(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("share", [0.5, 0.85, 0.99])
def test_the_log_odds_of_a_share_give_that_share(share, spread):
    drawn = np.random.default_rng(1).standard_normal((4, 400_000)) * np.array(spread)[:, None]
    assert expit(log_odds(share, spread) + drawn.sum(axis=0)).mean() == pytest.approx(share, abs=0.002)
    assert log_odds(share, SURE) == pytest.approx(np.log(share / (1 - share)), abs=1e-6)


def test_in_the_middle_the_interval_covers_what_it_says():
    found = kept(Design(6, 1, 200), SPREADS["much"], LEVELS[0], 1000, 2)
    assert 0.93 < found.covered < 0.985
    assert found.supported + found.refuted <= 0.07
    assert found.covered + found.supported + found.refuted == pytest.approx(1)


def test_one_base_is_what_the_verdict_is_about():
    far_apart = Spread(5.0, 0.1, 1.0, 0.1)
    assert kept(Design(1, 5, 200), far_apart, LEVELS[0], 300, 2).covered > 0.9


def test_without_any_chance_but_that_of_answers_the_interval_is_wide_enough():
    assert kept(Design(2, 2, 100), SURE, LEVELS[1], 500, 3).covered > 0.95
