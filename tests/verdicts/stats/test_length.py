"""The difference at equal length: against a plain regression, and on planted effects of length."""

import numpy as np
import pytest
import statsmodels.api as sm

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.length import at_equal_length
from itl_bench.verdicts.stats.nested import nested

BASES = [0, 0, 1, 1, 2, 2]


def draw(generator, effect, of_length, far=0.5, prompts=80):
    """Differences of scores and of log lengths; both vary from prompt to prompt and from replicate to replicate."""
    lengths = far + 0.4 * generator.standard_normal(prompts) + 0.3 * generator.standard_normal((6, prompts))
    noise = 0.1 * generator.standard_normal((6, 1)) + 0.4 * generator.standard_normal(prompts)
    return effect + of_length * lengths + noise + 0.5 * generator.standard_normal((6, prompts)), lengths


def test_the_effect_is_the_mean_of_the_intercepts():
    scores, lengths = draw(np.random.default_rng(1), 0.3, 0.8)
    intercepts = [sm.OLS(y, sm.add_constant(x)).fit().params[0] for y, x in zip(scores, lengths, strict=True)]
    assert at_equal_length(scores, lengths, BASES).effect == pytest.approx(np.mean(intercepts))


def test_the_spread_over_prompts_is_that_of_a_regression_robust_to_uneven_errors():
    """Equal replicates leave the prompts' part alone, which is White's standard error of the intercept (HC1 nearly)."""
    generator = np.random.default_rng(2)
    lengths = 0.5 + 0.5 * generator.standard_normal(400)
    scores = 0.3 + 0.8 * lengths + (0.2 + 0.5 * np.abs(lengths)) * generator.standard_normal(400)
    found = at_equal_length(np.tile(scores, (4, 1)), np.tile(lengths, (4, 1)), range(4))
    robust = sm.OLS(scores, sm.add_constant(lengths)).fit(cov_type="HC0")
    assert found.standard_error == pytest.approx(robust.bse[0] * np.sqrt(400 / 399), rel=1e-6)


def test_without_differences_of_length_it_is_the_raw_effect():
    scores, _ = draw(np.random.default_rng(3), 0.3, 0.0)
    assert at_equal_length(scores, np.zeros_like(scores), BASES) == nested(scores, BASES)


def test_with_no_relation_to_length_it_is_the_raw_effect_on_average():
    generator = np.random.default_rng(4)
    pairs = [draw(generator, 0.3, 0.0) for _ in range(300)]
    gaps = [at_equal_length(*pair, BASES).effect - nested(pair[0], BASES).effect for pair in pairs]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(len(gaps))


def test_a_planted_effect_of_length_is_removed_and_the_interval_covers():
    generator = np.random.default_rng(5)
    covered, raw = 0, 0
    for _ in range(300):
        scores, lengths = draw(generator, 0.3, 0.8)
        low, high = at_equal_length(scores, lengths, BASES).interval(0.95)
        covered += low <= 0.3 <= high
        low, high = nested(scores, BASES).interval(0.95)
        raw += low <= 0.3 <= high
    assert covered >= 0.93 * 300
    assert raw < 0.1 * 300  # 0.4 points of what it sees are length


def test_what_cannot_be_told_apart_is_refused():
    scores, lengths = draw(np.random.default_rng(6), 0.3, 0.8)
    with pytest.raises(EvidenceError, match="longer by the same factor"):
        at_equal_length(scores, np.full_like(scores, 0.7), BASES)
    with pytest.raises(EvidenceError, match="one shape"):
        at_equal_length(scores, lengths[:, 1:], BASES)
    with pytest.raises(EvidenceError, match="NaN"):
        at_equal_length(scores, np.where(lengths > 0, lengths, -np.inf), BASES)
    with pytest.raises(EvidenceError, match="at least 3 prompts"):
        at_equal_length(scores[:, :2], lengths[:, :2], BASES)
