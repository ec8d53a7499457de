"""A trend: the slope of a measure along a quantitative axis."""

from collections.abc import Sequence

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
