"""What spoils a training in silence, found on a few rows before it starts: everything is plain ids, numbers and names.

Each check takes what training and generation really use, so that a mistake in either shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from itl_bench.data.rows import Item
from itl_bench.data.tokens.frames import ends_every_turn, own_begin_problems, starts_with_begin
from itl_bench.data.tokens.row_checks import (
    Tokens,
    batch_problems,
    begin_problems,
    label_problems,
    prompt_mask_problems,
    text_problems,
)
from itl_bench.data.tokens.special_tokens import begin_ids, padding_id, special_ids
from itl_bench.data.tokens.template import (
    Example,
    TemplateName,
    Tokenized,
    end_token,
    prompt_ids,
    tokenize_items,
)
from itl_bench.errors import ItlError, UnfitRowError, UsageError, nearest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


ROWS = 24  # looked at, spread over the dataset
LONG = 8  # earlier exchanges of a conversation, beyond which it is looked at only where all are longer


@dataclass(frozen=True)
class ModelFacts:
    """What preflight needs to know of a model.

    Attributes:
        embedding_rows: Of the base's input embeddings.
        tuned_rows: Of the tuned model's, where the method has made one.
        positions: How many tokens it takes at most; None for any number.
    """

    embedding_rows: int
    tuned_rows: int | None = None
    positions: int | None = None


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
    found: list[str] = []
    try:
        found += _row_problems(tokenizer, model, _sample(items), template, cutoff, pipeline)
    except UsageError:
        raise
    except ItlError as error:  # the rows cannot be made at all
        found.append(str(error))
    return list(dict.fromkeys(found))


def _row_problems(
    tokenizer: "PreTrainedTokenizerBase", model: ModelFacts, items: Sequence[Item], template: TemplateName,
    cutoff: int | None, pipeline: Pipeline,
) -> list[str]:  # fmt: skip
    examples, prompts, found, unfit = list[Example](), list[Tokens](), list[str](), list[str]()
    for item in items:
        try:
            asked = [pipeline.prompt(tokenizer, one, template) for one in _exchanges(item)]
        except UnfitRowError as error:  # left out of training, and counted there
            unfit.append(f"{item.id}: {error}")
            continue
        prompts.append(asked[-1])
        made = pipeline.tokenize(tokenizer, [item], template, cutoff)
        unfit += made.unfit
        for example in made.examples:
            examples.append(example)
            found += _example_problems(tokenizer, example, asked, template, cutoff)
    if not examples:
        without = [f"no row can be used, the first being {one}" for one in unfit[:1]]
        without = without or [f"no row has a token of a response within {cutoff} tokens"]
        found += without if items else ["there are no rows"]
    padding, end = padding_id(tokenizer), end_token(tokenizer, template)
    if pipeline.collate and examples:
        found += batch_problems(
            examples, {name: _listed(rows) for name, rows in pipeline.collate(examples, padding).items()}
        )
    if pipeline.prompt_mask and prompts:
        found += prompt_mask_problems(prompts, _listed(pipeline.prompt_mask(prompts, padding)))
    used = {token for ids in (*prompts, *(one.ids for one in examples), (end, padding)) for token in ids}
    return [*found, *vocabulary_problems(tokenizer, model, used)]


def _example_problems(
    tokenizer: "PreTrainedTokenizerBase", example: Example, asked: Sequence[Tokens], template: TemplateName,
    cutoff: int | None,
) -> Iterator[str]:  # fmt: skip
    """Args: `example` of a row, and `asked`, what generation is given for each of its exchanges."""
    end, begin, chat = end_token(tokenizer, template), begin_ids(tokenizer), template == "chat"
    if chat:
        yield from own_begin_problems(tokenizer, begin)
    if not chat or starts_with_begin(tokenizer, begin):
        yield from begin_problems(asked[-1], example.ids, begin, once=not chat and end not in begin)
    wrong = list(label_problems(example, asked, end, cutoff, ended=not chat or ends_every_turn(tokenizer)))
    yield from wrong or text_problems(example, special_ids(tokenizer), end)


def _sample(items: Sequence[Item]) -> list[Item]:
    """Rows from all over the dataset, and conversations of several turns wherever they are."""
    short = [item for item in items if len(item.history) <= LONG]
    short = short or sorted(items, key=lambda item: len(item.history))[:1]
    some = [*_spread(short, ROWS), *_spread([item for item in short if item.history], ROWS // 2)]
    return list({id(item): item for item in some}.values())


def _spread(items: Sequence[Item], most: int) -> Sequence[Item]:
    return items[:: max(1, -(-len(items) // most))]


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
