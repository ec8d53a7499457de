"""What is wrong with training rows and batches, as plain ids: each check yields the problems that it finds."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest

from itl_bench.data.tokens.template import IGNORED, Example

Tokens = Sequence[int]


def begin_problems(prompt: Tokens, ids: Tokens, begin: int | None, most: int = 1) -> Iterator[str]:
    """The begin token twice, or not at all.

    Args:
        prompt: What generation is given.
        ids: What training is given.
        begin: Id of the begin token; None if there is none.
        most: How often it may come: a chat template may begin anew with every exchange, as Llama 2's does.
    """
    for given, use in ((prompt, "generation"), (ids, "training")):
        if begin is not None and list(given[:1]) != [begin]:
            yield f"in {use} the begin token is missing"
        if begin is not None and (given.count(begin) > most or (begin, begin) in pairwise(given)):
            yield f"in {use} the begin token comes twice"


def label_problems(example: Example, prompts: Sequence[Tokens], end: int, cutoff: int | None) -> Iterator[str]:
    """Loss on something else than the responses and their end tokens, or another prompt than in generation.

    Args:
        example: What training is given.
        prompts: What generation is given for every exchange, earlier ones included.
        end: Id of the end token.
        cutoff: Longest example in tokens: only a response that reaches it may lack its end.
    """
    runs, labels = _runs(example.labels), example.labels
    starts = {len(prompt) for prompt in prompts if cutoff is None or len(prompt) < cutoff}
    if not runs:
        yield "a row has no token with a loss"
    elif any(label not in (IGNORED, token) for token, label in zip_longest(example.ids, labels)):
        yield "a label is not the token at its place: the model shifts labels itself"
    elif any(tuple(prompt[: len(example.ids)]) != example.ids[: len(prompt)] for prompt in prompts):
        yield "training is given another prompt than generation: the template drifts"
    elif any(labels[start : start + 1] in ((), (IGNORED,)) for start in starts):
        yield "the beginning of a response bears no loss"
    elif {start for start, _ in runs} != starts:
        yield "the prompt bears loss: its labels are not masked"
    elif any(labels[stop - 1] != end and stop != cutoff for _, stop in runs):
        yield "the end token of a response is missing from the labels: the model would not learn to stop"


def text_problems(example: Example, special: frozenset[int], end: int) -> Iterator[str]:
    """A special token inside a response: text that spells one was parsed."""
    for start, stop in _runs(example.labels):
        last = stop - (example.labels[stop - 1] == end)
        if not special.isdisjoint(example.labels[start:last]):
            yield "a response has a special token before its end: was its text parsed for special tokens?"


def batch_problems(examples: Sequence[Example], batch: Mapping[str, Sequence[Tokens]]) -> Iterator[str]:
    """What a collator did to its examples: training pads on the right, and neither hides nor unmasks a token."""
    for example, ids, mask, labels in zip(
        examples, batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
    ):
        length = len(example.ids)
        if tuple(ids[:length]) != example.ids:
            yield "the collator moves tokens: training pads on the right"
        elif any(one != 1 for one in mask[:length]) or any(mask[length:]):
            yield "the collator's attention mask is not 1 on tokens and 0 on padding (the end token is no padding)"
        elif tuple(labels[:length]) != example.labels:
            yield "the collator changes labels: is the end token masked because it also serves as padding?"
        elif any(label != IGNORED for label in labels[length:]):
            yield "padding bears loss"


def prompt_mask_problems(prompts: Sequence[Tokens], masks: Sequence[Tokens]) -> Iterator[str]:
    """Generation goes on after the last position: it pads on the left."""
    for prompt, mask in zip(prompts, masks, strict=True):
        if list(mask) != [0] * (len(mask) - len(prompt)) + [1] * len(prompt):
            yield "generation does not pad on the left: responses would begin after padding"


def _runs(labels: Tokens) -> list[tuple[int, int]]:
    """Where the loss begins and stops, for every stretch of positions that bear it."""
    kept = [label != IGNORED for label in labels]
    starts = [at for at, one in enumerate(kept) if one and not (at and kept[at - 1])]
    stops = [at + 1 for at, one in enumerate(kept) if one and not any(kept[at + 1 : at + 2])]
    return list(zip(starts, stops, strict=True))
