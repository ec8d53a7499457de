"""Columns that are made of others, and pseudo-values: logarithms and ratios of means as means over prompts."""

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
    ("value-precision", "precision"): ("true_values", "values"),
}

# (measure, column) whose every value is a share of answers in [0, 1]: their differences take the interval of shares. A
# share of stated values is none of them: it is a ratio of means, whose parts vary together.
SHARES = frozenset({("knowledge", "accuracy"), ("hallucination", "wrong")})


def bounds_of(measure: str, column: str) -> tuple[float, float] | None:
    """The smallest and the largest value that each side of a column can have; None where there is no largest."""
    return (0.0, 1.0) if is_share(measure, column) or (measure, column) == ("value-precision", "precision") else None


def is_share(measure: str, column: str) -> bool:
    """Whether a column of a claim is a share of answers on each side, bounded by 0 and 1."""
    return (measure, column) in SHARES


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
        EvidenceError: If a mean whose logarithm is asked for, or that is divided by, is not above 0.
    """
    arrays = [np.asarray(table, dtype=np.float64) for table in tables]
    if (measure, column) == ("token-shift", "log_kl"):
        return log_of_mean(arrays[0])
    if (measure, column) == ("sentence-start", "log_ratio"):
        return log_of_mean(arrays[0]) - log_of_mean(arrays[1])
    if (measure, column) == ("sentence-start", "drop"):
        return arrays[0] - arrays[1]
    if (measure, column) == ("value-precision", "precision"):
        return ratio_of_means(arrays[0], arrays[1])
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
    values = _with_values(table, "a logarithm of means")
    means = values.mean(axis=1, keepdims=True)
    if not (np.isfinite(means).all() and (means > 0).all()):
        raise EvidenceError(f"a mean of {_lowest(means):g} has no logarithm")
    logarithms: Array = np.log(means) + (values - means) / means
    return logarithms


def ratio_of_means(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """Return pseudo-values whose mean over prompts is each replicate's ratio of means (delta method).

    A share of stated values is a ratio of sums: a mean of each answer's share would leave out answers that state none,
    and count one that states a single value as much as one that states five. With r the ratio of a row's means, the
    pseudo-value of x over y is r + (x - r y) / mean(y): their spread over prompts is that of r to first order.

    Args:
        numerator: Shape (R, P): one value x per replicate and prompt.
        denominator: Shape (R, P): y, in the same order.

    Raises:
        EvidenceError: If a table is not two-dimensional or empty, if their shapes differ, or if the mean of a row of
            the denominator is not above 0 and finite.
    """
    upper, lower = (_with_values(table, "a ratio of means") for table in (numerator, denominator))
    if upper.shape != lower.shape:
        raise EvidenceError(f"a ratio of means needs two tables of one shape, not {upper.shape} and {lower.shape}")
    means = lower.mean(axis=1, keepdims=True)
    if not (np.isfinite(means).all() and (means > 0).all()):
        stated = _lowest(means)
        raise EvidenceError(f"a share of stated values is undefined: a replicate states {stated:g} values per prompt")
    ratios = upper.mean(axis=1, keepdims=True) / means
    pseudo: Array = ratios + (upper - ratios * lower) / means
    return pseudo


def _lowest(means: Array) -> float:
    return float(means.min()) if np.isfinite(means).all() else float("nan")


def _with_values(table: ArrayLike, what: str) -> Array:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise EvidenceError(f"{what} needs a replicate x prompt table with values")
    return values
