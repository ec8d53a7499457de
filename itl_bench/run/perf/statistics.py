"""How often two equal methods are told apart, by what evaluations use and by this suite: simulated, side by side.

A training moves a method's accuracy, by the chance of its order and start. A test over prompts alone takes that for a
difference between methods.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from itl_bench.verdicts.stats.shares import nested_shares
from itl_bench.vocabulary import ALPHA

Array = NDArray[np.float64]
CONFIDENCE = 1 - ALPHA
RESAMPLES = 1000  # of the bootstrap
CHANCES = 0.25, 0.75  # of a right answer, by prompt: uniform between these


class Rates(NamedTuple):
    """Shares of runs in which a test tells two methods apart.

    Attributes:
        spread: Standard deviation between trainings of one method, in accuracy.
        prompts: That both methods answer.
        false: By test, where they are equal.
        found: By test, where the first is better by the effect.
    """

    spread: float
    prompts: int
    false: Mapping[str, float]
    found: Mapping[str, float]


class Answers(NamedTuple):
    """Right answers (1) and others (0) of both methods, each of shape (runs, trainings, prompts)."""

    left: Array
    right: Array

    @property
    def differences(self) -> Array:
        """Left minus right."""
        return self.left - self.right


def compare(
    spreads: Sequence[float], prompts: Sequence[int], trainings: int, effect: float, runs: int, seed: int
) -> list[Rates]:
    """Simulate every combination of a spread between trainings and a number of prompts.

    Args:
        spreads: Standard deviations between trainings of one method, in accuracy.
        prompts: Numbers of prompts.
        trainings: Of each method, at least 2.
        effect: True difference of accuracy for the share that is found.
        runs: Simulated comparisons of each kind.
        seed: Of all draws.
    """
    generator = np.random.default_rng(seed)
    found = []
    for spread in spreads:
        for many in prompts:
            false, true = (
                _shares(_answers(generator, spread, many, trainings, mean, runs), generator) for mean in (0.0, effect)
            )
            found.append(Rates(spread, many, false, true))
    return found


def _answers(
    generator: np.random.Generator, spread: float, prompts: int, trainings: int, effect: float, runs: int
) -> Answers:
    chances = generator.uniform(*CHANCES, (runs, 1, prompts))

    def side(mean: float) -> Array:
        moved = chances + mean + spread * generator.standard_normal((runs, trainings, 1))
        drawn = generator.random((runs, trainings, prompts), dtype=np.float32) < moved
        return drawn.astype(np.float64)

    return Answers(side(effect), side(0.0))


def _shares(answers: Answers, generator: np.random.Generator) -> dict[str, float]:
    return {name: float(np.mean(test(answers, generator))) for name, test in TESTS.items()}


def one_training(answers: Answers, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A paired t test over prompts, of one training each."""
    return _paired_t(answers.differences[:, 0])


def averaged(answers: Answers, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A paired t test over prompts, of answers averaged over trainings."""
    return _paired_t(answers.differences.mean(axis=1))


def bootstrap(answers: Answers, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A percentile bootstrap over prompts, of answers averaged over trainings."""
    of_prompts = answers.differences.mean(axis=1)
    many = of_prompts.shape[1]
    weights = generator.multinomial(many, np.full(many, 1 / many), RESAMPLES) / many  # the same for all runs
    low, high = np.quantile(of_prompts @ weights.T, [ALPHA / 2, 1 - ALPHA / 2], axis=1)
    return np.asarray((low > 0) | (high < 0))


def ours(answers: Answers, generator: np.random.Generator) -> NDArray[np.bool_]:
    """The interval of this suite for shares of answers, over trainings and prompts, of one base."""
    bases = [0] * answers.left.shape[1]
    intervals = [nested_shares(*sides, bases).interval(CONFIDENCE) for sides in zip(*answers, strict=True)]
    return np.array([low > 0 or high < 0 for low, high in intervals])


def _paired_t(differences: Array) -> NDArray[np.bool_]:
    with np.errstate(divide="ignore", invalid="ignore"):
        p_values = stats.ttest_1samp(differences, 0.0, axis=1).pvalue
    return np.asarray(p_values < ALPHA)


TESTS: Mapping[str, Callable[[Answers, np.random.Generator], NDArray[np.bool_]]] = {
    "t, one training each": one_training,
    "t, trainings averaged": averaged,
    "bootstrap, averaged": bootstrap,
    "this suite": ours,
}
