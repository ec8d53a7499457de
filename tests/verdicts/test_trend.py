"""Measured trends: slopes within replicates and learning rates -> record, against statsmodels and scipy."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import CellSummary
from itl_bench.verdicts.stats.trend import slope_within
from itl_bench.verdicts.trend import verdict_on_trend
from tests.helpers.shipped_catalog import catalog, grid

REPLICATES = tuple(Replicate(base, seed) for base in range(3) for seed in range(2))
RATES = (1e-4, 3e-4, 1e-3)
DIVERGENCE = "X01-measured-bios1m-all-cells-all-methods-bios-known-knowledge-shared-rate"
RANK = "C12-measured-bios1m-bios-new30-short-ranks-lora-bios-known-knowledge-shared-rate"
SHIFT = "C02-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-token-shift-shared-rate"


def cells(steepness, seed=1, replicates=REPLICATES, by_rate=-0.2, noise=0.01):
    """Higher rates lie further out and lower, which by itself is no trend within a rate."""
    generator = np.random.default_rng(seed)
    made = []
    for replicate in replicates:
        for number, rate in enumerate(RATES):
            for dataset, method in (("a", "lora"), ("a", "full"), ("b", "lora"), ("b", "full")):
                x = 2 * number + generator.normal()
                y = by_rate * number + steepness * x + noise * generator.normal()
                made.append(CellSummary(rate, dataset, method, replicate, x, y))
    return made


def record_of(made, case=DIVERGENCE, **options):
    return verdict_on_trend(grid()[case], catalog(), made, **options)


def oracle_slopes(made, formula):
    frame = pd.DataFrame({"replicate": c.replicate, "rate": str(c.rate), "x": c.x, "y": c.y} for c in made)
    return [ols(formula, frame[frame.replicate == one]).fit().params["x"] for one in REPLICATES]


def expected_interval(slopes):
    """The t interval of replicates, or of bases where they differ more."""
    bases = np.reshape(slopes, (3, 2)).mean(axis=1)
    units = bases if 2 * bases.var(ddof=1) > np.var(slopes, ddof=1) else slopes
    return tuple(stats.ttest_1samp(units, 0.0).confidence_interval(0.95))


@pytest.mark.parametrize("seed", range(4))
def test_slope_within_rate(seed):
    made = cells(-0.05, seed)
    slopes = oracle_slopes(made, "y ~ x + C(rate)")
    record = record_of(made, floors="the floor")
    assert record.effect == pytest.approx(np.mean(slopes))
    assert (record.ci_low, record.ci_high) == pytest.approx(expected_interval(slopes))
    assert (record.verdict, record.n_replicates, record.n_bases, record.rates) == ("SUPPORTED", 6, 3, RATES)
    assert record.reason.endswith("; 72 cells; 6 replicates on 3 bases; the floor")
    assert (record.columns[0].cells, record.columns[0].cells_above) == (6, 0)


def test_a_trend_that_is_the_learning_rate_s_alone_is_none():
    made = cells(0.0)
    assert np.mean(oracle_slopes(made, "y ~ x")) < -0.05
    assert record_of(made).verdict == "REFUTED"


def test_other_axes_have_one_intercept():
    """Five ranks, each at a rate of its own: within a rate there would be no slope."""
    generator = np.random.default_rng(3)
    made = [
        CellSummary(10.0**-number, "a", "lora", one, math.log10(2**number), 0.01 * number + 0.01 * generator.normal())
        for one in REPLICATES
        for number in range(1, 6)
    ]
    record = record_of(made, RANK)
    assert record.effect == pytest.approx(np.mean(oracle_slopes(made, "y ~ x")))
    assert record.verdict == "SUPPORTED"  # no change: a tenfold rank gains less than the margin


def test_order_and_repetition_change_nothing():
    made = cells(-0.03)
    assert record_of([*reversed(made), *made[:7]]) == record_of(made)


def test_too_few_replicates_and_prompts_decide_nothing():
    three = record_of(cells(-0.1, replicates=REPLICATES[::2]))
    assert three.verdict == three.columns[0].verdict == "INCONCLUSIVE"
    assert three.reason.startswith("replicate variance poorly known: 3 replicates, a verdict needs 5; ")
    assert three.ci_high < -0.0217
    one = record_of(cells(-0.1, replicates=REPLICATES[:1]))
    assert (one.verdict, one.ci_low) == ("INCONCLUSIVE", None)
    assert one.effect == pytest.approx(-0.1, abs=0.01)
    prompts = record_of(cells(-0.1), n_prompts=200)
    assert prompts.reason.startswith("too few prompts: 200, a verdict needs 400; ")
    assert (prompts.verdict, prompts.p_value, prompts.n_prompts) == ("INCONCLUSIVE", None, 200)


FLAT = [CellSummary(rate, "a", "lora", one, rate, 0.5) for one in REPLICATES for rate in RATES]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([], "without any cell"),
        ([*cells(0.1, replicates=REPLICATES[:5]), *cells(0.1)[60:62]], "base 2, seed 1 has 2"),
        (FLAT, "base 0, seed 0: a slope within groups needs two different x"),
        ([*cells(0.1)[:-1], CellSummary(1e-3, "b", "full", REPLICATES[5], math.nan, 0.5)], "base 2, seed 1: .*NaN"),
    ],
)
def test_what_has_no_slope_is_an_error(made, message):
    with pytest.raises(EvidenceError, match=message):
        record_of(made)


def test_a_trend_of_several_columns_is_refused():
    with pytest.raises(EvidenceError, match="over one column, not 3"):
        record_of(cells(0.1), SHIFT)


def test_slope_within_one_group_is_least_squares():
    x, y = [1.0, 2.0, 4.0, 7.0], [3.0, 1.0, 2.0, 8.0]
    assert slope_within(x, y, [0] * 4) == pytest.approx(stats.linregress(x, y).slope)


def test_slope_within_leaves_out_what_differs_between_groups():
    assert slope_within([0, 1, 10, 12, 5], [0, 3, -50, -44, 99], "aabbc") == pytest.approx(3)


def test_slope_within_refuses_lists_of_several_lengths():
    with pytest.raises(EvidenceError, match="lists of one length"):
        slope_within([1, 2], [1, 2, 3], "ab")


def test_an_obstacle_blocks_a_verdict_and_keeps_the_numbers():
    made = cells(-0.05)
    free, blocked = record_of(made), record_of(made, obstacles=["pilot: no verdict"])
    assert (free.verdict, blocked.verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert (blocked.effect, blocked.ci_low, blocked.p_value) == (free.effect, free.ci_low, None)
    assert blocked.minimal_detectable_effect == free.minimal_detectable_effect
    assert blocked.reason.startswith("pilot: no verdict; ")
