"""Replicates crossed with prompts: both are random, and all replicates answer the same prompts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import SampledEstimate


@dataclass(frozen=True)
class CrossedEstimate(SampledEstimate):
    """A mean over replicates and prompts, for a new replicate on a new prompt.

    Its `n_units` is the number of replicates, the scarcer of the two kinds of independent units.

    Attributes:
        replicate_variance: Variance between replicates, at least 0, in the squared unit of the effect.
        prompt_variance: Variance between prompts, at least 0.
        residual_variance: Variance of their interaction and of the single answer, which are not separable.
        n_replicates: Number of replicates.
        n_prompts: Number of prompts.
    """

    replicate_variance: float
    prompt_variance: float
    residual_variance: float
    n_replicates: int
    n_prompts: int


def crossed(table: ArrayLike) -> CrossedEstimate:
    """Estimate the mean of a two-way crossed random-effects table without replication.

    The variance of the mean is (M_r + M_p - M_e) / (R P) from the mean squares of replicates, prompts and residual,
    with M_r and M_p raised to at least M_e, that is with negative variance components set to 0.

    Satterthwaite's degrees of freedom (1946, Biometrics Bulletin 2:110-114) weight 1 / df of each mean square by the
    square of its share of the variance. The shares are estimated from the same few replicates: an M_r that is small by
    chance makes the interval narrow and its degrees of freedom many, and a 95% interval covers only 92.5% at
    3 replicates x 800 prompts (replicate, prompt and residual sd 0.05, 0.3, 0.4). Here the shares enter unsquared, in
    the spirit of Cochran and Cox (1957, Experimental Designs), who weight the t quantiles so. The result stays between
    R - 1 and P - 1, agrees with Satterthwaite's when one mean square is the whole variance, and is smaller where
    replicates and prompts share it. That interval covers at least 94.5%, with two replicates 93.5% (200,000 simulated
    runs for each of ten splits of the variance).

    Args:
        table: Shape (R, P) with R >= 2 replicates and P >= 2 prompts: left minus right, one value per answer.

    Raises:
        EvidenceError: If the table is not two-dimensional, too small, or holds NaN or infinite values.
    """
    values = _validated(table)
    n_replicates, n_prompts = values.shape
    origin = float(values[0, 0])  # taken off first, so that equal answers have exactly their mean and no spread
    values = values - origin
    between_replicates, between_prompts, residual = _mean_squares(values)
    between_replicates = max(between_replicates, residual)
    between_prompts = max(between_prompts, residual)
    variance = (between_replicates + between_prompts - residual) / values.size
    return CrossedEstimate(
        effect=origin + float(values.mean()),
        standard_error=float(np.sqrt(variance)),
        degrees_of_freedom=_degrees_of_freedom(between_replicates, between_prompts - residual, *values.shape),
        n_units=n_replicates,
        replicate_variance=(between_replicates - residual) / n_prompts,
        prompt_variance=(between_prompts - residual) / n_replicates,
        residual_variance=residual,
        n_replicates=n_replicates,
        n_prompts=n_prompts,
    )


def _validated(table: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2:
        raise EvidenceError(f"a replicate x prompt table has 2 dimensions, not {values.ndim}")
    n_replicates, n_prompts = values.shape
    if n_replicates < 2:
        raise EvidenceError(f"at least two replicates are needed, not {n_replicates}: their variance is unknown")
    if n_prompts < 2:
        raise EvidenceError(f"at least two prompts are needed, not {n_prompts}: their variance is unknown")
    if not np.isfinite(values).all():
        raise EvidenceError("the replicate x prompt table holds NaN or infinite values")
    return values


def _mean_squares(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean squares of replicates, prompts and residual."""
    n_replicates, n_prompts = values.shape
    centred = values - values.mean()
    of_replicates = centred.mean(axis=1, keepdims=True)
    of_prompts = centred.mean(axis=0, keepdims=True)
    rest = centred - of_replicates - of_prompts
    return (
        float(n_prompts * np.square(of_replicates).sum() / (n_replicates - 1)),
        float(n_replicates * np.square(of_prompts).sum() / (n_prompts - 1)),
        float(np.square(rest).sum() / ((n_replicates - 1) * (n_prompts - 1))),
    )


def _degrees_of_freedom(by_replicates: float, by_prompts: float, n_replicates: int, n_prompts: int) -> float:
    """Return the harmonic mean of R - 1 and P - 1, weighted by their parts of the variance."""
    total = by_replicates + by_prompts
    if total == 0:  # all answers are equal: the interval is a point, whatever the degrees of freedom
        return float(n_replicates - 1)
    return total / (by_replicates / (n_replicates - 1) + by_prompts / (n_prompts - 1))
