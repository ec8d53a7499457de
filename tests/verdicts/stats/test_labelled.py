"""Labels correct a judge: exact where all answers have one, right on average, and the interval covers."""

import numpy as np
import pytest

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.labelled import Side, corrected_difference, why_not_used
from itl_bench.verdicts.stats.nested import nested

EFFECT, BIAS = 0.3, 0.5  # the judge likes the left side more by BIAS, whatever it says
QUICK, SLOW = 250, 2000
DESIGNS = {  # bases, prompts, labels of a side's replicate
    "3 of 3": ([0, 1, 2], 200, 34),
    "6 of 3": ([0, 0, 1, 1, 2, 2], 150, 20),
    "5 of 5": ([0, 1, 2, 3, 4], 100, 20),
}
SPREADS = {  # of replicates (of bases too, where they are fewer), prompt x side, answers, the judge; its slope
    "prompts": (0.0, 0.5, 0.5, 0.5, 1.0),
    "flat judge": (0.1, 0.5, 0.5, 0.3, 0.5),
    "replicates": (0.3, 0.2, 0.5, 0.3, 1.0),
}


def draw_side(generator, mean, bias, design, spread, of_prompts):
    """A side whose judge has a bias, errs by prompt and by answer, and sees differences smaller than they are."""
    bases, n_prompts, n_labels = design
    of_replicates, of_interaction, of_answers, of_judge, slope = spread
    shape = (len(bases), n_prompts)
    of_bases = of_replicates * (len(set(bases)) < len(bases))
    truth = mean + of_prompts + of_interaction * generator.standard_normal(n_prompts)
    truth = truth + of_bases * generator.standard_normal((max(bases) + 1, 1))[bases]
    truth = truth + of_replicates * generator.standard_normal((len(bases), 1))
    truth = truth + of_answers * generator.standard_normal(shape)
    judge = 3 + slope * (truth - 3) + bias + 0.3 * generator.standard_normal(n_prompts)
    labels = np.full(shape, np.nan)
    for row in range(len(bases)):
        chosen = generator.choice(n_prompts, n_labels, replace=False)
        labels[row, chosen] = truth[row, chosen]
    return Side(judge + of_judge * generator.standard_normal(shape), labels), truth


def draw(generator, design, spread):
    of_prompts = 0.5 * generator.standard_normal(design[1])
    left, _ = draw_side(generator, 3 + EFFECT, BIAS, design, spread, of_prompts)
    right, _ = draw_side(generator, 3.0, 0.0, design, spread, of_prompts)
    return corrected_difference(left, right, design[0])


def coverage(seed, runs, design, spread):
    """How often the intervals of the corrected and of the judged difference hold the truth."""
    generator, covered = np.random.default_rng(seed), np.zeros(2)
    for _ in range(runs):
        found = draw(generator, design, spread)
        for place, estimate in enumerate((found.corrected, found.judged)):
            low, high = estimate.interval(0.95)
            covered[place] += low <= EFFECT <= high
    return covered / runs


def plain_loop(left, right):
    """The definition: for each replicate and side, mean judge over all plus mean of label minus judge over labelled."""
    differences = []
    for row in range(len(left.judge)):
        means = []
        for side in (left, right):
            pairs = [(j, y) for j, y in zip(side.judge[row], side.labels[row], strict=True) if not np.isnan(y)]
            means.append(sum(side.judge[row]) / len(side.judge[row]) + sum(y - j for j, y in pairs) / len(pairs))
        differences.append(means[0] - means[1])
    return sum(differences) / len(differences)


def two_sides(seed=1, design=DESIGNS["6 of 3"]):
    generator = np.random.default_rng(seed)
    spread, of_prompts = SPREADS["flat judge"], 0.5 * generator.standard_normal(design[1])
    return [
        draw_side(generator, mean, bias, design, spread, of_prompts) for mean, bias in ((3 + EFFECT, BIAS), (3.0, 0.0))
    ]


def test_the_corrected_difference_is_that_of_the_definition():
    (left, _), (right, _) = two_sides()
    found = corrected_difference(left, right, DESIGNS["6 of 3"][0])
    assert found.corrected.effect == pytest.approx(plain_loop(left, right))
    assert found.judged == nested(left.judge - right.judge, DESIGNS["6 of 3"][0])
    assert found.labels == (120, 120)


def test_with_a_label_on_every_answer_it_is_the_difference_of_labels():
    (left, true_left), (right, true_right) = two_sides()
    bases = DESIGNS["6 of 3"][0]
    found = corrected_difference(Side(left.judge, true_left), Side(right.judge, true_right), bases).corrected
    expected = nested(true_left - true_right, bases)
    assert (found.effect, found.standard_error) == pytest.approx((expected.effect, expected.standard_error))


def test_a_bias_that_differs_between_sides_is_corrected_on_average():
    generator = np.random.default_rng(3)
    found = [draw(generator, DESIGNS["3 of 3"], SPREADS["prompts"]) for _ in range(200)]
    corrected = [one.corrected.effect for one in found]
    assert np.mean(corrected) == pytest.approx(EFFECT, abs=4 * np.std(corrected) / np.sqrt(200))
    assert np.mean([one.judged.effect for one in found]) == pytest.approx(EFFECT + BIAS, abs=0.05)


def test_the_interval_covers_where_the_judge_alone_does_not():
    corrected, judged = coverage(4, QUICK, DESIGNS["6 of 3"], SPREADS["flat judge"])
    assert corrected >= 0.93
    assert judged < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS)
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_the_interval_covers_whatever_the_design(design, spread):
    assert coverage(5, SLOW, design, spread)[0] >= 0.93


def few(labels, number):
    kept = np.full(labels.size, np.nan)
    places = np.flatnonzero(~np.isnan(labels))[:number]
    kept[places] = labels.ravel()[places]
    return kept.reshape(labels.shape)


def test_too_few_labels_are_shown_and_not_used():
    (left, _), (right, _) = two_sides()
    assert why_not_used(left, right) is None
    scarce = Side(right.judge, few(right.labels, 99))
    said = "the right side has 99 labels; a correction takes 100 of each side, so they are shown, not used"
    assert why_not_used(left, scarce) == said
    with pytest.raises(EvidenceError, match=said):
        corrected_difference(left, scarce, DESIGNS["6 of 3"][0])
    uneven = Side(left.judge, few(left.labels, 100))
    with pytest.raises(EvidenceError, match="a replicate of the left side has no label"):
        corrected_difference(uneven, right, DESIGNS["6 of 3"][0])


def test_odd_tables_are_refused():
    (left, _), (right, _) = two_sides()
    with pytest.raises(EvidenceError, match="tables of one shape"):
        corrected_difference(left, Side(right.judge[:, 1:], right.labels), DESIGNS["6 of 3"][0])
    odd = np.where(left.labels == np.nanmax(left.labels), np.inf, left.labels)
    with pytest.raises(EvidenceError, match="a label is infinite"):
        corrected_difference(Side(left.judge, odd), right, DESIGNS["6 of 3"][0])
    with pytest.raises(EvidenceError, match="NaN"):
        corrected_difference(Side(np.where(left.judge > 3, left.judge, np.nan), left.labels), right, [0, 0, 1, 1, 2, 2])
