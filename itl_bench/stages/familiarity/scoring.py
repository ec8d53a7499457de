"""How probable right answers are: read off the predictions, where SliCK would draw samples; and the check of that."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from itl_bench.data.atlas.familiarity_table import SAMPLES
from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.errors import EvidenceError, UsageError
from itl_bench.specs import Count, Spec
from itl_bench.stages.familiarity.prefix import Prefix, continuations, encode, of_one_length, read
from itl_bench.stages.positions import check_prompts, positions

TEMPERATURE = 0.5
POSITIONS = 128
"""Positions whose logits are in memory together: some 0.4 GB at the peak with a vocabulary of 262,144."""
ROWS = 64
LONGEST = 16  # tokens of a greedy or sampled answer
Matches = Callable[[FewShot, str], bool]
"""Whether a text that the model gave is a right answer."""
Progress = Callable[[int, int], None]
"""Told how many prompts are done, and of how many."""


@dataclass(frozen=True)
class Score:
    """How a model answers one prompt.

    Attributes:
        greedy: Whether its greedy answer is right.
        sampled: Probability that an answer sampled at the temperature is one of the accepted ones, written as the
            tokenizer writes it. A lower bound: other tokens may spell the same answer, and other words mean it.
    """

    greedy: bool
    sampled: float


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[FewShot],
    matches: Matches,
    *,
    temperature: float = TEMPERATURE,
    progress: Progress = lambda done, total: None,
) -> list[Score]:
    """Score prompts by teacher forcing of their accepted answers, ended by a line break.

    A greedy answer is right where one of the answers is the most likely token at each of its positions. Only where
    none is, but one begins like the greedy answer, the model writes its own, and `matches` decides: "Vatican City
    State." may well be right.

    Args:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        prompts: What is asked; those behind the same examples are scored together.
        matches: Decides on an answer of the model's own.
        temperature: What sampling would divide the logits by.
        progress: Told after each prefix.

    Returns:
        One per prompt, in their order.

    Raises:
        UsageError: A prompt has no answers, or the tokenizer or the model cannot be used in this way.
        EvidenceError: The model's predictions are not finite.
    """
    if without := [prompt.fact for prompt in prompts if not prompt.answers]:
        raise UsageError(f"no answers are given for {without[0]!r}; give at least one accepted answer")
    asked = [encode(tokenizer, prompt.prefix + prompt.question) for prompt in prompts]
    check_prompts([prompt.fact for prompt in prompts], asked, LONGEST, positions(model.config))
    scores: dict[int, Score] = {}
    for text, indices in by_prefix(prompts):
        prefix = read(model, tokenizer, text)
        scored = _score(prefix, [prompts[index] for index in indices], matches, temperature)
        scores.update(zip(indices, scored, strict=True))
        progress(len(scores), len(prompts))
    return [scores[index] for index in range(len(prompts))]


def by_prefix(prompts: Sequence[FewShot]) -> list[tuple[str, list[int]]]:
    """The indices of prompts that stand behind the same examples."""
    indices: dict[str, list[int]] = {}
    for index, prompt in enumerate(prompts):
        indices.setdefault(prompt.prefix, []).append(index)
    return list(indices.items())


@dataclass(frozen=True)
class _Row:
    """An answer to force: index of its prompt, and token ids."""

    index: int
    question: list[int]
    answer: list[int]


@dataclass(frozen=True)
class _Forced:
    """A forced answer: its probability, and whether its first token and all of its tokens are the most likely."""

    index: int
    probability: float
    begins: bool
    greedy: bool


def _score(prefix: Prefix, prompts: Sequence[FewShot], matches: Matches, temperature: float) -> list[Score]:
    """Scores of prompts behind one prefix."""
    questions = [prefix.question(prompt.question) for prompt in prompts]
    rows = [
        _Row(index, questions[index], prefix.answer(prompt.question, answer))
        for index, prompt in enumerate(prompts)
        for answer in prompt.answers
    ]
    forced = [one for chunk in _chunks(rows) for one in _force(prefix, chunk, temperature)]
    sampled = [math.fsum(one.probability for one in forced if one.index == index) for index in range(len(prompts))]
    if not all(math.isfinite(probability) for probability in sampled):
        raise EvidenceError("the probability of an answer is not finite: the model's logits are no finite numbers")
    right = {one.index for one in forced if one.greedy}
    undecided = sorted({one.index for one in forced if one.begins} - right)
    for some in of_one_length(undecided, lambda index: questions[index], ROWS):
        texts = continuations(prefix, [questions[index] for index in some], LONGEST, greedily)
        right |= {index for index, text in zip(some, texts, strict=True) if matches(prompts[index], text)}
    return [Score(index in right, min(1.0, probability)) for index, probability in enumerate(sampled)]


def greedily(logits: torch.Tensor) -> torch.Tensor:
    """The most likely token of each row."""
    return logits.argmax(-1)


def _chunks(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows with equally long questions, at most `POSITIONS` answer tokens together, padding included."""
    ordered = sorted(rows, key=lambda row: (len(row.question), len(row.answer)))
    for _, same in groupby(ordered, key=lambda row: len(row.question)):
        chunk: list[_Row] = []
        for row in same:  # the longest answer of a chunk is always the latest
            if chunk and (len(chunk) + 1) * len(row.answer) > POSITIONS:
                yield chunk
                chunk = []
            chunk.append(row)
        yield chunk


def _force(prefix: Prefix, rows: Sequence[_Row], temperature: float) -> list[_Forced]:
    """Compare answers with what the model predicts at each of their tokens."""
    longest = max(len(row.answer) for row in rows)
    answers = [[*row.answer, *[0] * (longest - len(row.answer))] for row in rows]
    ids = [[*row.question, *answer[:-1]] for row, answer in zip(rows, answers, strict=True)]
    logits = prefix.logits(ids, keep=longest)
    targets = torch.tensor(answers, device=logits.device)
    hits = (logits.argmax(-1) == targets).tolist()
    logits /= temperature
    log = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)
    return [
        _Forced(row.index, math.exp(math.fsum(of_tokens[: len(row.answer)])), hit[0], all(hit[: len(row.answer)]))
        for row, of_tokens, hit in zip(rows, log.tolist(), hits, strict=True)
    ]


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

    for text, indices in by_prefix(prompts):
        prefix = read(model, tokenizer, text)
        questions = {index: prefix.question(prompts[index].question) for index in indices}
        repeated = [index for index in indices for _ in range(samples)]
        for some in of_one_length(repeated, questions.__getitem__, ROWS):
            texts = continuations(prefix, [questions[index] for index in some], LONGEST, draw)
            for index, answer in zip(some, texts, strict=True):
                right[index] += matches(prompts[index], answer)
        done += len(indices)
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
