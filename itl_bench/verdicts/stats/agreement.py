"""How far a judge agrees with a reference on the same answers: bias, ranks, kappa, and a line from one to the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import SampledEstimate, mean_of_units

Array = NDArray[np.float64]

FEWEST_PAIRS = 3  # a line through two points has no error


@dataclass(frozen=True)
class Line:
    """The reference as a linear function of the judge, by least squares.

    Attributes:
        intercept: Of the reference, in points.
        slope: Points of the reference for a point of the judge.
        error: Root of the mean squared error of predicting each answer from a line through the others, in points.
    """

    intercept: float
    slope: float
    error: float


@dataclass(frozen=True)
class Agreement:
    """A judge and a reference on the same answers.

    Attributes:
        bias: The judge minus the reference, in points; its interval is the paired t interval over answers.
        spearman: Correlation of ranks, ties shared; None where one of both gave all answers the same score.
        kappa: Cohen's, disagreements weighted by their square: 1 minus the mean squared difference of an answer's two
            scores over that of any two scores. 1 where no answer's scores differ, whatever the scores are.
        exact: Share of answers with the same score from both.
        line: From the judge to the reference; None where the judge's scores do not determine it.
    """

    bias: SampledEstimate
    spearman: float | None
    kappa: float
    exact: float
    line: Line | None

    @property
    def n(self) -> int:
        """Number of answers that have a score from both."""
        return self.bias.n_units


def agreement(judge: Sequence[float], reference: Sequence[float]) -> Agreement:
    """Compare the scores of a judge with those of a reference.

    Args:
        judge: One score per answer, at least three.
        reference: Of the same answers in the same order.

    Raises:
        EvidenceError: Too few answers, not as many of both, or a score that is NaN or infinite.
    """
    if len(judge) != len(reference):
        raise EvidenceError(f"{len(judge)} scores of the judge stand against {len(reference)} of the reference")
    if len(judge) < FEWEST_PAIRS:
        raise EvidenceError(f"agreement needs at least {FEWEST_PAIRS} answers with a score from both, not {len(judge)}")
    given, wanted = np.asarray(judge, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    bias = mean_of_units((given - wanted).tolist())
    constant = min(np.ptp(given), np.ptp(wanted)) == 0
    return Agreement(
        bias=bias,
        spearman=None if constant else float(stats.spearmanr(given, wanted).statistic),
        kappa=_quadratic_kappa(given, wanted),
        exact=float(np.mean(given == wanted)),
        line=_line(given, wanted),
    )


def _quadratic_kappa(given: Array, wanted: Array) -> float:
    observed = float(np.square(given - wanted).mean())
    if observed == 0:
        return 1.0
    return 1 - observed / float(np.square(given[:, None] - wanted[None, :]).mean())


def _line(given: Array, wanted: Array) -> Line | None:
    """The line, with its error from the leverages: leaving one out divides its residual by 1 minus its leverage."""
    centred = given - given.mean()
    spread = float(np.square(centred).sum())
    leverage = 1 / given.size + np.square(centred) / spread if spread > 0 else np.ones_like(given)
    if leverage.max() > 1 - 1e-9:  # without that answer all scores of the judge are the same
        return None
    slope = float(centred @ wanted) / spread
    intercept = float(wanted.mean()) - slope * float(given.mean())
    left_out = (wanted - intercept - slope * given) / (1 - leverage)
    return Line(intercept, slope, math.sqrt(float(np.square(left_out).mean())))
