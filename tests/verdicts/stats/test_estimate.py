"""Each estimator against an independent oracle: scipy.stats, statsmodels, or arithmetic by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import mixedlm, ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.proportion import confint_proportions_2indep

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import (
    BoundedEstimate,
    SampledEstimate,
    difference_of_means,
    difference_of_proportions,
    mean_of_units,
)
from itl_bench.verdicts.stats.nested import crossed
from itl_bench.verdicts.stats.trend import slope

BAD = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_mean_of_units(confidence):
    values = np.random.default_rng(1).normal(0.3, 2, 17).tolist()
    estimate = mean_of_units(values)
    oracle = stats.ttest_1samp(values, 0.1)
    assert estimate.n_units == 17
    assert estimate.interval(confidence) == pytest.approx(tuple(oracle.confidence_interval(confidence)))
    assert estimate.p_above(0.1) == pytest.approx(stats.ttest_1samp(values, 0.1, alternative="greater").pvalue)
    assert estimate.p_below(0.1) == pytest.approx(stats.ttest_1samp(values, 0.1, alternative="less").pvalue)


def test_infinite_degrees_of_freedom_are_normal():
    estimate = SampledEstimate(1.0, 0.5, math.inf, 9)
    assert estimate.interval(0.95) == pytest.approx(stats.norm.interval(0.95, 1.0, 0.5))
    assert estimate.p_above(0.0) == pytest.approx(stats.norm.sf(2.0))


def test_identical_units_collapse_to_a_point():
    estimate = mean_of_units([0.25] * 4)
    assert estimate.interval(0.95) == (0.25, 0.25)
    assert [estimate.p_above(b) for b in (0.2, 0.25, 0.3)] == [0.0, 1.0, 1.0]
    assert [estimate.p_below(b) for b in (0.2, 0.25, 0.3)] == [1.0, 1.0, 0.0]


def test_difference_of_means():
    estimate = difference_of_means(3.2, 2.9, 0.8, 50, 98)
    oracle = stats.ttest_ind_from_stats(3.2, 0.8, 50, 2.9, 0.8, 50)
    assert estimate.effect / estimate.standard_error == pytest.approx(oracle.statistic)
    assert 2 * estimate.p_above(0) == pytest.approx(oracle.pvalue)


def test_difference_of_proportions():
    estimate = difference_of_proportions(0.3, 60, 0.25, 80)
    low, high = confint_proportions_2indep(18, 60, 20, 80, method="agresti-caffo", compare="diff")
    interval = estimate.interval(0.95)
    assert estimate.effect == pytest.approx(0.05)
    assert interval.high - interval.low == pytest.approx(high - low)
    assert estimate.n_units == 60


@pytest.mark.parametrize(("n", "least"), [(10, 0.88), (50, 0.93), (200, 0.94)])
def test_coverage_of_proportions_by_enumeration(n, least):
    counts = np.arange(n + 1)
    half = np.array([[difference_of_proportions(a / n, n, b / n, n).standard_error for b in counts] for a in counts])
    half *= stats.norm.ppf(0.975)
    effects = (counts[:, None] - counts) / n
    for left in np.linspace(0.05, 0.95, 7):
        for right in np.linspace(0.05, 0.95, 7):
            weights = np.outer(stats.binom.pmf(counts, n, left), stats.binom.pmf(counts, n, right))
            assert weights[np.abs(effects - (left - right)) <= half].sum() >= least


def test_bounded_estimate_is_the_same_at_every_confidence():
    estimate = BoundedEstimate(0.1, 0.05, 0.2, 3)
    assert estimate.interval(0.5) == estimate.interval(0.99) == (0.05, 0.2)
    assert estimate.p_above(0) is estimate.p_below(0) is None


def test_slope():
    generator = np.random.default_rng(2)
    x = np.log10([1000, 1000, 5000, 10000, 52000, 326000])
    y = 0.4 * x + generator.normal(0, 0.3, x.size)
    fit = ols("y ~ x", pd.DataFrame({"x": x, "y": y})).fit()
    estimate = slope(x, y)
    assert estimate.effect == pytest.approx(fit.params["x"])
    assert estimate.interval(0.95) == pytest.approx(tuple(fit.conf_int(0.05).loc["x"]))
    assert 2 * estimate.p_above(0) == pytest.approx(fit.pvalues["x"])


def test_slope_of_a_constant_is_zero_without_spread():
    assert slope([1, 2, 3, 4], [7.0] * 4).interval(0.95) == (0.0, 0.0)


def long_form(table):
    index = pd.MultiIndex.from_product([range(size) for size in table.shape], names=["replicate", "prompt"])
    return pd.DataFrame({"y": table.ravel()}, index=index).reset_index()


def random_table(seed, n_replicates, n_prompts):
    generator = np.random.default_rng(seed)
    of_replicates, of_prompts = generator.normal(0, 0.5, (n_replicates, 1)), generator.normal(0, 0.7, n_prompts)
    return 0.2 + of_replicates + of_prompts + generator.normal(0, 0.6, (n_replicates, n_prompts))


def test_crossed_by_hand():
    # Means 3 and 7 of replicates, 2, 3 and 10 of prompts; mean squares 24, 38 and 6.
    estimate = crossed([[1, 2, 6], [3, 4, 14]])
    assert estimate.effect == 5
    assert estimate.standard_error == pytest.approx(math.sqrt((24 + 38 - 6) / 6))
    assert estimate.replicate_variance == pytest.approx((24 - 6) / 3)
    assert estimate.prompt_variance == pytest.approx((38 - 6) / 2)
    assert estimate.residual_variance == pytest.approx(6)
    assert estimate.degrees_of_freedom == pytest.approx(56 / (24 / 1 + 32 / 2))
    assert (estimate.n_replicates, estimate.n_prompts, estimate.n_units) == (2, 3, 2)


def test_crossed_sets_negative_components_to_zero():
    estimate = crossed([[0, 1], [1, 0]])  # mean squares 0, 0 and 1
    assert (estimate.replicate_variance, estimate.prompt_variance, estimate.residual_variance) == (0, 0, 1)
    assert estimate.standard_error == 0.5


@pytest.mark.parametrize(("seed", "n_replicates", "n_prompts"), [(3, 5, 40), (4, 3, 25)])
def test_crossed_against_analysis_of_variance(seed, n_replicates, n_prompts):
    table = random_table(seed, n_replicates, n_prompts)
    rows = anova_lm(ols("y ~ C(replicate) + C(prompt)", long_form(table)).fit())
    of_replicates, of_prompts, residual = rows["sum_sq"] / rows["df"]
    estimate = crossed(table)
    assert estimate.standard_error**2 * table.size == pytest.approx(of_replicates + of_prompts - residual)
    assert estimate.residual_variance == pytest.approx(residual)


def test_crossed_against_restricted_likelihood():
    table = random_table(5, 6, 20)
    parts = {"replicate": "0 + C(replicate)", "prompt": "0 + C(prompt)"}
    fit = mixedlm("y ~ 1", long_form(table), groups=np.zeros(table.size), vc_formula=parts).fit(reml=True)
    components = dict(zip(fit.model.exog_vc.names, fit.vcomp, strict=True))
    estimate = crossed(table)
    assert estimate.replicate_variance == pytest.approx(components["replicate"], rel=0.01)
    assert estimate.prompt_variance == pytest.approx(components["prompt"], rel=0.01)
    assert estimate.standard_error == pytest.approx(fit.bse["Intercept"], rel=0.01)


def test_crossed_does_not_depend_on_order_unit_or_origin():
    table = random_table(6, 4, 30)
    one, other = crossed(table), crossed(1000 - 10 * table[::-1, ::-1])
    assert other.interval(0.95).low == pytest.approx(1000 - 10 * one.interval(0.95).high)
    assert other.degrees_of_freedom == pytest.approx(one.degrees_of_freedom)


def test_equal_answers_are_a_point():
    estimate = crossed(np.full((3, 7), 0.1))
    assert (estimate.effect, estimate.standard_error) == (0.1, 0.0)


@pytest.mark.parametrize("bad", BAD)
def test_nan_and_infinity_are_refused(bad):
    for make in (
        lambda: SampledEstimate(bad, 1, 1, 1),
        lambda: SampledEstimate(0, bad, 1, 1),
        lambda: BoundedEstimate(0, bad, 1, 1),
        lambda: BoundedEstimate(bad, 0, 1, 1),
        lambda: mean_of_units([1.0, bad]),
        lambda: difference_of_means(bad, 1, 1, 3, 3),
        lambda: difference_of_proportions(bad, 3, 0.5, 3),
        lambda: slope([1, 2, 3], [1, 2, bad]),
        lambda: slope([1, 2, bad], [1, 2, 3]),
        lambda: crossed([[1, 2], [3, bad]]),
    ):
        with pytest.raises(EvidenceError):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SampledEstimate(0, -1, 1, 1),
        lambda: SampledEstimate(0, 1, 0, 1),
        lambda: SampledEstimate(0, 1, math.nan, 1),
        lambda: SampledEstimate(0, 1, 1, 0),
        lambda: SampledEstimate(0, 1, 1, 1).interval(1.0),
        lambda: BoundedEstimate(2, 0, 1, 1),
        lambda: BoundedEstimate(0, 0, 1, 0),
        lambda: mean_of_units([1.0]),
        lambda: mean_of_units([]),
        lambda: difference_of_means(1, 1, -1, 3, 3),
        lambda: difference_of_means(1, 1, 1, 0, 3),
        lambda: difference_of_proportions(1.1, 3, 0.5, 3),
        lambda: difference_of_proportions(0.5, 0, 0.5, 3),
        lambda: slope([1, 2], [1, 2]),
        lambda: slope([1, 1, 1], [1, 2, 3]),
        lambda: slope([1, 2, 3], [1, 2]),
        lambda: crossed([1, 2, 3]),
        lambda: crossed([]),
        lambda: crossed([[1], [2]]),
        lambda: crossed(np.empty((3, 0))),
    ],
)
def test_what_cannot_be_estimated_is_refused(make):
    with pytest.raises(EvidenceError):
        make()


def test_one_replicate_is_not_enough():
    with pytest.raises(EvidenceError, match="at least two replicates are needed"):
        crossed([[1, 2, 3]])
