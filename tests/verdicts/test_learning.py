"""How much was learned: shares against plain loops, intervals against `nested`, marks against plain ifs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import LearningRecord
from itl_bench.verdicts.comparison import Sample
from itl_bench.verdicts.learning import EQUAL_WITHIN, learned_share, learning_of, mark, mean_learned
from itl_bench.verdicts.stats.nested import nested, nested_unpaired
from tests.helpers.measured_tables import ONE, REPLICATES

BASES = [one.base for one in REPLICATES]
ASKED = [number % 4 + 1 for number in range(20)]  # prompts about each person: not equally many


def table(answers, prefix="p"):
    """A table of answers by person: 1 for a right one, 0 for a wrong one."""
    rows = [(f"{prefix}{person}-{n}", f"{prefix}{person}", right) for person, of in enumerate(answers)
            for n, right in enumerate(of)]  # fmt: skip
    prompts, units, values = zip(*rows, strict=True)
    return Table(prompts=prompts, units=units, columns={"accuracy": values})


def drawn(seed, share, asked=ASKED):
    """Answers by person, each right with this chance."""
    generator = np.random.default_rng(seed)
    return [[float(right) for right in generator.random(count) < share] for count in asked]


def by_person(answers):
    return [sum(of) / len(of) for of in answers]


def side(seed, share, known=0.1, prefix="p", asked=ASKED, replicates=REPLICATES):
    """A tuned side, with the answers of its base: those that tuning gave, and those of the base before it."""
    taught = {one: drawn([seed, *one], share + 0.05 * one.base, asked) for one in replicates}
    untaught = {one: drawn([7, one.base], known, asked) for one in replicates}
    losses = {one: (4.0, 0.5 + seed / 1000 + number / 100) for number, one in enumerate(replicates)}
    made = [{one: table(answers, prefix) for one, answers in some.items()} for some in (taught, untaught)]
    return Sample({}, losses, taught=made[0], untaught=made[1]), taught, untaught


def base_of(sample):
    """The untuned side of the same bases."""
    return Sample({}, {}, taught=sample.untaught, untaught=sample.untaught)


def learned(taught, untaught):
    """Plain loops: by replicate and person, what was learned of what there was to learn."""
    rows = []
    for one in REPLICATES:
        known = sum(by_person(untaught[one])) / len(untaught[one])
        rows.append([(right - known) / (1 - known) for right in by_person(taught[one])])
    return np.array(rows)


def test_a_share_is_that_of_a_plain_loop():
    sample, taught, untaught = side(1, 0.6)
    for one, row in zip(REPLICATES, learned(taught, untaught), strict=True):
        assert learned_share(sample, one) == pytest.approx(sum(row) / len(row), abs=1e-12)


@pytest.mark.parametrize(("right", "known", "share"), [(1, 0.5, 1), (0.5, 0.5, 0), (0.75, 0.5, 0.5), (0.25, 0.5, -0.5)])
def test_chance_is_taken_off(right, known, share):
    sides = [[[1.0] * round(4 * some) + [0.0] * round(4 - 4 * some)] * 5 for some in (right, known)]
    sample = Sample({}, {}, taught={ONE: table(sides[0])}, untaught={ONE: table(sides[1])})
    assert learned_share(sample, ONE) == pytest.approx(share)


@pytest.mark.parametrize(("shares", "expected"), [((0.4, 0.9), "unequal"), ((0.6, 0.62), "unknown")])
def test_the_interval_of_paired_prompts_is_that_of_the_scaled_differences(shares, expected):
    (left, *of_left), (right, *of_right) = side(1, shares[0]), side(2, shares[1])
    rows = learned(*of_left), learned(*of_right)
    low, high = nested(rows[0] - rows[1], BASES).interval(0.95)
    record = learning_of(left, right)
    assert (record.left, record.right) == pytest.approx((rows[0].mean(), rows[1].mean()), abs=1e-12)
    assert (record.ci_low, record.ci_high) == pytest.approx((low, high), abs=1e-12)
    assert record.difference == pytest.approx((low + high) / 2, abs=1e-12)
    assert record.mark == expected


def test_sides_that_are_asked_about_other_facts_are_not_paired():
    other = [2] * 30
    (left, *of_left), (right, *of_right) = side(1, 0.6), side(2, 0.6, prefix="q", asked=other)
    rows = learned(*of_left), learned(*of_right)
    assert (rows[0].shape, rows[1].shape) == ((6, 20), (6, 30))
    low, high = nested_unpaired(*rows, BASES).interval(0.95)
    record = learning_of(left, right)
    assert (record.ci_low, record.ci_high) == pytest.approx((low, high), abs=1e-12)
    assert record.difference == pytest.approx((low + high) / 2, abs=1e-12)


def test_a_side_whose_replicates_draw_their_facts_has_one_mean_for_each():
    (left, *of_left), (right, *of_right) = side(1, 0.6), side(2, 0.6)
    own = {one: table(answers, f"{one.base}{one.seed}-") for one, answers in of_right[0].items()}
    means = learned(*of_right).mean(axis=1, keepdims=True)
    low, high = nested_unpaired(learned(*of_left), means, BASES).interval(0.95)
    record = learning_of(left, Sample({}, right.losses, taught=own, untaught=right.untaught))
    assert (record.ci_low, record.ci_high) == pytest.approx((low, high), abs=1e-12)


def test_facts_drawn_anew_by_each_replicate_of_both_sides_are_compared_within_it():
    """Hardly any fact is asked by all replicates: each has one difference, over the facts that it asks."""
    (left, *of_left), (right, *of_right) = side(1, 0.6), side(2, 0.5)
    for sample, (answers, *_) in ((left, of_left), (right, of_right)):
        for one, found in answers.items():
            sample.taught[one] = table(found, f"{one.base}{one.seed}-")
    means = [learned(*one).mean(axis=1, keepdims=True) for one in (of_left, of_right)]
    low, high = nested_unpaired(*means, BASES).interval(0.95)
    record = learning_of(left, right)
    assert (record.ci_low, record.ci_high) == pytest.approx((low, high), abs=1e-12)
    assert record.difference == pytest.approx((low + high) / 2, abs=1e-12)


def test_an_untuned_base_has_learned_exactly_nothing():
    sample, taught, untaught = side(1, 0.6)
    record = learning_of(sample, base_of(sample))
    assert record.right == 0.0
    assert record.difference == record.left > 0.4
    known = np.array([by_person(untaught[one]) for one in REPLICATES])
    gained = (np.array([by_person(taught[one]) for one in REPLICATES]) - known) / (
        1 - known.mean(axis=1, keepdims=True)
    )
    assert (record.ci_low, record.ci_high) == pytest.approx(nested(gained, BASES).interval(0.95), abs=1e-12)
    assert learning_of(base_of(sample), sample).difference == -record.difference


@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted))
def test_marks_are_those_of_plain_ifs(interval):
    low, high = interval
    found = mark(low, high)
    if low > -0.10 and high < 0.10:
        assert found == "equal"
    elif low > 0.10 or high < -0.10:
        assert found == "unequal"
    else:
        assert found == "unknown"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (-0.0999, 0.0999, "equal"), (-EQUAL_WITHIN, 0.05, "unknown"), (-0.05, EQUAL_WITHIN, "unknown"),
        (EQUAL_WITHIN, 0.5, "unknown"), (0.1001, 0.5, "unequal"), (-0.5, -EQUAL_WITHIN, "unknown"),
        (-0.5, -0.1001, "unequal"), (-0.5, 0.5, "unknown"), (0.0, 0.0, "equal"), (0.0999, 0.1001, "unknown"),
    ],
)  # fmt: skip
def test_marks_at_their_borders(low, high, found):
    assert EQUAL_WITHIN == 0.10
    assert mark(low, high) == mark(-high, -low) == found


def test_one_replicate_has_shares_and_no_interval():
    sides = [side(seed, share, replicates=[ONE])[0] for seed, share in ((1, 0.2), (2, 0.9))]
    record = learning_of(*sides)
    assert (record.mark, record.ci_low, record.ci_high) == ("unknown", None, None)
    assert (record.left, record.right) == tuple(learned_share(one, ONE) for one in sides)
    assert record.difference == record.left - record.right


def test_runs_that_repeat_others_are_counted_once():
    (left, *_), (right, *_) = side(1, 0.6), side(2, 0.8)
    again = Replicate(9, 9)

    def repeated(sample):
        first = REPLICATES[0]
        parts = (sample.losses, sample.taught, sample.untaught)
        losses, taught, untaught = ({**some, again: some[first]} for some in parts)
        return Sample({}, losses, taught=taught, untaught=untaught)

    assert learning_of(repeated(left), repeated(right)) == learning_of(left, right)


def test_a_side_that_diverged_or_was_taught_nothing_new_has_no_mark():
    sample, *_ = side(1, 0.6)
    lost = Sample({}, sample.losses, {ONE: "NaN"}, sample.taught, sample.untaught)
    nothing_new = Sample({}, sample.losses)
    for other in (lost, nothing_new):
        said = LearningRecord(mark="unknown" if other is lost else "not defined")
        assert learning_of(sample, other) == learning_of(other, sample) == learning_of(other, other) == said
    with pytest.raises(EvidenceError, match=r"^the data teach no new facts$"):
        learned_share(nothing_new, ONE)


def test_where_a_base_answers_everything_there_was_nothing_to_learn():
    right = table([[1.0]] * 5)
    sample = Sample({}, {ONE: (4.0, 0.5)}, taught={ONE: right}, untaught={ONE: right})
    with pytest.raises(EvidenceError, match=r"^the base answers every new fact right: there was nothing to learn$"):
        learned_share(sample, ONE)
    assert learning_of(sample, sample) == LearningRecord(mark="not defined")  # the verdict itself stands
    assert mean_learned(sample) is None
