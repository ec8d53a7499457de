"""From instruction and response to token ids: one tokenization for training, generation and analysis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, get_args

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.chat import chat_prompt, chat_row
from itl_bench.data.tokens.frames import chat_end
from itl_bench.data.tokens.special_tokens import begin_ids, end_id, padding_id, text_ids
from itl_bench.data.tokens.wordings import ALPACA, ALPACA_INPUT, PLAIN, PLAIN_INPUT, answered, in_context_prompt
from itl_bench.errors import ItlError, UnfitRowError, UsageError, unknown

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "IGNORED", "Example", "PromptTemplate", "TemplateName", "Tokenized", "end_token", "padding_id", "prompt_ids",
    "response_text", "tokenize_items", "training_example",
]  # fmt: skip
TemplateName = Literal["chat", "alpaca", "plain"]
PromptTemplate = Literal["chat", "alpaca", "plain", "in-context"]  # the last for the untuned base, which is not trained
IGNORED = -100  # label of a position without loss, as in torch
TEXTS = {"alpaca": (ALPACA, ALPACA_INPUT), "plain": (PLAIN, PLAIN_INPUT)}


@dataclass(frozen=True)
class Example:
    """One training example: token ids, and the labels of the positions that bear the loss."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]  # the ids of every response, its end token included, and IGNORED elsewhere


@dataclass(frozen=True)
class Tokenized:
    """A dataset as a model is trained on it.

    Attributes:
        examples: In the order of the items, those left out that were dropped.
        truncated: How many of them lost tokens to the cutoff.
        dropped: How many items had no token of a response within the cutoff.
        rows: Ids of the items of the examples.
        unfit: Of each item that the chat template rewrites, and that is left out therefore, its id and the reason.
        masked: How many earlier responses bear no loss.
    """

    examples: tuple[Example, ...]
    truncated: int
    dropped: int
    rows: tuple[str, ...]
    unfit: tuple[str, ...] = ()
    masked: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of rows that were left out, naming the first, and of responses without a loss."""
        many = f"{len(self.unfit):,} rows are left out, the first being"
        left_out = [f"{many if len(self.unfit) > 1 else '1 row is left out,'} {one}" for one in self.unfit[:1]]
        reason = "the chat template writes another prompt before them than generation is given"
        return (*left_out, *[f"{self.masked:,} earlier responses bear no loss: {reason}"] * bool(self.masked))


def prompt_ids(
    tokenizer: "PreTrainedTokenizerBase",
    instruction: str,
    template: PromptTemplate = "chat",
    context: str = "",
    history: Sequence[Exchange] = (),
) -> tuple[int, ...]:
    """Everything the model is given before the response.

    Args:
        tokenizer: Of the model.
        instruction: What is asked.
        template: "chat" is the tokenizer's own.
        context: What the instruction is about, where it comes apart from it.
        history: Earlier exchanges.

    Raises:
        UsageError: No such template, or the tokenizer has no chat template.
    """
    if template == "chat":
        return chat_prompt(tokenizer, _contents(instruction, context, history))
    if template == "in-context":
        return begin_ids(tokenizer) + text_ids(tokenizer, in_context_prompt(instruction, context, history))
    return _joined(_blocks(tokenizer, template, instruction, context, history))


def training_example(
    tokenizer: "PreTrainedTokenizerBase", item: Item, template: TemplateName = "chat", cutoff: int | None = None
) -> Example:
    """An item as the model is trained on it: loss on the responses and their end tokens only.

    Args:
        tokenizer: Of the model.
        item: With all its exchanges.
        template: As for `prompt_ids`.
        cutoff: Longest example, in tokens: what comes later is left out, the end token with it.

    Raises:
        UsageError: No such template, or one that cannot be trained on.
        UnfitRowError: The chat template rewrites the item, or gives training another prompt than generation.
        ItlError: The end token is missing, or no token of a response is within the cutoff.
    """
    try:
        whole, _ = _whole(tokenizer, item, template)
    except UnfitRowError as error:
        raise UnfitRowError(f"item {item.id}: {error}") from error
    found = _within(whole, cutoff)
    if found is None:
        raise ItlError(f"item {item.id}: no token of a response is within {cutoff} tokens; raise the cutoff")
    return found


def tokenize_items(
    tokenizer: "PreTrainedTokenizerBase",
    items: Iterable[Item],
    template: TemplateName = "chat",
    cutoff: int | None = None,
) -> Tokenized:
    """All items as `training_example` gives them, and how many the cutoff truncated or dropped."""
    whole, rows, unfit, masked = list[Example](), list[str](), list[str](), 0
    for item in items:
        try:
            example, without_loss = _whole(tokenizer, item, template)
        except UnfitRowError as error:
            unfit.append(f"{item.id}: {error}")
        else:
            whole.append(example)
            rows.append(item.id)
            masked += without_loss
    kept = [_within(example, cutoff) for example in whole]
    examples = {at: one for at, one in enumerate(kept) if one is not None}
    truncated = sum(len(one.ids) < len(whole[at].ids) for at, one in examples.items())
    names = tuple(rows[at] for at in examples)
    return Tokenized(tuple(examples.values()), truncated, kept.count(None), names, tuple(unfit), masked)


def end_token(tokenizer: "PreTrainedTokenizerBase", template: PromptTemplate = "chat") -> int:
    """The token that ends a response: of the chat template its end of turn, else the tokenizer's end token.

    Raises:
        ItlError: There is none.
    """
    if template == "chat":
        return chat_end(tokenizer)
    end = end_id(tokenizer)
    if end is None:
        raise ItlError("the tokenizer has no end token; a model could not learn to stop. Declare its eos_token")
    return int(end)


def end_tokens(tokenizer: "PreTrainedTokenizerBase", template: PromptTemplate = "chat") -> frozenset[int]:
    """All tokens that end an answer: that of the template, and the tokenizer's own, with which a base ends a text."""
    own = {one for one in (end_id(tokenizer), tokenizer.eos_token_id) if one is not None}
    return frozenset({end_token(tokenizer, template)} | own)


def response_text(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], template: PromptTemplate = "chat") -> str:
    """What a model said: the text of its tokens up to an end token, without the space that may begin a response."""
    ends = end_tokens(tokenizer, template)
    said = list(takewhile(lambda token: token not in ends, ids))
    text = str(tokenizer.decode(said, skip_special_tokens=True))
    if template == "in-context":
        return answered(text)
    spaced = template != "chat" and str(tokenizer.decode(list(_response(tokenizer, template, "a")))).startswith(" ")
    return text.removeprefix(" ") if spaced else text


def _whole(tokenizer: "PreTrainedTokenizerBase", item: Item, template: TemplateName) -> tuple[Example, int]:
    """An item as an example of all its tokens, and how many of its earlier responses bear no loss."""
    if template == "chat":
        row = chat_row(tokenizer, [*_contents(item.instruction, item.context, item.history), item.response])
        labels = [IGNORED] * len(row.ids)
        for start, stop in row.learned:
            labels[start:stop] = row.ids[start:stop]
        return Example(row.ids, tuple(labels)), row.masked
    blocks = _blocks(tokenizer, template, item.instruction, item.context, item.history)
    blocks.append(_response(tokenizer, template, item.response))
    labels_of = [block if index % 2 else (IGNORED,) * len(block) for index, block in enumerate(blocks)]
    return Example(_joined(blocks), _joined(labels_of)), 0


def _within(example: Example, cutoff: int | None) -> Example | None:
    """The beginning of an example, up to the last token with a loss; None where there is none."""
    if cutoff is not None and cutoff < 2:
        raise UsageError(
            f"cutoff is {cutoff}; an example has at least 2 tokens, one of the prompt, one of the response"
        )
    stop = max((index + 1 for index, label in enumerate(example.labels[:cutoff]) if label != IGNORED), default=0)
    return Example(example.ids[:stop], example.labels[:stop]) if stop else None


def _blocks(
    tokenizer: "PreTrainedTokenizerBase", template: str, instruction: str, context: str, history: Sequence[Exchange]
) -> list[tuple[int, ...]]:
    """Prompts and earlier responses in turn, each tokenised for itself: the prompt is a prefix by construction."""
    if template not in TEXTS:
        accepted = get_args(PromptTemplate)
        what = "the template 'in-context' is for prompts only" if template in accepted else ""
        raise UsageError(what or unknown("template", template, accepted))
    blocks = [begin_ids(tokenizer)]
    for one in history:
        blocks[-1] += text_ids(tokenizer, _asked(template, one.instruction))
        blocks += [_response(tokenizer, template, one.response), ()]
    blocks[-1] += text_ids(tokenizer, _asked(template, instruction, context))
    return blocks


def _asked(template: str, instruction: str, context: str = "") -> str:
    return TEXTS[template][bool(context)].format(instruction=instruction, context=context)


def _response(tokenizer: "PreTrainedTokenizerBase", template: str, text: str) -> tuple[int, ...]:
    spaced = f" {text}" if template == "plain" and not _begins_with_space(tokenizer) else text
    return (*text_ids(tokenizer, spaced), end_token(tokenizer, "plain"))


def _begins_with_space(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the tokenizer itself puts a space before every text, as Llama's does: a second would be another token."""
    tokens = tokenizer.convert_ids_to_tokens(list(text_ids(tokenizer, "a")))
    return "".join(tokens).startswith(("▁", "Ġ"))


def _contents(instruction: str, context: str, history: Sequence[Exchange]) -> list[str]:
    """What user and assistant say in turn, up to the last instruction."""
    before = [text for one in history for text in (one.instruction, one.response)]
    return [*before, f"{instruction}\n\n{context}" if context else instruction]


def _joined(blocks: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(one for block in blocks for one in block)
