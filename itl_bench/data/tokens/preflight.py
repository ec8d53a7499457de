"""What spoils a training in silence, found on a few rows before it starts: everything is plain ids, numbers and names.

Each check takes what training and generation really use, so that a mistake in either shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from itl_bench.data.rows import Item
from itl_bench.data.tokens.special_tokens import begin_token, padding_id, special_ids
from itl_bench.data.tokens.template import (
    IGNORED,
    Example,
    TemplateName,
    Tokenized,
    end_token,
    prompt_ids,
    tokenize_items,
)
from itl_bench.errors import ItlError, UsageError, nearest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


ROWS = 24  # looked at, spread over the dataset
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


@dataclass(frozen=True)
class ModelFacts:
    """What preflight needs to know of a model.

    Attributes:
        embedding_rows: Of the base's input embeddings.
        tuned_rows: Of the tuned model's, where the method has made one.
    """

    embedding_rows: int
    tuned_rows: int | None = None


def item_prompt(tokenizer: "PreTrainedTokenizerBase", item: Item, template: TemplateName) -> tuple[int, ...]:
    """What generation is given for an item."""
    return prompt_ids(tokenizer, item.instruction, template, item.context, item.history)


@dataclass(frozen=True)
class Pipeline:
    """What training and generation do with rows; the defaults are the package's own, without batches.

    Attributes:
        tokenize: Tokenizer, items, template and cutoff to what training is given.
        prompt: Tokenizer, item and template to what generation is given.
        collate: Examples and padding id to a batch: input_ids, attention_mask and labels, as lists or tensors.
        prompt_mask: Prompts and padding id to generation's attention mask, as lists or a tensor.
    """

    tokenize: Callable[["PreTrainedTokenizerBase", Sequence[Item], TemplateName, int | None], Tokenized] = (
        tokenize_items
    )
    prompt: Callable[["PreTrainedTokenizerBase", Item, TemplateName], tuple[int, ...]] = item_prompt
    collate: Callable[[Sequence[Example], int], Mapping[str, Any]] | None = None
    prompt_mask: Callable[[Sequence[Tokens], int], Any] | None = None


OWN = Pipeline()


def preflight(
    tokenizer: "PreTrainedTokenizerBase", model: ModelFacts, items: Sequence[Item], template: TemplateName,
    cutoff: int | None = None, pipeline: Pipeline = OWN,
) -> None:  # fmt: skip
    """Refuse to train where it would go wrong in silence.

    Raises:
        UsageError: No such template, or the tokenizer has no chat template.
        ItlError: With one line for each problem.
    """
    found = problems(tokenizer, model, items, template, cutoff, pipeline)
    if found:
        raise ItlError("preflight found what would spoil the training:\n" + "\n".join(f"- {line}" for line in found))


def problems(
    tokenizer: "PreTrainedTokenizerBase", model: ModelFacts, items: Sequence[Item], template: TemplateName,
    cutoff: int | None = None, pipeline: Pipeline = OWN,
) -> list[str]:  # fmt: skip
    """Everything that `preflight` refuses, each once."""
    some = items[:: max(1, -(-len(items) // ROWS))]
    found: list[str] = []
    try:
        found += _row_problems(tokenizer, model, some, template, cutoff, pipeline)
    except UsageError:
        raise
    except ItlError as error:  # the rows cannot be made at all
        found.append(str(error))
    return list(dict.fromkeys(found))


def _row_problems(
    tokenizer: "PreTrainedTokenizerBase", model: ModelFacts, items: Sequence[Item], template: TemplateName,
    cutoff: int | None, pipeline: Pipeline,
) -> list[str]:  # fmt: skip
    end, begin, padding = end_token(tokenizer, template), begin_token(tokenizer), padding_id(tokenizer)
    examples, prompts, found = [], [], list[str]()
    for item in items:
        asked = [pipeline.prompt(tokenizer, one, template) for one in _exchanges(item)]
        prompts.append(asked[-1])
        for example in pipeline.tokenize(tokenizer, [item], template, cutoff).examples:
            examples.append(example)
            found += begin_problems(asked[-1], example.ids, begin, len(asked) if template == "chat" else 1)
            wrong = list(label_problems(example, asked, end, cutoff))
            found += wrong or text_problems(example, special_ids(tokenizer), end)
    if not examples:
        found.append(f"no row has a token of a response within {cutoff} tokens" if items else "there are no rows")
    if pipeline.collate and examples:
        found += batch_problems(
            examples, {name: _listed(rows) for name, rows in pipeline.collate(examples, padding).items()}
        )
    if pipeline.prompt_mask and prompts:
        found += prompt_mask_problems(prompts, _listed(pipeline.prompt_mask(prompts, padding)))
    used = {token for ids in (*prompts, *(one.ids for one in examples), (end, padding)) for token in ids}
    return [*found, *vocabulary_problems(tokenizer, model, used)]


def vocabulary_problems(tokenizer: "PreTrainedTokenizerBase", model: ModelFacts, used: set[int]) -> Iterator[str]:
    """Tokens without a row in the embeddings, and embeddings that were resized.

    A special token beyond the embeddings is no problem where no row has it: text cannot become it (Gemma 3 has one for
    images).
    """
    rows = model.embedding_rows
    reachable = set(tokenizer.get_vocab().values()) - special_ids(tokenizer)
    if beyond := sorted(token for token in used if token >= rows):
        yield f"rows have token ids beyond the model's {rows} embeddings: {beyond[:5]}; is it this model's tokenizer?"
    elif beyond := sorted(token for token in reachable if token >= rows):
        yield f"the tokenizer has {len(beyond)} tokens beyond the model's {rows} embeddings, from id {beyond[0]} on"
    if model.tuned_rows is not None and model.tuned_rows != rows:
        yield f"the tuned model has {model.tuned_rows} embeddings, its base {rows}: the vocabulary was resized"


def check_targets(modules: Sequence[str], targets: str | Sequence[str]) -> None:
    """Refuse an adapter that would go nowhere, before there is one: peft's own error names no module.

    Args:
        modules: Names of the modules that an adapter may go to.
        targets: Where the method wants its adapters: names, one regular expression, "all-linear", or "" for none.

    Raises:
        ItlError: No module matches a target; says which there are.
    """
    if found := list(target_problems(modules, targets)):
        raise ItlError("; ".join(found))


def target_problems(modules: Sequence[str], targets: str | Sequence[str]) -> Iterator[str]:
    """Targets of adapters that match no module, by the rules of peft."""
    if targets and not modules:
        yield f"the adapter's targets are {targets!r}, and the model has no module for an adapter"
        return
    if isinstance(targets, str):
        if targets in ("", "all-linear"):
            return
        try:
            if not any(re.fullmatch(targets, module) for module in modules):
                fitting = _pattern(targets, modules)
                yield f"no module matches the pattern {targets!r} of the adapter's targets; {fitting}"
        except re.error as error:
            yield f"the adapter's targets {targets!r} are no regular expression: {error}"
        return
    for target in targets:
        if not any(module == target or module.endswith(f".{target}") for module in modules):
            yield f"no module is named {target!r}, a target of the adapter; {_close(target, modules)}"


def _pattern(target: str, modules: Sequence[str]) -> str:
    """A pattern that matches: of the nearest name, with whatever stands before it."""
    names = sorted({module.rpartition(".")[2] for module in modules})
    close = nearest(target.rpartition(".")[2], names)
    example = f"did you mean {f'(.*[.])?{close}'!r}? " if close else ""
    return f"{example}A pattern matches whole names; their last parts are: {', '.join(names[:12])}"


def _close(target: str, modules: Sequence[str]) -> str:
    names = sorted({module.rpartition(".")[2] for module in modules})
    close = nearest(target, names)
    return (f"did you mean {close!r}? " if close else "") + f"Accepted: {', '.join(names[:12]) or '(nothing)'}"


def _exchanges(item: Item) -> list[Item]:
    """The item as it was at each of its exchanges, the last one included."""
    earlier = [
        item.model_copy(update={"instruction": one.instruction, "context": "", "history": item.history[:index]})
        for index, one in enumerate(item.history)
    ]
    return [*earlier, item]


def _listed(rows: Any) -> list[list[int]]:  # noqa: ANN401 - a tensor or lists
    return [[int(one) for one in row] for row in rows]
