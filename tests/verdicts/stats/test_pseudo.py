"""Logarithms and ratios of means as means of pseudo-values, against the delta method written out and a bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.nested import nested
from itl_bench.verdicts.stats.pseudo import derive, log_of_mean, ratio_of_means, sources

POSITIVE = arrays(np.float64, (3, 7), elements=st.floats(0.01, 100))


@given(POSITIVE)
def test_the_mean_of_pseudo_values_is_the_logarithm_of_the_mean(values):
    for row, pseudo in zip(values.tolist(), log_of_mean(values).tolist(), strict=True):
        assert math.fsum(pseudo) / 7 == pytest.approx(math.log(math.fsum(row) / 7), abs=1e-12)


@given(POSITIVE)
def test_their_spread_is_that_of_the_delta_method(values):
    for row, pseudo in zip(values, log_of_mean(values), strict=True):
        assert pseudo.std(ddof=1) == pytest.approx(row.std(ddof=1) / row.mean(), abs=1e-12)


def test_the_interval_of_a_ratio_of_means_is_that_of_a_bootstrap():
    """One replicate pattern repeated, so that only prompts vary: log(mean a / mean b) over resampled prompts."""
    generator = np.random.default_rng(31)
    a, b = generator.gamma(2.0, 0.5, 400), generator.gamma(2.0, 0.2, 400)
    rows = [np.tile(side, (6, 1)) for side in (a, b)]
    estimate = nested(log_of_mean(rows[0]) - log_of_mean(rows[1]), [0, 0, 1, 1, 2, 2])
    drawn = generator.integers(0, 400, (20000, 400))
    ratios = np.log(a[drawn].mean(axis=1) / b[drawn].mean(axis=1))
    assert estimate.effect == pytest.approx(math.log(a.mean() / b.mean()))
    assert estimate.standard_error == pytest.approx(ratios.std(), rel=0.03)


def test_near_zero_values_do_not_rule_it():
    assert log_of_mean([[1e-12, 2.0]]).mean() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_mean_without_a_logarithm_is_refused(bad):
    with pytest.raises(EvidenceError, match="has no logarithm"):
        log_of_mean([[1.0, 2.0], [bad, bad]])


@pytest.mark.parametrize("shape", [(3,), (2, 0), (0, 2)])
def test_a_table_without_values_is_refused(shape):
    with pytest.raises(EvidenceError, match="table with values"):
        log_of_mean(np.ones(shape))


COUNTS = arrays(np.float64, (3, 7), elements=st.integers(0, 6))


@given(COUNTS, arrays(np.float64, (3, 7), elements=st.integers(1, 6)))
def test_the_mean_of_pseudo_values_is_the_ratio_of_the_means(upper, lower):
    for above, below, pseudo in zip(upper.tolist(), lower.tolist(), ratio_of_means(upper, lower).tolist(), strict=True):
        assert math.fsum(pseudo) / 7 == pytest.approx(math.fsum(above) / math.fsum(below), abs=1e-12)


@given(COUNTS, arrays(np.float64, (3, 7), elements=st.integers(1, 6)))
def test_the_variance_of_a_ratio_is_that_of_linearization(upper, lower):
    """Var(x/y) to first order: (var x + r^2 var y - 2 r cov(x, y)) / (n mean(y)^2)."""
    for x, y, pseudo in zip(upper, lower, ratio_of_means(upper, lower), strict=True):
        ratio, covariance = x.sum() / y.sum(), np.cov(x, y)
        variance = (covariance[0, 0] + ratio**2 * covariance[1, 1] - 2 * ratio * covariance[0, 1]) / (7 * y.mean() ** 2)
        assert pseudo.var(ddof=1) / 7 == pytest.approx(variance, abs=1e-9)


def test_the_variance_of_a_ratio_is_that_of_a_jackknife():
    generator = np.random.default_rng(32)
    stated = generator.integers(0, 4, 400).astype(float)
    true = generator.binomial(stated.astype(int), 0.6).astype(float)
    left_out = (true.sum() - true) / (stated.sum() - stated)
    jackknife = 399 / 400 * ((left_out - left_out.mean()) ** 2).sum()
    assert ratio_of_means([true], [stated]).var(ddof=1) / 400 == pytest.approx(jackknife, rel=0.01)


def test_a_replicate_has_its_own_ratio_and_rows_without_values_count_for_nothing():
    true, stated = [[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]], [[2.0, 0.0, 2.0], [1.0, 0.0, 1.0]]
    pseudo = ratio_of_means(true, stated)
    assert pseudo.mean(axis=1).tolist() == pytest.approx([3 / 4, 1 / 2])
    assert pseudo[:, 1].tolist() == pytest.approx([3 / 4, 1 / 2])


@pytest.mark.parametrize(("bad", "named"), [(0.0, "0"), (math.nan, "nan"), (math.inf, "nan")])
def test_a_replicate_that_states_nothing_has_no_share(bad, named):
    with pytest.raises(EvidenceError, match=f"^a share of stated values is undefined: a replicate states {named} "):
        derive("value-precision", "precision", [[[1.0, 1.0], [0.0, 0.0]], [[1.0, 2.0], [bad, bad]]])


@pytest.mark.parametrize("shape", [(3,), (2, 0), (3, 2)])
def test_a_ratio_needs_two_tables_of_one_shape(shape):
    with pytest.raises(EvidenceError, match="a ratio of means needs"):
        ratio_of_means(np.ones((2, 3)), np.ones(shape))


FIRST, REST = [[1.0, 3.0], [2.0, 2.0]], [[0.5, 0.5], [1.0, 3.0]]


@pytest.mark.parametrize(
    ("measure", "column", "made_of", "row_means"),
    [
        ("token-shift", "log_kl", ("kl",), [math.log(2), math.log(2)]),
        ("token-shift", "kl", ("kl",), [2, 2]),
        ("token-shift", "base_rank", ("base_rank",), [2, 2]),
        ("sentence-start", "drop", ("first", "rest"), [1.5, 0]),
        ("sentence-start", "log_ratio", ("first", "rest"), [math.log(4), 0]),
        ("value-precision", "precision", ("true_values", "values"), [4, 1]),
        ("style", "log_length", ("log_length",), [2, 2]),
        ("my-measure", "drop", ("drop",), [2, 2]),
    ],
)
def test_columns_made_of_others(measure, column, made_of, row_means):
    assert sources(measure, column) == made_of
    made = derive(measure, column, [FIRST, REST][: len(made_of)])
    assert made.mean(axis=1).tolist() == pytest.approx(row_means)
