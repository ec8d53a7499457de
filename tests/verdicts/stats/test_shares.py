"""Differences of shares: against odds one number at a time, in closed form, and at the ends of the scale."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.nested import nested, nested_unpaired
from itl_bench.verdicts.stats.rule import decide_column
from itl_bench.verdicts.stats.shares import SharesEstimate, nested_shares
from tests.helpers.shares_oracle import drawn_in, ends, errors_of_sides, variance_of_mean

BASES = [0, 0, 1, 1, 2, 2]
DESIGNS = {"3 x 2": BASES, "6 x 1": [0, 1, 2, 3, 4, 5], "1 x 6": [4] * 6}
inside = st.floats(0.002, 0.998)


def drawn(left, right, seed=1, n_prompts=200):
    """Right or wrong, with replicates that differ."""
    generator = np.random.default_rng(seed)
    sides = [np.clip(share + generator.normal(0, 0.02, (6, 1)), 0, 1) for share in (left, right)]
    return [(generator.random((6, n_prompts)) < chance).astype(float) for chance in sides]


def estimate(left, right, error=0.02, part=0.4, freedom=5.0):
    return SharesEstimate(left - right, error, freedom, 6, 6, 6, 450, left, right, part)


@pytest.mark.parametrize("bases", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize("shares", [(0.55, 0.5), (0.99, 0.95), (0.9, 0.97), (0.05, 0.01), (1.0, 0.96)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_by_odds_one_number_at_a_time(bases, shares, confidence):
    left, right = drawn(*shares)
    found, difference = nested_shares(left, right, bases), nested(left - right, bases)
    quantile = stats.t.ppf((1 + confidence) / 2, difference.degrees_of_freedom)
    centres = drawn_in(left.mean()), drawn_in(right.mean())
    own = tuple(variance_of_mean([row.mean() for row in side], bases) for side in (left, right))
    errors = errors_of_sides(difference.standard_error, *centres, own)
    below, above = ends(*centres, errors, quantile)
    effect = left.mean() - right.mean()
    assert found.interval(confidence) == pytest.approx((effect - below, effect + above))


def test_effect_error_and_sizes_are_those_of_any_difference():
    left, right = drawn(0.95, 0.9)
    found, difference = nested_shares(left, right, BASES), nested(left - right, BASES)
    assert {name: getattr(found, name) for name in vars(difference)} == vars(difference)


def test_in_the_middle_it_is_in_closed_form_that_of_the_hyperbolic_tangent():
    """Shares of one half: their limits are 1/2 ± tanh(k e / 2) / 2, e being four times the error."""
    found = estimate(0.5, 0.5, error=0.1, part=0.25)
    k = stats.t.ppf(0.975, 5)
    half = math.hypot(math.tanh(2 * k * 0.05), math.tanh(2 * k * 0.1 * math.sqrt(0.75))) / 2
    assert found.interval(0.95) == pytest.approx((-half, half))


@pytest.mark.parametrize("shares", [(0.6, 0.4), (0.99, 0.95), (0.02, 0.01)])
def test_a_small_error_gives_the_interval_of_t(shares):
    found = estimate(*shares, error=1e-6)
    assert found.interval(0.95) == pytest.approx(stats.t.interval(0.95, 5, shares[0] - shares[1], 1e-6), abs=1e-9)


def test_near_the_ceiling_it_reaches_farther_to_where_the_worse_side_may_be():
    for shares, part in (((0.99, 0.95), 0.1), ((0.05, 0.01), 0.9)):
        low, high = estimate(*shares, error=0.01, part=part).interval(0.95)
        assert high - 0.04 > 1.5 * (0.04 - low)


@given(inside, inside, st.floats(0.001, 0.2), st.floats(0, 1), st.floats(0.01, 0.999))
def test_it_never_leaves_what_differences_can_be_and_mirrors(left, right, error, part, confidence):
    low, high = estimate(left, right, error, part).interval(confidence)
    assert -1 <= low <= left - right <= high <= 1
    swapped = estimate(right, left, error, 1 - part).interval(confidence)
    assert swapped == pytest.approx((-high, -low))
    of_wrong_answers = estimate(1 - left, 1 - right, error, part).interval(confidence)
    assert of_wrong_answers == pytest.approx((-high, -low))


@given(inside, inside, st.floats(0.001, 0.1), st.floats(0.1, 0.9), st.floats(0.01, 0.999))
def test_p_is_that_of_the_interval_that_ends_at_the_boundary(left, right, error, part, confidence):
    found = estimate(left, right, error, part)
    low, high = found.interval(confidence)
    tail = pytest.approx((1 - confidence) / 2, abs=1e-6)
    assert found.p_above(low) == tail if low > -1 else True
    assert found.p_below(high) == tail if high < 1 else True
    for boundary in (low, high, left - right, 0.0):
        assert found.p_above(boundary) + found.p_below(boundary) == pytest.approx(1)


def test_a_boundary_beyond_all_differences_is_settled():
    found = estimate(0.99, 0.95)
    assert (found.p_above(-1.01), found.p_below(-1.01)) == (0, 1)
    assert (found.p_above(1.01), found.p_below(1.01)) == (1, 0)
    assert found.p_above(-0.999) < 1e-6
    assert found.p_above(found.effect) == found.p_below(found.effect) == 0.5


@pytest.mark.parametrize("margin", np.linspace(-0.1, 0.2, 31))
def test_verdict_and_p_agree_at_every_margin(margin):
    expect = "greater" if margin >= 0 else "at-least"
    column = decide_column(expect, estimate(0.97, 0.93), abs(margin))
    assert (column.p_value < 0.05) == (column.verdict != "INCONCLUSIVE")
    assert (column.shortfall is None) == (column.verdict != "INCONCLUSIVE")


def test_more_units_are_a_narrower_interval_of_the_same_kind():
    one = estimate(0.97, 0.93)
    more = one.with_more_units(4)
    assert (more.left, more.right, more.effect, more.left_part) == (one.left, one.right, one.effect, one.left_part)
    assert (more.standard_error, more.degrees_of_freedom, more.n_units) == (0.01, 4 * 6 - 1, 24)
    assert more.interval(0.95).low > one.interval(0.95).low


def test_equal_answers_are_a_point():
    left, _ = drawn(0.9, 0.9)
    found = nested_shares(left, left, BASES)
    assert found.interval(0.95) == (0, 0)
    assert (found.p_above(-0.1), found.p_above(0.0), found.p_below(0.1)) == (0, 1, 0)
    assert nested_shares(np.ones((6, 9)), np.zeros((6, 9)), BASES).interval(0.95) == (1, 1)


def test_prompts_of_their_own_and_prompts_drawn_anew():
    left, right = drawn(0.97, 0.9)[0], drawn(0.97, 0.9, seed=2, n_prompts=90)[1]
    for other in (right, right.mean(axis=1, keepdims=True)):
        found, difference = nested_shares(left, other, BASES, paired=False), nested_unpaired(left, other, BASES)
        assert (found.effect, found.standard_error) == (difference.effect, difference.standard_error)
        assert (found.right, found.n_prompts) == (pytest.approx(drawn_in(right.mean())), difference.n_prompts)


def test_what_is_no_share_is_refused():
    left, right = drawn(0.9, 0.8)
    for wrong, words in (
        (1.01, r"lies in \[0, 1\]"),
        (-0.5, "not at -0.5"),
        (math.inf, "NaN or infinite"),
        (math.nan, "NaN or infinite"),
    ):
        with pytest.raises(EvidenceError, match=words):
            nested_shares(np.where(left > 0, wrong, left), right, BASES)
    with pytest.raises(EvidenceError, match="paired sides have one shape"):
        nested_shares(left, right[:, :9], BASES)
    with pytest.raises(EvidenceError, match="as many base labels"):
        nested_shares(left, right, BASES[:5])
    with pytest.raises(EvidenceError, match="are no shares"):
        replace(estimate(0.9, 0.8), left=1.0)
    with pytest.raises(EvidenceError, match="a confidence lies between"):
        estimate(0.9, 0.8).interval(1.0)
