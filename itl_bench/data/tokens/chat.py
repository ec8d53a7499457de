"""A conversation in the tokenizer's own chat template: its token ids, and which of them the model has to learn.

What the template does is seen by rendering it with placeholders for the texts. A conversation that it then writes
otherwise, with a text cut, moved or added to, is refused: a model would be trained on what nobody said.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from itl_bench.data.tokens.frames import as_written, begins_itself, chat_end, ending_of, frames_of
from itl_bench.data.tokens.rendering import OTHERWISE, rendered
from itl_bench.data.tokens.special_tokens import (
    begin_ids,
    continued_ids,
    special_ids,
    spells_tokens,
    text_ids,
    trusted_ids,
)
from itl_bench.errors import UnfitRowError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ChatRow(NamedTuple):
    """A conversation as a model is trained on it.

    Attributes:
        ids: Of all tokens, the last one the end token of the last response.
        learned: Where every response that bears a loss begins and stops, with its end token.
        masked: How many earlier responses bear none: the template writes another prompt before them than generation
            is given.
    """

    ids: tuple[int, ...]
    learned: tuple[tuple[int, int], ...]
    masked: int


class _Block(NamedTuple):
    """All that stands before a response, or a response with its end.

    Attributes:
        before: What the template writes before the text, as far as the block before does not have it.
        said: The text, as the template writes it.
        after: What the template writes after it that belongs to the block.
    """

    before: str
    said: str
    after: str


def chat_prompt(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> tuple[int, ...]:
    """Token ids of a conversation in which the user has the last word, up to where the response begins.

    The ids are those of the rendered template, as every other engine has them, but where a text spells a special token
    or an earlier response would melt into its prompt: these are tokenized apart.

    Args:
        tokenizer: With a chat template.
        contents: What user and assistant say in turn, the user first and last.

    Raises:
        UsageError: The tokenizer has no chat template.
        UnfitRowError: The template rewrites what is said.
        ItlError: The template fails, or a text cannot be told from the template.
    """
    return _tokenized(tokenizer, _prompt_blocks(tokenizer, contents))[0]


def chat_row(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> ChatRow:
    """Token ids of a conversation in which the assistant has the last word, and which of them bear the loss.

    Args:
        tokenizer: With a chat template.
        contents: What user and assistant say in turn.

    Raises:
        UsageError: The tokenizer has no chat template.
        UnfitRowError: The template rewrites what is said, or gives training another prompt than generation.
        ItlError: The template fails, or a text cannot be told from the template.
    """
    blocks = _row_blocks(tokenizer, contents)
    ids, starts = _tokenized(tokenizer, blocks)
    same = [blocks[:turn] == _prompt_blocks(tokenizer, contents[:turn]) for turn in range(1, len(contents), 2)]
    if not same[-1]:
        raise UnfitRowError(f"the chat template gives training another prompt than generation; {OTHERWISE}")
    spans = zip(starts[1::2], [*starts[2::2], len(ids)], strict=True)
    return ChatRow(ids, tuple(span for span, learned in zip(spans, same, strict=True) if learned), same.count(False))


def _row_blocks(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> list[_Block]:
    """Prompts and responses in turn, the last response up to its end token."""
    frames = frames_of(tokenizer, len(contents))
    return _blocks(tokenizer, frames, as_written(rendered(tokenizer, contents), frames, contents))


def _prompt_blocks(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> list[_Block]:
    """As those of the same conversation with a response, up to that response."""
    turns = len(contents)
    asked, answered = frames_of(tokenizer, turns), frames_of(tokenizer, turns + 1)
    if asked[:-1] != answered[:turns] or not answered[turns].startswith(asked[-1]):
        raise UnfitRowError(f"the chat template gives training another prompt than generation; {OTHERWISE}")
    written = as_written(rendered(tokenizer, contents), asked, contents)
    return _blocks(tokenizer, answered[: turns + 1], written)


def _blocks(tokenizer: "PreTrainedTokenizerBase", frames: Sequence[str], written: Sequence[str]) -> list[_Block]:
    """Prompts and responses in turn; what the template writes after the end token of the last one is left out.

    Args:
        tokenizer: Whose template it is.
        frames: What the template writes before, between and after the texts.
        written: The texts as it writes them.
    """
    blocks, before, ending = list[_Block](), frames[0], ending_of(tokenizer)
    for turn, text in enumerate(written, 1):
        after, asked = frames[turn], turn % 2 == 1
        own = _asking(tokenizer, turn, after) if asked else ending if after.startswith(ending) else ""
        blocks.append(_Block(before, text, own))
        before = after.removeprefix(own)
    return blocks


def _asking(tokenizer: "PreTrainedTokenizerBase", turns: int, between: str) -> str:
    """How much of what stands between a question and its response is the prompt.

    White space that generation is not given (Llama 2 writes a space) is learned with the response. Any other text that
    the template adds, such as an empty block for reasoning, is no part of what anybody said: prompts end with it.
    """
    asked = frames_of(tokenizer, turns)[-1]
    added = between.removeprefix(asked)
    return asked if between.startswith(asked) and not added.strip() else between


def _tokenized(tokenizer: "PreTrainedTokenizerBase", blocks: Sequence[_Block]) -> tuple[tuple[int, ...], list[int]]:
    """The token ids of blocks, and at which of them each block starts.

    Blocks are tokenized as one text as far as no token reaches from one into the next; there, the next is tokenized
    apart. So the ids of the first blocks are the same whatever follows: a prompt is that of every response to it.
    """
    done: tuple[int, ...] = ()  # what is settled
    before, run = done, list[_Block]()  # what is not, and its blocks
    starts = list[int]()
    for block in blocks:
        both = _ids(tokenizer, [*run, block], behind=bool(done))
        if both[: len(before)] != before:
            done, run = done + before, []
            before, both = (), _ids(tokenizer, [block], behind=True)
        starts.append(len(done) + len(before))
        run, before = [*run, block], both
    ids, begin = done + before, begin_ids(tokenizer)
    _check_special(tokenizer, blocks, ids)
    if begins_itself(tokenizer, begin):
        return ids, starts
    return begin + ids, [0, *(len(begin) + start for start in starts[1:])]


def _check_special(tokenizer: "PreTrainedTokenizerBase", blocks: Sequence[_Block], ids: Sequence[int]) -> None:
    """Refuse a text that spells a special token together with what the template writes beside it."""
    marks = special_ids(tokenizer) | {chat_end(tokenizer)}
    own = [token for block in blocks for text in (block.before, block.after) for token in trusted_ids(tokenizer, text)]
    if sum(token in marks for token in own) != sum(token in marks for token in ids):
        raise UnfitRowError(f"a text spells a special token together with the chat template beside it; {OTHERWISE}")


def _ids(tokenizer: "PreTrainedTokenizerBase", blocks: Sequence[_Block], behind: bool) -> tuple[int, ...]:
    """Texts that spell a special token each tokenized apart, and everything between them as one.

    Args:
        tokenizer: Of the model.
        blocks: To tokenize.
        behind: Whether they stand behind other text.
    """
    end = {chat_end(tokenizer)}
    ids, together = tuple[int, ...](), ""
    for before, said, after in blocks:
        together += before
        if spells_tokens(tokenizer, said, end):
            ids += _own_ids(tokenizer, together, behind or bool(ids))
            ids, together = ids + text_ids(tokenizer, said, end, behind or bool(ids)), ""
        else:
            together += said
        together += after
    return ids + _own_ids(tokenizer, together, behind or bool(ids))


def _own_ids(tokenizer: "PreTrainedTokenizerBase", text: str, behind: bool) -> tuple[int, ...]:
    return continued_ids(tokenizer, text) if behind else trusted_ids(tokenizer, text)
