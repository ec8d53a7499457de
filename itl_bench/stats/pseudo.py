"""Columns that are made of others, and pseudo-values: logarithms of means as means over prompts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from itl_bench.errors import EvidenceError

Array = NDArray[np.float64]

# (measure, column) -> columns of the measure's table that it is made of; any other column is read as it is.
SOURCES: dict[tuple[str, str], tuple[str, ...]] = {
    ("token-shift", "log_kl"): ("kl",),
    ("sentence-start", "log_ratio"): ("first", "rest"),
    ("sentence-start", "drop"): ("first", "rest"),
}


def sources(measure: str, column: str) -> tuple[str, ...]:
    """The columns of a measure's table that a column of a claim is made of."""
    return SOURCES.get((measure, column), (column,))


def derive(measure: str, column: str, tables: Sequence[ArrayLike]) -> Array:
    """Make a column of a claim from its sources.

    Args:
        measure: Id of the measure.
        column: Name of the column, as the claim asks for it.
        tables: One table of shape (R, P) per source, in the order of `sources`.

    Returns:
        Shape (R, P): values, or pseudo-values, that may be averaged over prompts and replicates.

    Raises:
        EvidenceError: If a mean whose logarithm is asked for is not above 0.
    """
    arrays = [np.asarray(table, dtype=np.float64) for table in tables]
    if (measure, column) == ("token-shift", "log_kl"):
        return log_of_mean(arrays[0])
    if (measure, column) == ("sentence-start", "log_ratio"):
        return log_of_mean(arrays[0]) - log_of_mean(arrays[1])
    if (measure, column) == ("sentence-start", "drop"):
        return arrays[0] - arrays[1]
    return arrays[0]


def log_of_mean(table: ArrayLike) -> Array:
    """Return pseudo-values whose mean over prompts is the logarithm of each replicate's mean (delta method).

    The paper averages first; a mean of logarithms would be ruled by the prompts with values near zero. With m the mean
    of a row, the pseudo-value of x is log(m) + (x - m) / m: their spread over prompts is that of log(m) to first order.

    Args:
        table: Shape (R, P): one value per replicate and prompt.

    Raises:
        EvidenceError: If the table is not two-dimensional or empty, or if the mean of a row is not above 0 and finite.
    """
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise EvidenceError("a logarithm of means needs a replicate x prompt table with values")
    means = values.mean(axis=1, keepdims=True)
    if not (np.isfinite(means).all() and (means > 0).all()):
        worst = float(means.min()) if np.isfinite(means).all() else float("nan")
        raise EvidenceError(f"a mean of {worst:g} has no logarithm")
    logarithms: Array = np.log(means) + (values - means) / means
    return logarithms
