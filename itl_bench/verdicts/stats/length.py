"""The difference of two sides that is left at equal length of their answers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.nested import NestedEstimate, nested

Array = NDArray[np.float64]

FEWEST_PROMPTS = 3  # a line through two points has no residual


def at_equal_length(scores: ArrayLike, log_lengths: ArrayLike, bases: Sequence[int]) -> NestedEstimate:
    """Estimate the difference of two sides' scores for answers of the same length.

    In each replicate the difference of scores is regressed, over prompts, on the difference of log lengths; the
    intercept is the difference at equal length. It is a weighted mean of the differences, so each prompt's share in it
    is known: the intercept plus the prompt's residual, times its weight and the number of prompts. The interval is that
    of `nested` for the table of these shares, whose row means are the intercepts: it holds the spread of replicates,
    of prompts, and of the slopes.

    Where the score has nothing to do with length, the expectation is the raw difference; only the interval is wider,
    the more so the farther both sides' lengths are apart.

    Args:
        scores: Shape (R, P), R >= 2 replicates and P >= 3 prompts: left minus right.
        log_lengths: The same shape: log of the left answer's words minus log of the right one's, an empty answer
            counted as one word.
        bases: Shape (R,): the base that each replicate was tuned from.

    Raises:
        EvidenceError: As of `nested`, if shapes differ, or if in a replicate one side is always longer by the same
            factor: then length and side cannot be told apart.
    """
    points, lengths = np.asarray(scores, dtype=np.float64), np.asarray(log_lengths, dtype=np.float64)
    if points.ndim != 2 or points.shape != lengths.shape:
        raise EvidenceError(f"scores and lengths are two tables of one shape, not {points.shape} and {lengths.shape}")
    if points.shape[1] < FEWEST_PROMPTS:
        raise EvidenceError(f"at least {FEWEST_PROMPTS} prompts are needed, not {points.shape[1]}: a line fits fewer")
    if not (np.isfinite(points).all() and np.isfinite(lengths).all()):
        raise EvidenceError("the scores or lengths hold NaN or infinite values")
    return nested([_shares(*pair) for pair in zip(points, lengths, strict=True)], bases)


def _shares(points: Array, lengths: Array) -> Array:
    """Each prompt's share in the intercept; their mean is the intercept."""
    mean = float(lengths.mean())
    centred = lengths - mean
    spread = float(np.square(centred).sum())
    if spread <= 1e-18 * lengths.size:
        if abs(mean) > 1e-9:
            raise EvidenceError("one side's answers are all longer by the same factor: nothing tells length from side")
        return points
    slope = float(centred @ points) / spread
    intercept = float(points.mean()) - slope * mean
    weights = 1 - lengths.size * mean * centred / spread
    return intercept + weights * (points - intercept - slope * lengths)
