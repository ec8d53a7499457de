"""Measured differences: tables by replicate and rate -> record. Numbers come from plain loops and scipy."""

import itertools
import math
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import RatePoint, Sample
from tests.helpers.measured_tables import (
    AGAINST_BASE,
    KNOWN_TAUGHT,
    REPLICATES,
    SHIFT,
    SHIFT_IN_ALL,
    answers,
    at,
    divergence,
    tuned,
    verdict,
)
from tests.helpers.shares_oracle import drawn_in, ends, errors_of_sides, variance_of_mean

RATES_OF_C02 = ((1e-4, 1, 2.0), (1e-3, 3, 0.25))


def rows_of(tables, column):
    """Of each replicate the means of its units of prompts."""
    rows = []
    for one in REPLICATES:
        by_unit: dict[str, list[float]] = {}
        for unit, value in zip(tables[one].units, tables[one].columns[column], strict=True):
            by_unit.setdefault(unit, []).append(value)
        rows.append([fmean(by_unit[unit]) for unit in by_unit])
    return rows


def oracle(left, right, column="accuracy"):
    """Effect and interval of a share, by plain loops over mean squares; bases first if they differ more."""
    sides = [rows_of(tables, column) for tables in (left, right)]
    rows = [[a - b for a, b in zip(*both, strict=True)] for both in zip(*sides, strict=True)]
    n, m = len(rows), len(rows[0])
    every = fmean(value for row in rows for value in row)
    of_row = [fmean(row) for row in rows]
    of_unit = [fmean(row[p] for row in rows) for p in range(m)]
    residual = sum((rows[r][p] - of_row[r] - of_unit[p] + every) ** 2 for r in range(n) for p in range(m))
    residual /= (n - 1) * (m - 1)
    between_units = max(residual, n * sum((mean - every) ** 2 for mean in of_unit) / (m - 1))
    between_rows = max(residual, m * sum((mean - every) ** 2 for mean in of_row) / (n - 1))
    bases = [fmean(of_row[2 * base : 2 * base + 2]) for base in range(3)]
    between_bases = 2 * m * sum((mean - every) ** 2 for mean in bases) / 2
    replicates, freedom = (between_bases, 2) if between_bases > between_rows else (between_rows, n - 1)
    prompts = between_units - residual
    degrees = (replicates + prompts) / (replicates / freedom + prompts / (m - 1))
    means = [[fmean(row) for row in side] for side in sides]
    own = [variance_of_mean(of_side, [one.base for one in REPLICATES]) for of_side in means]
    shares = [drawn_in(fmean(of_side)) for of_side in means]
    errors = errors_of_sides(math.sqrt((replicates + prompts) / (n * m)), *shares, own)
    below, above = ends(*shares, errors, stats.t.ppf(0.975, degrees))
    return every, every - below, every + above


@pytest.mark.parametrize("seed", range(4))
def test_effect_and_interval_by_plain_loops(seed):
    left, right = answers(seed, 0.6), answers(seed + 50, 0.5)
    record = verdict([at(1e-4, left, right)])
    assert (record.effect, record.ci_low, record.ci_high) == pytest.approx(oracle(left, right))
    assert record.columns[0].left == pytest.approx(fmean(v for t in left.values() for v in t.columns["accuracy"]))
    assert record.columns[0].right == pytest.approx(fmean(v for t in right.values() for v in t.columns["accuracy"]))


def test_both_sides_losses_and_what_they_learned_are_said():
    point = replace(at(1e-4, answers(1, 0.8), answers(2, 0.5)), learned=(0.1, 0.7))
    lower = {one: (first, last / 2) for one, (first, last) in point.right.losses.items()}
    record = verdict([replace(point, right=replace(point.right, losses=lower))])
    assert "final training loss 0.5 against 0.25; new facts of the data learned 0.10 against 0.70" in record.reason
    assert (record.points[0].learned_left, record.points[0].learned_right) == (0.1, 0.7)


def test_points_show_the_quantity_that_decides_at_the_headline():
    """C02 has three columns: whichever decides at another rate, its point is of the headline's column."""
    sides = {rate: (divergence(seed, left), divergence(seed + 1, 0.1)) for rate, seed, left in RATES_OF_C02}
    points = [at(rate, *both) for rate, both in sides.items()]
    record = verdict(points, SHIFT_IN_ALL)
    column = record.deciding_column
    assert verdict(points[1:], SHIFT_IN_ALL, headline=1e-3).deciding_column != column  # else nothing is tested
    assert {point.deciding_column for point in record.points} == {column}
    for point in record.points:
        left, right = (fmean(v for t in side.values() for v in t.columns[column]) for side in sides[point.rate])
        assert (point.left, point.right) == pytest.approx((left, right))
        assert point.effect == pytest.approx(left - right)
        assert point.ci_low < point.effect < point.ci_high


def test_a_planted_effect_is_found_and_said():
    record = verdict([at(1e-4, answers(1, 0.8), answers(2, 0.5))], floors="two seeds differ by 0.01")
    assert (record.verdict, record.basis, record.deciding_column) == ("SUPPORTED", "interval", "accuracy")
    assert (record.verdict_at_half_margin, record.verdict_at_twice_margin) == ("SUPPORTED", "SUPPORTED")
    assert (record.n_prompts, record.n_replicates, record.n_bases) == (450, 6, 3)
    assert (record.rates, record.smallest_effect, record.confidence) == ((1e-4,), 0.05, 0.95)
    assert record.p_value < 1e-3
    assert 0 < record.minimal_detectable_effect < 0.2
    assert (record.columns[0].cells_above, record.columns[0].cells) == (6, 6)
    assert record.reason.startswith("accuracy: +0.")
    assert record.reason.endswith(
        "; at learning rate 0.0001; 6 replicates on 3 bases; final training loss 0.5; two seeds differ by 0.01"
    )


def test_swapping_the_sides_negates():
    left, right = answers(3, 0.7), answers(4, 0.5)
    one, other = verdict([at(1e-4, left, right)]), verdict([at(1e-4, right, left)])
    assert other.effect == pytest.approx(-one.effect)
    assert (other.ci_low, other.ci_high) == pytest.approx((-one.ci_high, -one.ci_low))
    assert (one.verdict, other.verdict) == ("SUPPORTED", "REFUTED")


@pytest.mark.parametrize("order", list(itertools.islice(itertools.permutations(range(6)), 1, 720, 144)))
def test_the_order_of_tables_prompts_and_rates_changes_nothing(order):
    left, right = answers(5, 0.6), answers(6, 0.5)
    points = [at(1e-4, left, right), at(1e-3, right, left)]

    def mixed(sample):
        tables = {REPLICATES[number]: shuffled(sample.tables[REPLICATES[number]], number) for number in order}
        return Sample(tables, {one: sample.losses[one] for one in tables})

    other = [RatePoint(point.rate, mixed(point.left), mixed(point.right)) for point in reversed(points)]
    assert verdict(other) == verdict(points)


def shuffled(table, seed):
    order = np.random.default_rng(seed).permutation(len(table.prompts))
    return Table(
        prompts=tuple(table.prompts[n] for n in order),
        units=tuple(table.units[n] for n in order),
        columns={name: tuple(column[n] for n in order) for name, column in table.columns.items()},
    )


def test_every_rate_has_a_verdict_and_the_headline_is_the_case_s():
    same, better = answers(7, 0.5), answers(8, 0.8)
    points = [at(1e-3, better, same), at(1e-4, answers(9, 0.5), same), at(3e-4, same, better)]
    record = verdict(points, headline=3e-4)
    assert record.rates == (1e-4, 3e-4, 1e-3)
    assert [point.rate for point in record.points] == [1e-4, 3e-4, 1e-3]
    assert [point.verdict for point in record.points] == ["INCONCLUSIVE", "REFUTED", "SUPPORTED"]
    shown = record.points[1]
    assert (record.verdict, record.effect, record.ci_low) == (shown.verdict, shown.effect, shown.ci_low)
    assert (shown.left, shown.right) == (record.columns[0].left, record.columns[0].right)
    assert (shown.loss_left, shown.loss_right) == pytest.approx((0.5, 0.5), abs=1e-5)
    assert record.reason.startswith(shown.reason)
    assert [verdict([point], headline=point.rate).effect for point in points] == [
        record.points[2].effect, record.points[0].effect, record.points[1].effect,
    ]  # fmt: skip


def test_sides_without_a_common_rate():
    record = verdict([at(None, answers(1, 0.8), answers(2, 0.5))], headline=None)
    assert (record.verdict, record.rates, record.points[0].rate) == ("SUPPORTED", (), None)
    assert "learning rate" not in record.reason


def without(table, *numbers):
    columns = {
        name: tuple(None if n in numbers else value for n, value in enumerate(column))
        for name, column in table.columns.items()
    }
    return table.model_copy(update={"columns": columns})


def test_prompts_without_a_value_are_left_out_everywhere_and_counted():
    left, right = answers(1, 0.7), answers(2, 0.5)
    gaps = {**left, REPLICATES[0]: without(left[REPLICATES[0]], 0, 1, 2, 7)}
    other_gaps = {**right, REPLICATES[5]: without(right[REPLICATES[5]], 7, 100)}
    record = verdict([at(1e-4, gaps, other_gaps)])
    kept = [n for n in range(450) if n not in (0, 1, 2, 7, 100)]

    def cut(tables):
        return {
            one: Table(
                prompts=tuple(t.prompts[n] for n in kept), units=tuple(t.units[n] for n in kept),
                columns={"accuracy": tuple(t.columns["accuracy"][n] for n in kept)},
            )
            for one, t in tables.items()
        }  # fmt: skip

    assert (record.effect, record.ci_low, record.ci_high) == pytest.approx(oracle(cut(left), cut(right)))
    assert record.n_prompts == 445
    assert "; 5 prompts without a value left out; " in record.reason


def test_units_weigh_alike_whatever_their_number_of_prompts():
    """One unit of 300 prompts, all right on the left, is one unit beside 150 of one prompt where nothing differs."""
    prompts = tuple(f"big-{n}" for n in range(300)) + tuple(f"small-{n}" for n in range(150))
    units = ("big",) * 300 + prompts[300:]
    ones, zeros = (1.0,) * 300, (0.0,) * 300
    rest = tuple(float(n % 2) for n in range(150))
    left = Table(prompts=prompts, units=units, columns={"accuracy": ones + rest})
    right = Table(prompts=prompts, units=units, columns={"accuracy": zeros + rest})
    record = verdict([at(1e-4, dict.fromkeys(REPLICATES, left), dict.fromkeys(REPLICATES, right))])
    assert record.effect == pytest.approx(1 / 151)


def test_an_untuned_base_has_one_table_per_base_and_no_loss():
    wrong = answers(1, 0.7, column="wrong")
    of_base = answers(2, 0.3, column="wrong")
    base = Sample({one: of_base[Replicate(one.base, 0)] for one in REPLICATES}, {})
    record = verdict([RatePoint(1e-4, tuned(wrong), base)], AGAINST_BASE)
    assert (record.verdict, record.n_replicates, record.points[0].loss_right) == ("SUPPORTED", 6, None)
    assert "final training loss 0.5 against untuned" in record.reason
    assert record.effect == pytest.approx(oracle(wrong, base.tables, "wrong")[0])


def test_probes_of_their_own_are_compared_by_their_means():
    known = answers(1, 0.8, prefix="known")
    taught = answers(2, 0.5, n_units=140, prefix="taught")
    record = verdict([at(1e-4, known, taught)], KNOWN_TAUGHT)
    left, right = (fmean(v for t in side.values() for v in t.columns["accuracy"]) for side in (known, taught))
    assert record.effect == pytest.approx(left - right)
    assert (record.verdict, record.n_prompts) == ("SUPPORTED", 420)
    small = verdict([at(1e-4, known, answers(2, 0.5, n_units=100, prefix="taught"))], KNOWN_TAUGHT)
    assert small.reason.startswith("too few prompts: 300, a verdict needs 400; ")


def test_a_side_whose_prompts_are_one_unit_is_no_sample_of_prompts():
    known, one = answers(1, 0.8, prefix="known"), answers(2, 0.5, n_units=1, prefix="taught")
    with pytest.raises(EvidenceError, match="all prompts of one side are of one unit"):
        verdict([at(1e-4, known, one)], KNOWN_TAUGHT)


def test_prompts_that_each_replicate_draws_anew_are_compared_by_its_mean():
    known = answers(1, 0.8, prefix="known")
    drawn = {one: answers(9 + n, 0.5, 100 + n, prefix=f"draw{n % 4}-")[one] for n, one in enumerate(REPLICATES)}
    record = verdict([at(1e-4, known, drawn)], KNOWN_TAUGHT)
    differences = [fmean(known[one].columns["accuracy"]) - fmean(drawn[one].columns["accuracy"]) for one in REPLICATES]
    assert record.effect == pytest.approx(fmean(differences))
    assert (record.n_prompts, record.n_replicates) == (300, 6)  # of the smallest draw
    assert record.reason.startswith("too few prompts: 300")
    alone = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    assert record.ci_high - record.ci_low > (alone.high - alone.low) / 2


def test_the_logarithm_is_of_the_mean():
    left, right = divergence(1, 2.0), divergence(2, 0.5)
    record = verdict([at(1e-4, left, right)], SHIFT)
    logs = [math.log(fmean(left[one].columns["kl"])) - math.log(fmean(right[one].columns["kl"])) for one in REPLICATES]
    assert record.effect == pytest.approx(fmean(logs))
    assert record.verdict == "SUPPORTED"


def test_several_columns_are_decided_together():
    record = verdict([at(1e-4, divergence(1, 2.0), divergence(2, 0.5))], SHIFT_IN_ALL)
    assert [column.name for column in record.columns] == ["kl", "base_improbability", "base_rank"]
    assert record.verdict == "SUPPORTED"
    assert record.deciding_column == record.points[0].deciding_column
    (deciding,) = [column for column in record.columns if column.name == record.deciding_column]
    assert (record.points[0].left, record.points[0].right) == (deciding.left, deciding.right)


def test_one_method_against_itself_is_hardly_ever_supported():
    """400 cases in which both sides are drawn alike, against any margin above zero."""
    verdicts = [verdict([at(1e-4, answers(seed), answers(10_000 + seed))]).verdict for seed in range(400)]
    assert verdicts.count("SUPPORTED") <= stats.binom.ppf(1 - 1e-4, 400, 0.025)


def test_an_obstacle_blocks_a_verdict_and_keeps_the_numbers():
    points = [at(1e-4, answers(1, 0.9), answers(2, 0.3))]
    free, blocked = verdict(points), verdict(points, obstacles=["edge of sweep: full was best at 0.001"])
    assert (free.verdict, blocked.verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert (blocked.effect, blocked.ci_low, blocked.p_value) == (free.effect, free.ci_low, None)
    assert blocked.reason.startswith("edge of sweep: full was best at 0.001; ")


def test_prompts_that_replicates_draw_anew_stay_paired_within_each():
    """No prompt is asked by two replicates: each has one difference, over the prompts of both its sides."""
    sides = [answers(1, 0.7), answers(2, 0.5)]
    drawn = [{one: renamed(table, one) for one, table in side.items()} for side in sides]
    record = verdict([at(1e-4, *drawn)])
    means = [np.mean([as_rows(side[one]).mean(axis=1).mean() for one in REPLICATES]) for side in sides]
    assert record.effect == pytest.approx(means[0] - means[1])
    assert (record.verdict, record.n_prompts, record.n_replicates) == ("SUPPORTED", 450, 6)


def renamed(table, replicate):
    own = f"{replicate.base}{replicate.seed}"
    prompts, units = ([f"{own}{name}" for name in names] for names in (table.prompts, table.units))
    return table.model_copy(update={"prompts": tuple(prompts), "units": tuple(units)})


def as_rows(table):
    return np.reshape(table.columns["accuracy"], (-1, 3))
