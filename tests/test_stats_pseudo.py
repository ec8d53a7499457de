"""Logarithms of means as means of pseudo-values, against the delta method written out and a bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from itl_bench.errors import EvidenceError
from itl_bench.stats.nested import nested
from itl_bench.stats.pseudo import derive, log_of_mean, sources

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


FIRST, REST = [[1.0, 3.0], [2.0, 2.0]], [[0.5, 0.5], [1.0, 3.0]]


@pytest.mark.parametrize(
    ("measure", "column", "made_of", "row_means"),
    [
        ("token-shift", "log_kl", ("kl",), [math.log(2), math.log(2)]),
        ("token-shift", "kl", ("kl",), [2, 2]),
        ("token-shift", "base_rank", ("base_rank",), [2, 2]),
        ("sentence-start", "drop", ("first", "rest"), [1.5, 0]),
        ("sentence-start", "log_ratio", ("first", "rest"), [math.log(4), 0]),
        ("style", "log_length", ("log_length",), [2, 2]),
        ("my-measure", "drop", ("drop",), [2, 2]),
    ],
)
def test_columns_made_of_others(measure, column, made_of, row_means):
    assert sources(measure, column) == made_of
    made = derive(measure, column, [FIRST, REST][: len(made_of)])
    assert made.mean(axis=1).tolist() == pytest.approx(row_means)
