"""A trend: the slope of a measure along a quantitative axis."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import fsum, isfinite
from statistics import fmean

import numpy as np

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import SampledEstimate


def slope(x: Sequence[float], y: Sequence[float]) -> SampledEstimate:
    """Estimate the slope of y along x by ordinary least squares, with n - 2 degrees of freedom.

    Args:
        x: Shape (n,), at least three points of which two differ, for example log10 of the dataset's size.
        y: Shape (n,), one independent value per point.

    Returns:
        The slope in units of y per unit of x.

    Raises:
        EvidenceError: If there are fewer than three points, if the lengths differ, if all x are equal, or if a number
            is NaN or infinite.
    """
    across, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if across.ndim != 1 or across.shape != values.shape or across.size < 3:
        raise EvidenceError(f"a slope needs two lists of at least 3 points, not {across.shape} and {values.shape}")
    if not (np.isfinite(across).all() and np.isfinite(values).all()):
        raise EvidenceError("a point is NaN or infinite")
    if np.ptp(across) == 0:
        raise EvidenceError(f"a slope needs x that differ, not {across.size} times {across[0]}")
    from_centre, deviation = across - across.mean(), values - values.mean()
    spread = np.square(from_centre).sum()
    steepness = (from_centre * deviation).sum() / spread
    # Written out because scipy.stats.linregress answers NaN for a constant y, which here is a flat line without spread.
    residual_variance = np.square(deviation - steepness * from_centre).sum() / (across.size - 2)
    standard_error = np.sqrt(residual_variance / spread)
    return SampledEstimate(float(steepness), float(standard_error), across.size - 2, across.size)


def slope_within(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable]) -> float:
    """Return the least squares slope of y along x with one intercept per group, in units of y per unit of x.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        groups: Shape (n,): what each point belongs to; one group for all is ordinary least squares.

    Raises:
        EvidenceError: If the lengths differ, if no group has two different x, or if a number is NaN or infinite.
    """
    if not len(x) == len(y) == len(groups):
        raise EvidenceError(f"a slope needs lists of one length, not {len(x)}, {len(y)} and {len(groups)}")
    if not all(map(isfinite, (*x, *y))):
        raise EvidenceError("a point is NaN or infinite")
    members: dict[Hashable, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    if all(len({x[number] for number in some}) == 1 for some in members.values()):
        raise EvidenceError("a slope within groups needs two different x in one of them")
    centres = {group: (fmean(x[n] for n in some), fmean(y[n] for n in some)) for group, some in members.items()}
    centred = [(a - centres[group][0], b - centres[group][1]) for a, b, group in zip(x, y, groups, strict=True)]
    return fsum(a * b for a, b in centred) / fsum(a * a for a, _ in centred)
