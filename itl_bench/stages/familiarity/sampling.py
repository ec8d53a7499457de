"""The check of the scores: sample as SliCK does, and compare how often the samples are right."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from itl_bench.data.atlas.familiarity_table import SAMPLES
from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.errors import UsageError
from itl_bench.specs import Count, Spec
from itl_bench.stages.familiarity.prefix import continuations, of_one_length, read
from itl_bench.stages.familiarity.scoring import LONGEST, ROWS, TEMPERATURE, Matches, Progress, by_prefix


@torch.inference_mode()
def sampled_share(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[FewShot],
    matches: Matches,
    seed: int,
    *,
    samples: int = SAMPLES,
    temperature: float = TEMPERATURE,
    progress: Progress = lambda done, total: None,
) -> list[float]:
    """Sample answers to each prompt.

    Args:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        prompts: What is asked.
        matches: Decides on an answer.
        seed: Of the samples.
        samples: Of each prompt.
        temperature: What the logits are divided by.
        progress: Told after each prefix.

    Returns:
        For each prompt, the share of its samples that are right.
    """
    generator = torch.Generator(model.device).manual_seed(seed)
    right, done = [0] * len(prompts), 0

    def draw(logits: torch.Tensor) -> torch.Tensor:
        return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator).squeeze(-1)

    for text, places in by_prefix(prompts):
        prefix = read(model, tokenizer, text)
        questions = {place: prefix.question(prompts[place].question) for place in places}
        repeated = [place for place in places for _ in range(samples)]
        for some in of_one_length(repeated, questions.__getitem__, ROWS):
            texts = continuations(prefix, [questions[place] for place in some], LONGEST, draw)
            for place, answer in zip(some, texts, strict=True):
                right[place] += matches(prompts[place], answer)
        done += len(places)
        progress(done, len(prompts))
    return [count / samples for count in right]


class Agreement(Spec):
    """How scores and samples agree over some facts.

    Attributes:
        facts: How many.
        correlation: Pearson's; None where one side does not vary.
        difference: Mean of sampled minus scored: above 0 where samples are right in words that scores do not know.
        difference_error: Its standard error.
        absolute: Mean absolute difference, which chance alone makes larger than 0.
        absolute_error: Its standard error.
    """

    facts: Count
    correlation: float | None
    difference: float
    difference_error: float
    absolute: float
    absolute_error: float

    def __str__(self) -> str:
        """One line."""
        correlation = "undefined" if self.correlation is None else f"{self.correlation:.3f}"
        return (
            f"{self.facts} facts: correlation {correlation}, sampled minus scored {self.difference:+.4f} "
            f"(standard error {self.difference_error:.4f}), mean absolute difference {self.absolute:.4f} "
            f"(standard error {self.absolute_error:.4f})"
        )


def agreement(scored: Sequence[float], sampled: Sequence[float]) -> Agreement:
    """Compare probabilities of facts with the shares of their samples.

    Raises:
        UsageError: There are fewer than two facts, or not as many of one as of the other.
    """
    if len(scored) != len(sampled) or len(scored) < 2:
        raise UsageError(f"{len(scored)} scores and {len(sampled)} samples are given; give at least two of each")
    differences = np.asarray(sampled) - np.asarray(scored)
    varies = min(np.std(scored), np.std(sampled)) > 1e-9
    return Agreement(
        facts=len(scored),
        correlation=float(np.corrcoef(scored, sampled)[0, 1]) if varies else None,
        difference=float(differences.mean()),
        difference_error=_standard_error(differences),
        absolute=float(abs(differences).mean()),
        absolute_error=_standard_error(abs(differences)),
    )


def _standard_error(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))
