"""What can be wrong with one row or one batch: each check takes plain ids and labels, and names what it finds."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from itl_bench.data.tokens.template import IGNORED, Example

Tokens = Sequence[int]


def begin_problems(prompt: Tokens, ids: Tokens, begin: Tokens, once: bool = True) -> Iterator[str]:
    """What begins a text twice, or not at all.

    Args:
        prompt: What generation is given.
        ids: What training is given.
        begin: What the tokenizer itself puts before a text; often one token, or none.
        once: Whether it must not come again later: not so where it is the end token too, or in a chat template, which
            may open every turn with it.
    """
    for given, use in ((prompt, "generation"), (ids, "training")):
        start, following = list(given[: len(begin)]), list(given[len(begin) : 2 * len(begin)])
        if start != list(begin):
            yield f"in {use} the begin token is missing"
        elif begin and (following == start or (once and given.count(begin[0]) > list(begin).count(begin[0]))):
            yield f"in {use} the begin token comes twice"


def label_problems(
    example: Example, prompts: Sequence[Tokens], end: int, cutoff: int | None, ended: bool = True
) -> Iterator[str]:
    """Loss on something else than the responses and their end tokens, or another prompt than in generation.

    Args:
        example: What training is given.
        prompts: What generation is given for every exchange. Of the earlier ones some may differ from what training is
            given: then that response must bear no loss.
        end: Id of the end token.
        cutoff: Longest example in tokens: only a response that reaches it may lack its end.
        ended: Whether every response has an end token, not the last one only.
    """
    runs, labels = _runs(example.labels), example.labels
    given = [prompt for prompt in prompts if tuple(prompt[: len(example.ids)]) == example.ids[: len(prompt)]]
    starts = {len(prompt) for prompt in given if cutoff is None or len(prompt) < cutoff}
    endless = [start for start, stop in runs if labels[stop - 1] != end and stop != cutoff]
    if not runs:
        yield "a row has no token with a loss"
    elif any(label not in (IGNORED, token) for token, label in zip_longest(example.ids, labels)):
        yield "a label is not the token at its place: the model shifts labels itself"
    elif prompts[-1] not in given:
        yield "training is given another prompt than generation: the template drifts"
    elif any(labels[start : start + 1] in ((), (IGNORED,)) for start in starts):
        yield "the beginning of a response bears no loss"
    elif {start for start, _ in runs} != starts:
        yield "the prompt bears loss: its labels are not masked"
    elif any(ended or start == len(prompts[-1]) for start in endless):
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
