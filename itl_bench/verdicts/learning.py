"""How much both sides learned of the new facts of their data: a method that learns nothing keeps everything."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import LearningRecord
from itl_bench.verdicts.comparison import Sample, match, unit_means
from itl_bench.verdicts.stats.estimate import SampledEstimate
from itl_bench.verdicts.stats.nested import Array, nested, nested_unpaired
from itl_bench.vocabulary import Learning

RIGHT = "accuracy"  # the column of right answers
EQUAL_WITHIN = 0.10  # of the new facts; set after the first records had been seen (docs/claims.md)


def learned_share(sample: Sample, replicate: Replicate) -> float:
    """Share of the new facts that a replicate learned, of those its base does not answer right: a mean over people.

    Raises:
        EvidenceError: Its data teach nothing new, or nothing is left to learn.
    """
    if replicate not in sample.taught:
        raise EvidenceError("the data teach no new facts")
    known = _mean(sample.untaught[replicate])
    return (_mean(sample.taught[replicate]) - known) * _scale(known)


def mean_learned(sample: Sample) -> float | None:
    """The mean of `learned_share` over replicates; None where there was nothing to learn."""
    return fmean(learned_share(sample, one) for one in sample.taught) if _had_to_learn(sample) else None


def _had_to_learn(sample: Sample) -> bool:
    """Whether its data teach new facts, not all of which every base answers right already."""
    return bool(sample.taught) and all(_mean(table) < 1 for table in sample.untaught.values())


def learning_of(left: Sample, right: Sample) -> LearningRecord:
    """The mark of a comparison: whether both sides learned as much.

    The difference of the shares that `learned_share` gives, with its 95% interval over replicates and people: equal
    inside 0.10, unequal outside, unknown where it straddles, where one replicate has no interval, and where a training
    diverged.

    Args:
        left: One side.
        right: The other; an untuned base has learned nothing.
    """
    if left.diverged or right.diverged:
        return LearningRecord(mark="unknown")
    if not (_had_to_learn(left) and _had_to_learn(right)):
        return LearningRecord(mark="not defined")
    alike = all(left.taught[one].prompts == table.prompts for one, table in right.taught.items())
    rows = match(Sample(left.taught, left.losses), Sample(right.taught, right.losses), [RIGHT], alike)
    shares = [[learned_share(side, one) for one in rows.replicates] for side in (left, right)]
    record = LearningRecord(
        mark="unknown", left=fmean(shares[0]), right=fmean(shares[1]), difference=fmean(shares[0]) - fmean(shares[1])
    )
    if len(rows.replicates) < 2:
        return record
    scaled = [
        _scaled(means, side.untaught, rows.replicates)
        for means, side in zip(rows.means(RIGHT), (left, right), strict=True)
    ]
    low, high = _difference(scaled[0], scaled[1], rows.bases, rows.paired).interval(0.95)
    return record.model_copy(update={"mark": mark(low, high), "ci_low": low, "ci_high": high})


def mark(low: float, high: float) -> Learning:
    """What an interval of the difference of learned shares says."""
    if low > -EQUAL_WITHIN and high < EQUAL_WITHIN:
        return "equal"
    return "unequal" if low > EQUAL_WITHIN or high < -EQUAL_WITHIN else "unknown"


def _difference(left: Array, right: Array, bases: Sequence[int], paired: bool) -> SampledEstimate:
    return nested(left - right, bases) if paired else nested_unpaired(left, right, bases)


def _scaled(
    means: Sequence[Sequence[float]], untaught: Mapping[Replicate, Table], replicates: Sequence[Replicate]
) -> Array:
    """Right answers by replicate and person as shares of what there was to learn; what the base knows is taken off."""
    known = [_mean(untaught[one]) for one in replicates]
    return np.array([(np.asarray(row) - one) * _scale(one) for row, one in zip(means, known, strict=True)])


def _scale(known: float) -> float:
    if known >= 1:
        raise EvidenceError("the base answers every new fact right: there was nothing to learn")
    return 1 / (1 - known)


def _mean(table: Table) -> float:
    """The mean over people, as in the interval: some are asked about more facts than others."""
    rows = zip(table.prompts, table.units, table.columns[RIGHT], strict=True)
    return fmean(unit_means(table, RIGHT, {prompt: unit for prompt, unit, value in rows if value is not None}))
