"""A text that many questions stand behind: read once, its keys and values reused for every question."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from itl_bench.data.atlas.few_shots import END
from itl_bench.data.tokens.special_tokens import begin_ids, trusted_ids
from itl_bench.errors import UsageError

Choose = Callable[[torch.Tensor], torch.Tensor]
"""From logits, fp32 of shape (rows, vocabulary), to the next token of each row, shape (rows,)."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Prefix:
    """A text that a model has read.

    Attributes:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        text: What was read.
        ids: Its token ids, behind what the tokenizer itself puts before a text.
        cache: Its keys and values, of one row.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    text: str
    ids: tuple[int, ...]
    cache: DynamicCache

    def question(self, question: str) -> list[int]:
        """Token ids of a question behind this text.

        Raises:
            UsageError: The tokenizer joins the end of one text with the start of the next.
        """
        return _behind(self.ids, encode(self.tokenizer, self.text + question), question)

    def answer(self, question: str, answer: str) -> list[int]:
        """Token ids of an answer to a question behind this text, with the line break that ends it.

        Raises:
            UsageError: The tokenizer joins the end of one text with the start of the next, or drops the line break.
        """
        before = (*self.ids, *self.question(question))
        ids = _behind(before, encode(self.tokenizer, f"{self.text}{question} {answer}{END}"), answer)
        if not str(self.tokenizer.decode(ids)).endswith(END):
            raise UsageError(f"the tokenizer drops the line break that ends {answer!r}: not supported")
        return ids

    def logits(self, ids: Sequence[Sequence[int]], keep: int) -> torch.Tensor:
        """What the model predicts behind the last tokens of rows that continue this text.

        Args:
            ids: Token ids, all rows of one length; padding, if any, on the right, so that no token sees it.
            keep: Number of last positions to predict at.

        Returns:
            Logits, fp32, shape (rows, keep, vocabulary).
        """
        return forward(self.model, ids, self.cache_for(len(ids)), keep)

    def cache_for(self, rows: int) -> DynamicCache:
        """A copy of keys and values for several rows, which a model may extend."""
        cache = deepcopy(self.cache)
        cache.batch_repeat_interleave(rows)
        return cache


def read(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str) -> Prefix:
    """Let a model read a text, the empty text included where the tokenizer has a begin token.

    Raises:
        UsageError: The model is in training mode, or there is nothing to read.
    """
    if model.training:
        raise UsageError("the model is in training mode, where dropout changes its predictions; call model.eval()")
    ids = encode(tokenizer, text)
    if not ids:
        raise UsageError("the text before the question is empty, and the tokenizer has no begin token: give examples")
    cache = DynamicCache(config=model.config)
    forward(model, [ids], cache, keep=1)
    return Prefix(model, tokenizer, text, tuple(ids), cache)


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids, with what the tokenizer itself puts before a text, as in every other prompt."""
    return [*begin_ids(tokenizer), *trusted_ids(tokenizer, text)]


@torch.inference_mode()
def forward(model: PreTrainedModel, ids: Sequence[Sequence[int]], cache: DynamicCache, keep: int) -> torch.Tensor:
    """Extend a cache by some tokens of each row; logits of the last `keep` positions, fp32."""
    caller: Any = model
    output = caller(
        input_ids=torch.tensor(ids, device=model.device), past_key_values=cache, use_cache=True, logits_to_keep=keep
    )
    logits: torch.Tensor = output.logits.float()
    return logits


def continuations(prefix: Prefix, questions: Sequence[Sequence[int]], longest: int, choose: Choose) -> list[str]:
    """Answers of the model, token by token, up to the line break that ends them and with the space before them.

    Args:
        prefix: What stands before the questions.
        questions: Token ids of questions, all of one length.
        longest: Tokens of the longest answer; a longer one is cut.
        choose: Takes the next tokens from logits.
    """
    cache, ids = prefix.cache_for(len(questions)), [list(question) for question in questions]
    answers: list[list[int]] = [[] for _ in questions]
    texts = [""] * len(questions)
    while len(answers[0]) < longest and not all(END in text for text in texts):
        ids = [[token] for token in choose(forward(prefix.model, ids, cache, keep=1)[:, -1]).tolist()]
        answers = [[*answer, *new] for answer, new in zip(answers, ids, strict=True)]
        texts = prefix.tokenizer.batch_decode(answers)  # special tokens too: an answer with one is another
    return [text.split(END)[0] for text in texts]


def of_one_length(items: Iterable[Item], ids: Callable[[Item], Sequence[int]], at_most: int) -> Iterator[list[Item]]:
    """Items with equally many token ids, at most some of them together."""
    by_length: dict[int, list[Item]] = {}
    for item in items:
        by_length.setdefault(len(ids(item)), []).append(item)
    for same in by_length.values():
        yield from (same[start : start + at_most] for start in range(0, len(same), at_most))


def _behind(before: Sequence[int], whole: Sequence[int], text: str) -> list[int]:
    if list(whole[: len(before)]) != list(before) or len(whole) == len(before):
        raise UsageError(f"the tokenizer does not keep {text!r} apart from the text before it: not supported")
    return list(whole[len(before) :])
