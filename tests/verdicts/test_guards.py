"""What is no evidence decides nothing, and what cannot be compared is an error."""

import math

import numpy as np
import pytest

from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import RatePoint, Sample
from tests.helpers.measured_tables import (
    REPLICATES,
    SHIFT,
    TRAINED,
    UNTRAINED,
    answers,
    as_table,
    at,
    divergence,
    tuned,
    verdict,
)


def test_too_few_replicates_show_numbers_and_decide_nothing():
    left, right = ({one: side[one] for one in REPLICATES[::2]} for side in (answers(1, 0.9), answers(2, 0.5)))
    record = verdict([at(1e-4, left, right)])
    assert record.verdict == record.points[0].verdict == record.columns[0].verdict == "INCONCLUSIVE"
    assert record.reason.startswith("replicate variance poorly known: 3 replicates, a verdict needs 5; ")
    assert record.points[0].reason == "replicate variance poorly known: 3 replicates, a verdict needs 5"
    assert record.ci_low > 0.05
    assert (record.p_value, record.columns[0].p_value, record.n_replicates) == (None, None, 3)
    assert (record.verdict_at_half_margin, record.verdict_at_twice_margin) == ("INCONCLUSIVE", "INCONCLUSIVE")


def test_one_replicate_has_an_effect_and_no_interval():
    left, right = ({one: side[one] for one in REPLICATES[:1]} for side in (answers(1, 0.9), answers(2, 0.5)))
    record = verdict([at(1e-4, left, right)])
    expected = np.mean(left[REPLICATES[0]].columns["accuracy"]) - np.mean(right[REPLICATES[0]].columns["accuracy"])
    assert record.effect == record.points[0].effect == pytest.approx(expected)
    assert (record.verdict, record.ci_low, record.columns) == ("INCONCLUSIVE", None, ())
    assert record.reason.startswith("replicate variance poorly known: 1 replicate, a verdict needs 5; ")


def test_two_bases_do_not_show_how_bases_differ():
    def six_on_two(tables):
        return dict(zip((Replicate(n % 2, n) for n in range(6)), tables.values(), strict=True))

    record = verdict([at(1e-4, six_on_two(answers(1, 0.9)), six_on_two(answers(2, 0.5)))])
    assert record.verdict == "INCONCLUSIVE"
    assert record.reason.startswith("base variance poorly known: 2 bases, a verdict needs 3; ")


def test_too_few_prompts():
    record = verdict([at(1e-4, answers(1, 0.9, n_units=66), answers(2, 0.5, n_units=66))])
    assert (record.verdict, record.n_prompts) == ("INCONCLUSIVE", 198)
    assert record.reason.startswith("too few prompts: 198, a verdict needs 400; ")
    assert record.ci_low > 0.05


@pytest.mark.parametrize(
    ("losses", "n"), [({0: UNTRAINED, 3: UNTRAINED}, 2), ({1: (4.0, 3.2)}, 1), ({2: (4.0, math.nan)}, 1)]
)
def test_what_was_not_trained_is_no_evidence(losses, n):
    left, right = tuned(answers(1, 0.9)), tuned(answers(2, 0.5))
    changed = Sample(left.tables, {**left.losses, **{REPLICATES[number]: loss for number, loss in losses.items()}})
    plain, record = (verdict([RatePoint(1e-4, side, right)]) for side in (left, changed))
    assert (plain.verdict, record.verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert record.reason.startswith(f"not trained: lora at 0.0001 ({n} of 6 replicates); ")
    assert record.effect == plain.effect


def test_a_loss_that_fell_by_just_more_than_the_declared_share_is_trained():
    assert verdict([at(1e-4, answers(1, 0.9), answers(2, 0.5), losses=(4.0, 3.19))]).verdict == "SUPPORTED"


def test_an_untrained_side_of_another_rate_leaves_the_headline_alone():
    better, same = answers(1, 0.9), answers(2, 0.5)
    record = verdict([at(1e-4, better, same), at(1e-5, better, same, losses=UNTRAINED)])
    assert (record.verdict, record.points[0].verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert record.points[0].reason == (
        "not trained: lora at 1e-05 (6 of 6 replicates) and full at 1e-05 (6 of 6 replicates)"
    )


def test_a_diverged_model_that_answers_nothing_is_no_error():
    empty = {one: as_table({"accuracy": np.full(450, math.nan)}) for one in REPLICATES}
    record = verdict([at(1e-4, answers(1, 0.9), answers(2)), at(1.0, empty, empty, losses=(4.0, math.nan))])
    assert (record.verdict, record.points[1].verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert "too few prompts: 0" in record.points[1].reason
    assert (record.points[1].loss_left, record.points[1].effect) == (None, None)


def test_a_run_that_is_given_twice_counts_once():
    left, right = answers(1, 0.9), answers(2, 0.5)

    def doubled(tables):
        sample = tuned({one: tables[one] for one in REPLICATES[::2]})
        again = {Replicate(one.base, 9): one for one in sample.tables}
        return Sample(
            sample.tables | {new: sample.tables[old] for new, old in again.items()},
            sample.losses | {new: sample.losses[old] for new, old in again.items()},
        )

    record = verdict([RatePoint(1e-4, doubled(left), doubled(right))])
    assert (record.verdict, record.n_replicates) == ("INCONCLUSIVE", 3)


def test_runs_that_merely_answer_alike_are_replicates():
    every, none = (as_table({"accuracy": np.full(450, value)}) for value in (1.0, 0.0))
    record = verdict([at(1e-4, dict.fromkeys(REPLICATES, every), dict.fromkeys(REPLICATES, none))])
    assert (record.verdict, record.n_replicates, record.effect) == ("SUPPORTED", 6, 1.0)


def test_no_shift_at_all_has_no_logarithm():
    still = {one: as_table({"kl": np.zeros(450)}) for one in REPLICATES}
    with pytest.raises(EvidenceError, match="a mean of 0 has no logarithm"):
        verdict([at(1e-4, divergence(1, 2.0), still)], SHIFT)
    untrained = verdict([at(1e-4, divergence(1, 2.0), still, losses=UNTRAINED)], SHIFT)
    assert (untrained.verdict, untrained.effect) == ("INCONCLUSIVE", None)


@pytest.mark.parametrize(("rates", "headline"), [([1e-4], 1e-3), ([], 1e-4), ([1e-4, 1e-4], 1e-4)])
def test_a_missing_headline_and_a_repeated_rate_are_errors(rates, headline):
    with pytest.raises(EvidenceError, match="one point at the headline"):
        verdict([at(rate, answers(1), answers(2)) for rate in rates], headline=headline)


def spoiled(**changes):
    table = answers(1)[REPLICATES[0]]
    return {**answers(1), REPLICATES[0]: table.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (answers(1), {Replicate(9, 9): answers(2)[REPLICATES[0]]}, "no replicate in common"),
        (answers(1), answers(2, prefix="q"), "no prompt in common"),
        (answers(1), answers(2, column="wrong"), "unknown column 'accuracy'"),
        (spoiled(prompts=("p0-0",) * 450), answers(2), "repeats a prompt|belongs to"),
        (spoiled(units=("p0",) * 450), answers(2), "belongs to"),
        (spoiled(columns={"accuracy": (math.inf,) * 450}), answers(2), "NaN or infinite"),
    ],
)
def test_tables_that_do_not_fit_are_errors(left, right, message):
    with pytest.raises(EvidenceError, match=message):
        verdict([at(1e-4, left, right)])


def test_a_lost_loss_is_an_error():
    sample = tuned(answers(1))
    lossless = Sample(sample.tables, {REPLICATES[0]: TRAINED})
    with pytest.raises(EvidenceError, match="no training loss is known of base 0, seed 1"):
        verdict([RatePoint(1e-4, lossless, sample)])
