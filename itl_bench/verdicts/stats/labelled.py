"""Judged means corrected by labels: prediction-powered inference over replicates nested in bases."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.nested import NestedEstimate, nested

Array = NDArray[np.float64]

FEWEST_LABELS = 100  # of a side


class Corrected(NamedTuple):
    """The difference of two sides, as judged and as corrected.

    Attributes:
        judged: Left minus right by the judge alone.
        corrected: The same plus how far labels lie above the judge, on the left minus on the right.
        labels: Number of labels of the left and of the right side.
    """

    judged: NestedEstimate
    corrected: NestedEstimate
    labels: tuple[int, int]


class Side(NamedTuple):
    """One side of a comparison.

    Attributes:
        judge: Shape (R, P): the judge's score of every replicate's answer to every prompt.
        labels: The same shape: the label, NaN where an answer has none.
    """

    judge: ArrayLike
    labels: ArrayLike


def why_not_used(left: Side, right: Side) -> str | None:
    """Why the labels of two sides correct nothing, in a line; None where they do."""
    for name, side in (("left", left), ("right", right)):
        labelled = np.isfinite(np.asarray(side.labels, dtype=np.float64))
        if labelled.sum() < FEWEST_LABELS:
            found = f"the {name} side has {labelled.sum()} labels"
            return f"{found}; a correction takes {FEWEST_LABELS} of each side, so they are shown, not used"
        if labelled.ndim == 2 and not labelled.any(axis=1).all():
            return f"a replicate of the {name} side has no label; label some of each, so they are shown, not used"
    return None


def corrected_difference(left: Side, right: Side, bases: Sequence[int]) -> Corrected:
    """Correct the difference of two sides by labels on some of their answers.

    A side's mean is the judge's over all answers plus the mean of label minus judge over those that are labelled
    (Angelopoulos et al. 2023, Science 382:669-674), replicate by replicate. It is right on average however biased the
    judge is on either side, if the labelled answers of each replicate were drawn at random from its answers, without a
    look at what the judge or the label said.

    Each answer's share in the mean is the judge's score plus the side's mean of label minus judge, and for labelled
    answers what exceeds this mean, divided by the share of answers that are labelled. The interval is that of `nested`
    for the differences of these shares, so it holds the spread of bases, replicates and prompts, and that of the draw.
    With a label on every answer it is `nested` of the labels.

    Args:
        left: Of R >= 2 replicates and P >= 2 prompts.
        right: The same replicates and prompts.
        bases: Shape (R,): the base that each replicate was tuned from.

    Raises:
        EvidenceError: As of `nested`, too few labels (`why_not_used`), or tables of different shapes.
    """
    shapes = {np.shape(table) for side in (left, right) for table in side}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        raise EvidenceError(f"scores and labels of both sides are tables of one shape, not {sorted(shapes)}")
    if reason := why_not_used(left, right):
        raise EvidenceError(reason)
    (judged_left, shares_left, n_left), (judged_right, shares_right, n_right) = _shares(left), _shares(right)
    return Corrected(
        judged=nested(judged_left - judged_right, bases),
        corrected=nested(shares_left - shares_right, bases),
        labels=(n_left, n_right),
    )


def _shares(side: Side) -> tuple[Array, Array, int]:
    """The judge's scores, each answer's share in the corrected mean, and the number of labels."""
    judge, labels = np.asarray(side.judge, dtype=np.float64), np.asarray(side.labels, dtype=np.float64)
    if np.isinf(labels).any():
        raise EvidenceError("a label is infinite")
    labelled = ~np.isnan(labels)
    above = np.where(labelled, labels - judge, 0.0)
    mean = float(above.sum() / labelled.sum())
    of_row = labelled.mean(axis=1, keepdims=True)  # share of a replicate's answers that are labelled
    return judge, judge + mean + np.where(labelled, above - mean, 0.0) / of_row, int(labelled.sum())
