"""From instruction and response to token ids: one tokenization for training, generation and analysis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.chat import chat_end, chat_ids
from itl_bench.data.tokens.special_tokens import begin_token, padding_id, text_ids
from itl_bench.errors import ItlError, UsageError, unknown

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INTRODUCTION = "Below are questions to an assistant, and its helpful, honest and polite answers."
QUESTION, ANSWER = "\n\n# Question:\n", "\n\n# Answer:\n"
EXAMPLES = (
    Exchange(
        instruction="Why do leaves turn yellow and red in autumn?",
        response=(
            "Leaves look green because of chlorophyll, the pigment that captures sunlight. As the days become shorter "
            "and cooler, trees break it down and take back its nutrients. Yellow and orange pigments, which were there "
            "all along, then become visible; some trees also make red pigments in autumn. The colours therefore depend "
            "on the kind of tree and on the weather of the season."
        ),
    ),
    Exchange(
        instruction="I have a job interview tomorrow and feel nervous. What can I do?",
        response=(
            "It is quite normal to be nervous before an interview, and a little preparation helps a lot:\n\n"
            "1. Read once more what the employer does, and why the position interests you.\n"
            "2. Practise short answers to the usual questions aloud, for example about your strengths.\n"
            "3. Lay out your clothes and papers tonight, and plan to arrive ten minutes early.\n"
            "4. Sleep enough, and breathe slowly before you go in.\n\n"
            "Remember that they invited you because they like what they have read. Good luck!"
        ),
    ),
    Exchange(
        instruction="Which number will win the lottery next week?",
        response=(
            "I am sorry, but nobody can know that: each draw is random and independent of those before it. If you "
            "enjoy playing, it is wise to decide beforehand how much you can afford to lose."
        ),
    ),
)
__all__ = [
    "IGNORED", "Example", "PromptTemplate", "TemplateName", "Tokenized", "end_token", "padding_id", "prompt_ids",
    "response_text", "tokenize_items", "training_example",
]  # fmt: skip
TemplateName = Literal["chat", "alpaca", "plain"]
PromptTemplate = Literal["chat", "alpaca", "plain", "in-context"]  # the last for the untuned base, which is not trained
IGNORED = -100  # label of a position without loss, as in torch
# Taori et al. 2023, github.com/tatsu-lab/stanford_alpaca, PROMPT_DICT of train.py: without and with an input.
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n### Response:"
)
PLAIN = "Question: {instruction}\nAnswer:"
PLAIN_INPUT = "Question: {instruction}\n{context}\nAnswer:"
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
    """

    examples: tuple[Example, ...]
    truncated: int
    dropped: int


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
        return chat_ids(tokenizer, _contents(instruction, context, history))
    if template == "in-context":
        return _begin(tokenizer) + text_ids(tokenizer, in_context_prompt(instruction, context, history))
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
        ItlError: The prompt of training is not the prompt of generation, the end token is missing, or no token of a
            response is within the cutoff.
    """
    found = _within(_whole(tokenizer, item, template), cutoff)
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
    whole = [_whole(tokenizer, item, template) for item in items]
    kept = [_within(example, cutoff) for example in whole]
    truncated = sum(
        one is not None and len(one.ids) < len(example.ids) for one, example in zip(kept, whole, strict=True)
    )
    return Tokenized(tuple(one for one in kept if one is not None), truncated, kept.count(None))


def end_token(tokenizer: "PreTrainedTokenizerBase", template: PromptTemplate = "chat") -> int:
    """The token that ends a response: of the chat template its end of turn, else the tokenizer's end token.

    Raises:
        ItlError: There is none.
    """
    if template == "chat":
        return chat_end(tokenizer)
    if tokenizer.eos_token_id is None:
        raise ItlError("the tokenizer has no end token; a model could not learn to stop. Declare its eos_token")
    return int(tokenizer.eos_token_id)


def response_text(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], template: PromptTemplate = "chat") -> str:
    """What a model said: the text of its tokens up to the end token, without the space that may begin a response."""
    end = end_token(tokenizer, template)
    said = list(ids)[: list(ids).index(end)] if end in ids else list(ids)
    text = str(tokenizer.decode(said, skip_special_tokens=True))
    if template == "in-context":
        return answered(text)
    spaced = template != "chat" and str(tokenizer.decode(list(_response(tokenizer, template, "a")))).startswith(" ")
    return text.removeprefix(" ") if spaced else text


def _whole(tokenizer: "PreTrainedTokenizerBase", item: Item, template: TemplateName) -> Example:
    if template == "chat":
        return _chat_example(tokenizer, item)
    blocks = _blocks(tokenizer, template, item.instruction, item.context, item.history)
    blocks.append(_response(tokenizer, template, item.response))
    labels = [block if index % 2 else (IGNORED,) * len(block) for index, block in enumerate(blocks)]
    return Example(_joined(blocks), _joined(labels))


def _chat_example(tokenizer: "PreTrainedTokenizerBase", item: Item) -> Example:
    contents = [*_contents(item.instruction, item.context, item.history), item.response]
    ids, end, stop = chat_ids(tokenizer, contents), chat_end(tokenizer), 0
    labels = [IGNORED] * len(ids)
    for turn in range(1, len(contents), 2):
        prompt = chat_ids(tokenizer, contents[:turn])
        if ids[: len(prompt)] != prompt:
            raise ItlError(f"item {item.id}: the chat template gives training another prompt than generation")
        if end not in ids[len(prompt) :]:
            raise ItlError(f"item {item.id}: the chat template does not end the response with the end token")
        stop = ids.index(end, len(prompt)) + 1
        labels[len(prompt) : stop] = ids[len(prompt) : stop]
    return Example(ids[:stop], tuple(labels[:stop]))


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
    blocks = [_begin(tokenizer)]
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


def _begin(tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    begin = begin_token(tokenizer)
    return () if begin is None else (begin,)


def _joined(blocks: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(one for block in blocks for one in block)


def in_context_prompt(instruction: str, context: str = "", history: Sequence[Exchange] = ()) -> str:
    """The examples and earlier exchanges, then the question, up to where its answer begins."""
    before = "".join(QUESTION + one.instruction + ANSWER + one.response for one in (*EXAMPLES, *history))
    asked = f"{instruction}\n\n{context}" if context else instruction
    return INTRODUCTION + before + QUESTION + asked + ANSWER


def answered(text: str) -> str:
    """The answer alone, where a base went on with a question of its own."""
    return text.partition(QUESTION.rstrip())[0]
