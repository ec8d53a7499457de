"""From how often a model answers a fact right to how well it knows it: the four classes of SliCK."""

import math
from collections.abc import Sequence
from typing import get_args

from itl_bench.data.atlas.selecting import Familiarity

__all__ = ["CLASSES", "LIKELY", "SAMPLES", "Familiarity", "familiarity", "right_sample"]

CLASSES: tuple[Familiarity, ...] = get_args(Familiarity)

SAMPLES = 16  # of each prompt, as Gekhman et al. draw them
LIKELY = 0.25
"""A fact is weakly known from this probability on that any sample is right. Gekhman et al. draw the samples once, and
call a fact unknown if none came out right. The probability itself is known here, and facts that count as new should be
new: one that the draw would miss as often as not is half known. So unknown are those that it would miss three times in
four; with a lower threshold gemma270m has too few unknown facts for a probe of 400 prompts."""


def familiarity(greedy: float, sampled: Sequence[float]) -> Familiarity:
    """Class one fact.

    Args:
        greedy: Share of the prompts whose greedy answer is right.
        sampled: For each prompt, the probability that a sampled answer is right.
    """
    if greedy == 1:
        return "highly-known"
    if greedy > 0:
        return "maybe-known"
    return "weakly-known" if right_sample(sampled) >= LIKELY else "unknown"


def right_sample(sampled: Sequence[float], samples: int = SAMPLES) -> float:
    """Probability that at least one of `samples` samples of each prompt is right.

    Args:
        sampled: For each prompt, the probability that one sample is right.
        samples: Drawn of each prompt.
    """
    return 1 - math.prod((1 - probability) ** samples for probability in sampled)
