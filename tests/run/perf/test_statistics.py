"""The comparison of tests agrees with what can be worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from itl_bench.run.perf.statistics import CHANCES, TESTS, compare

RUNS, TRAININGS = 1500, 5


def variance_of_an_answer():
    """Of a right or wrong answer, over chances that are uniform: the mean of p (1 - p)."""
    low, high = CHANCES
    return ((high**2 - low**2) / 2 - (high**3 - low**3) / 3) / (high - low)


def false_share(spread, prompts, trainings):
    """How often a z test that knows of prompts alone is beyond its quantile."""
    seen = 2 * variance_of_an_answer() / trainings / prompts
    true = seen + 2 * spread**2 / trainings
    return 2 * stats.norm.sf(stats.norm.isf(0.025) * math.sqrt(seen / true))


@pytest.fixture(scope="module", params=[(0.0, 400), (0.035, 400), (0.07, 1600)])
def rates(request):
    spread, prompts = request.param
    (found,) = compare([spread], [prompts], TRAININGS, 0.1, RUNS, 3)
    return found


@pytest.mark.parametrize(
    ("name", "trainings"), [("t, one training each", 1), ("t, trainings averaged", TRAININGS),
                            ("bootstrap, averaged", TRAININGS)],
)  # fmt: skip
def test_a_test_over_prompts_is_as_often_wrong_as_its_formula_says(rates, name, trainings):
    expected = false_share(rates.spread, rates.prompts, trainings)
    assert rates.false[name] == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / RUNS) + 0.005)


def test_ours_is_wrong_no_more_often_than_it_says(rates):
    assert rates.false["this suite"] < 0.05 + 4 * math.sqrt(0.05 * 0.95 / RUNS)


def test_what_is_found_grows_with_the_effect():
    small, large = (compare([0.01], [400], TRAININGS, effect, 300, 3)[0] for effect in (0.02, 0.15))
    assert all(small.found[name] < large.found[name] for name in TESTS)
    assert large.found["this suite"] > 0.95


def test_the_same_seed_gives_the_same_numbers():
    assert compare([0.02], [96], 2, 0.1, 50, 7) == compare([0.02], [96], 2, 0.1, 50, 7)
    assert np.isfinite([*compare([0.0], [96], 2, 0.1, 50, 7)[0].false.values()]).all()
