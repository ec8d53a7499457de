"""Agreement of a judge with a reference, against plain loops and statsmodels."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa, to_table

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.agreement import agreement

GENERATOR = np.random.default_rng(20)
SETS = []
for n, noise in ((80, 0.6), (12, 1.5), (300, 0.3)):
    reference = GENERATOR.integers(1, 6, n)
    judge = np.clip(np.rint(reference + noise * GENERATOR.standard_normal(n)), 1, 5)
    SETS.append((judge.tolist(), reference.astype(float).tolist()))
with_each_set = pytest.mark.parametrize(("judge", "reference"), SETS)


def ranks(values):
    """The mean place of a value among all, by counting."""
    return [sum(other < one for other in values) + (sum(other == one for other in values) + 1) / 2 for one in values]


def correlation(one, other):
    first, second = sum(one) / len(one), sum(other) / len(other)
    product = sum((a - first) * (b - second) for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum((a - first) ** 2 for a in one) * sum((b - second) ** 2 for b in other))


@with_each_set
def test_bias_is_the_paired_t_interval(judge, reference):
    found = agreement(judge, reference)
    test = stats.ttest_rel(judge, reference)
    assert found.n == len(judge)
    assert found.bias.effect == pytest.approx(sum(judge) / len(judge) - sum(reference) / len(reference))
    assert found.bias.interval(0.95) == pytest.approx(tuple(test.confidence_interval(0.95)))


@with_each_set
def test_spearman_is_the_correlation_of_ranks(judge, reference):
    assert agreement(judge, reference).spearman == pytest.approx(correlation(ranks(judge), ranks(reference)))


@with_each_set
def test_kappa_is_that_of_statsmodels_with_squared_weights(judge, reference):
    table, _ = to_table(np.array([judge, reference], dtype=int).T, bins=np.arange(1, 7) - 0.5)
    expected = cohens_kappa(table, weights=np.arange(5.0), wt="quadratic", return_results=False)
    assert agreement(judge, reference).kappa == pytest.approx(expected)


@with_each_set
def test_exact_is_the_share_of_equal_scores(judge, reference):
    equal = sum(a == b for a, b in zip(judge, reference, strict=True))
    assert agreement(judge, reference).exact == equal / len(judge)


@with_each_set
def test_the_line_is_least_squares_and_its_error_that_of_leaving_out_each(judge, reference):
    line = agreement(judge, reference).line
    fitted = stats.linregress(judge, reference)
    assert (line.intercept, line.slope) == pytest.approx((fitted.intercept, fitted.slope))
    errors = []
    for left_out in range(len(judge)):
        rest = stats.linregress(np.delete(judge, left_out), np.delete(reference, left_out))
        errors.append((reference[left_out] - rest.intercept - rest.slope * judge[left_out]) ** 2)
    assert line.error == pytest.approx(math.sqrt(sum(errors) / len(errors)))


def test_a_perfect_judge():
    found = agreement([1, 2, 5, 4], [1, 2, 5, 4])
    assert found.bias.interval(0.95) == (0, 0)
    assert (found.spearman, found.kappa, found.exact) == (pytest.approx(1), 1, 1)
    assert (found.line.intercept, found.line.slope, found.line.error) == pytest.approx((0, 1, 0))


def test_where_all_scores_are_the_same_nothing_is_invented():
    found = agreement([5, 5, 5], [5, 5, 5])
    assert (found.bias.effect, found.spearman, found.kappa, found.exact, found.line) == (0, None, 1, 1, None)
    other = agreement([4, 4, 4], [5, 4, 5])
    assert (other.spearman, other.line) == (None, None)
    assert other.kappa == pytest.approx(0)
    assert agreement([5, 5, 5, 4], [5, 4, 5, 4]).line is None  # without the last, all scores of the judge are 5


def test_kappa_falls_as_disagreement_grows():
    reference = [1, 2, 3, 4, 5] * 4
    kappas = [agreement([5 - (5 - one) * share for one in reference], reference).kappa for share in (1, 0.7, 0.3)]
    assert all(later < earlier for earlier, later in pairwise(kappas))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(EvidenceError, match="2 scores of the judge stand against 3 of the reference"):
        agreement([1, 2], [1, 2, 3])
    with pytest.raises(EvidenceError, match="at least 3 answers with a score from both, not 2"):
        agreement([1, 2], [1, 2])
    with pytest.raises(EvidenceError, match="NaN"):
        agreement([1, 2, float("nan")], [1, 2, 3])
