"""Replicates nested in bases, against mean squares from plain loops and against scipy."""

import math
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.nested import crossed, nested, nested_mean, nested_unpaired

BASES = [0, 0, 1, 1, 2, 2]


def table(seed, bases=BASES, n_prompts=30, of_bases=0.0, of_replicates=0.3):
    generator = np.random.default_rng(seed)
    rows = of_bases * generator.standard_normal(3)[bases] + of_replicates * generator.standard_normal(len(bases))
    return (
        0.2
        + rows[:, None]
        + 0.5 * generator.standard_normal(n_prompts)
        + 0.4 * generator.standard_normal((len(bases), n_prompts))
    )


def mean_squares(values, bases):
    """Of bases, replicates, prompts and residual, by plain loops over the cells of the table."""
    n_rows, n_columns = len(values), len(values[0])
    every = fmean(value for row in values for value in row)
    rows = [fmean(row) for row in values]
    columns = [fmean(row[p] for row in values) for p in range(n_columns)]
    groups = {base: [rows[r] for r in range(n_rows) if bases[r] == base] for base in bases}
    of_bases = sum(n_columns * len(some) * (fmean(some) - every) ** 2 for some in groups.values()) / (len(groups) - 1)
    of_rows = n_columns * variance(rows)
    of_columns = n_rows * variance(columns)
    residual = sum(
        (values[r][p] - rows[r] - columns[p] + every) ** 2 for r in range(n_rows) for p in range(n_columns)
    ) / ((n_rows - 1) * (n_columns - 1))
    return of_bases, of_rows, of_columns, residual


@pytest.mark.parametrize("seed", range(5))
def test_bases_that_differ_are_the_independent_units(seed):
    values = table(seed, of_bases=2.0)
    of_bases, of_rows, of_columns, residual = mean_squares(values.tolist(), BASES)
    assert of_bases > of_rows > residual
    assert of_columns > residual
    estimate = nested(values, BASES)
    prompts = of_columns - residual
    assert estimate.effect == pytest.approx(values.mean())
    assert estimate.standard_error**2 * values.size == pytest.approx(of_bases + prompts)
    assert estimate.degrees_of_freedom == pytest.approx((of_bases + prompts) / (of_bases / 2 + prompts / 29))
    assert (estimate.n_units, estimate.n_bases, estimate.n_replicates, estimate.n_prompts) == (3, 3, 6, 30)


def test_bases_that_differ_less_than_replicates_change_nothing():
    values = np.array([[0.0, 1.0, 5.0], [4.0, 5.0, 6.0], [1.0, 1.5, 3.0], [3.0, 5.0, 6.0]])
    of_bases, of_rows, _, residual = mean_squares(values.tolist(), [7, 7, 9, 9])
    assert of_bases < of_rows
    assert residual < of_rows
    same(nested(values, [7, 7, 9, 9]), crossed(values))


def same(one, other):
    for name in ("effect", "standard_error", "degrees_of_freedom", "n_units"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12)


@pytest.mark.parametrize("bases", [[0, 1, 2, 3, 4, 5], [3] * 6], ids=["own base each", "one base"])
@pytest.mark.parametrize("seed", range(3))
def test_without_nesting_it_equals_crossed(seed, bases):
    values = table(seed, of_bases=1.0)
    same(nested(values, bases), crossed(values))


def test_with_hardly_any_prompt_variance_it_is_the_t_interval_of_base_means():
    values = np.repeat(table(3, of_bases=3.0).mean(axis=1, keepdims=True), 50, axis=1)
    means = values[:, 0].reshape(3, 2).mean(axis=1)
    oracle = stats.ttest_1samp(means, 0.0).confidence_interval(0.95)
    assert tuple(nested(values, BASES).interval(0.95)) == pytest.approx(tuple(oracle))
    assert tuple(nested_mean(values[:, 0], BASES).interval(0.95)) == pytest.approx(tuple(oracle))


def test_alike_bases_leave_the_t_interval_of_replicates():
    values = [1.0, 3.0, 1.5, 2.5, 1.2, 2.9]
    oracle = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    estimate = nested_mean(values, BASES)
    assert tuple(estimate.interval(0.95)) == pytest.approx(tuple(oracle))
    assert estimate.n_units == 6


def test_uneven_bases_understate_no_variance():
    """Bases of 4, 1 and 1 replicates that differ in nothing but the base: the variance of the mean of rows."""
    generator, bases = np.random.default_rng(8), [0, 0, 0, 0, 1, 2]
    rows = generator.standard_normal((20000, 3))[:, bases]
    estimated = fmean(nested_mean(row, bases).standard_error ** 2 for row in rows[:4000])
    assert estimated == pytest.approx((16 + 1 + 1) / 36, rel=0.06)
    assert rows.mean(axis=1).var() == pytest.approx((16 + 1 + 1) / 36, rel=0.03)


def test_unpaired_by_plain_loops():
    left, right = table(4, of_bases=2.0), table(5, n_prompts=20)
    _, _, left_prompts, left_residual = mean_squares(left.tolist(), BASES)
    _, _, right_prompts, right_residual = mean_squares(right.tolist(), BASES)
    differences = (left.mean(axis=1) - right.mean(axis=1)).tolist()
    bases = [fmean(differences[2 * base : 2 * base + 2]) for base in range(3)]
    parts = [
        (variance(bases) / 3, 2),
        ((left_prompts - left_residual) / left.size, 29),
        ((right_prompts - right_residual) / right.size, 19),
    ]
    total = sum(part for part, _ in parts)
    estimate = nested_unpaired(left, right, BASES)
    assert 2 * variance(bases) > variance(differences)
    assert estimate.effect == pytest.approx(left.mean() - right.mean())
    assert estimate.standard_error == pytest.approx(math.sqrt(total))
    assert estimate.degrees_of_freedom == pytest.approx(total / sum(part / freedom for part, freedom in parts))
    assert estimate.n_prompts == 20


def test_prompts_drawn_anew_in_each_replicate_are_part_of_its_variance():
    """Left has common prompts, right one number for each of six replicates: plain loops, and scipy where both have."""
    left, right = table(4), np.array([[0.1], [0.4], [0.2], [0.5], [0.3], [0.6]])
    _, _, left_prompts, left_residual = mean_squares(left.tolist(), BASES)
    differences = left.mean(axis=1) - right[:, 0]
    bases = [fmean(differences[2 * base : 2 * base + 2]) for base in range(3)]
    between = max(variance(differences) / 6, variance(bases) / 3)
    estimate = nested_unpaired(left, right, BASES)
    assert estimate.effect == pytest.approx(differences.mean())
    assert estimate.standard_error**2 == pytest.approx(between + (left_prompts - left_residual) / left.size)
    assert estimate.n_prompts == left.shape[1]
    alone = nested_unpaired(right, np.zeros((6, 1)), range(6))
    oracle = stats.ttest_1samp(right[:, 0], 0.0).confidence_interval(0.95)
    assert tuple(alone.interval(0.95)) == pytest.approx(tuple(oracle))
    with pytest.raises(EvidenceError):
        nested(right, BASES)


def test_unpaired_knows_the_noise_of_replicates_that_seem_equal():
    """Row means that agree by chance are as far apart as single answers would put them."""
    left, right = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, 2.0], [2.0, 0.0]])
    estimate = nested_unpaired(left, right, [0, 1])
    assert estimate.standard_error**2 == pytest.approx(1 / 4 + 4 / 4)  # residual mean squares 1 and 4, 4 cells each


@given(st.integers(0, 10_000), st.permutations(range(6)), st.permutations(range(12)))
@settings(max_examples=50, deadline=None)
def test_order_sign_and_names_do_not_matter(seed, rows, columns):
    values = table(seed, n_prompts=12, of_bases=0.3)
    one = nested(values, BASES)
    other = nested(10 - values[np.ix_(rows, columns)], [100 - BASES[row] for row in rows])
    assert other.effect == pytest.approx(10 - one.effect)
    assert other.standard_error == pytest.approx(one.standard_error)
    assert other.degrees_of_freedom == pytest.approx(one.degrees_of_freedom)


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_nesting_never_narrows_the_interval(seed, of_bases):
    values = table(seed, of_bases=of_bases)
    width = {name: one.interval(0.95).high - one.effect for name, one in pair(values).items()}
    assert width["nested"] >= width["crossed"] * (1 - 1e-12)


def pair(values):
    return {"nested": nested(values, BASES), "crossed": crossed(values)}


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_swapping_sides_negates(seed):
    left, right = table(seed), table(seed + 1, n_prompts=9)
    one, other = nested_unpaired(left, right, BASES), nested_unpaired(right, left, BASES)
    assert other.interval(0.95) == pytest.approx((-one.interval(0.95).high, -one.interval(0.95).low))


def test_equal_answers_are_a_point():
    values = np.full((6, 5), 0.1)
    assert nested(values, BASES).interval(0.95) == (0.1, 0.1)
    assert nested_unpaired(values, values[:, :3], BASES).interval(0.95) == (0.0, 0.0)
    assert nested_mean([0.3] * 6, BASES).interval(0.95) == (0.3, 0.3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nested(np.ones((3, 4)), [0, 1]), "3 replicates need as many base labels, not 2"),
        (lambda: nested([[1, 2, 3]], [0]), "two replicates"),
        (lambda: nested([[1, math.nan], [2, 3]], [0, 1]), "NaN"),
        (lambda: nested_unpaired(np.ones((2, 3)), np.ones((3, 3)), [0, 1]), "number of replicates"),
        (lambda: nested_mean([1.0], [0]), "at least two finite values"),
        (lambda: nested_mean([1.0, math.inf], [0, 1]), "at least two finite values"),
    ],
)
def test_what_cannot_be_estimated_is_refused(make, message):
    with pytest.raises(EvidenceError, match=message):
        make()
