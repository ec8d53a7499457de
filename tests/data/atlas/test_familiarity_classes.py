"""The classes of SliCK against binomial distributions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from itl_bench.data.atlas.familiarity_table import CLASSES, SAMPLES, familiarity, right_sample

shares = st.floats(0, 1).map(lambda share: round(share, 12))  # scipy cannot take the very smallest
probabilities = st.lists(shares, min_size=1, max_size=6)


@given(probabilities, st.integers(1, 32))
def test_right_sample_is_the_binomial_one(sampled, samples):
    none = math.prod(binom.pmf(0, samples, probability) for probability in sampled)
    assert right_sample(sampled, samples) == pytest.approx(1 - none, abs=1e-9)


@given(probabilities)
def test_greedy_answers_decide_where_any_is_right(sampled):
    assert familiarity(1.0, sampled) == "highly-known"
    assert familiarity(0.25, sampled) == familiarity(0.75, sampled) == "maybe-known"
    assert familiarity(0.0, sampled) in ("weakly-known", "unknown")


def test_without_greedy_answers_a_right_sample_in_one_of_four_draws_decides():
    threshold = 1 - 0.75 ** (1 / (4 * SAMPLES))  # of four equal prompts
    assert familiarity(0.0, [threshold * 1.001] * 4) == "weakly-known"
    assert familiarity(0.0, [threshold * 0.999] * 4) == "unknown"
    assert familiarity(0.0, [0.0, 0.0, 0.0, 1.0]) == "weakly-known"
    assert familiarity(0.0, [0.0] * 4) == "unknown"


@given(probabilities, st.integers(0, 5), shares)
def test_a_likelier_answer_is_never_less_known(sampled, place, probability):
    place %= len(sampled)
    likelier = [*sampled[:place], max(sampled[place], probability), *sampled[place + 1 :]]
    assert CLASSES.index(familiarity(0.0, likelier)) <= CLASSES.index(familiarity(0.0, sampled))
