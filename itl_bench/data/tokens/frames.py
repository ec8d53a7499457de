"""What a chat template does, seen by rendering it with placeholders for texts: what it writes around them."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from itl_bench.data.tokens.rendering import OTHERWISE, rendered
from itl_bench.data.tokens.special_tokens import special_ids, trusted_ids
from itl_bench.errors import ItlError, UnfitRowError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACE = re.compile("\ue000\\d+\ue001")  # stands for a text; of characters that no template writes
RENDERINGS = 8  # of few placeholders, before a template is taken to write the same every time
FEW = 4  # placeholders
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}", re.IGNORECASE)  # of an object in memory, another one in every process


def chat_end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token with which the chat template ends the assistant's last turn: the end token, "<|im_end|>" or another.

    Raises:
        UsageError: The tokenizer has no chat template.
        ItlError: The template ends the turn with no such token: a model could not learn to stop.
    """
    return _chat_end(tokenizer, *_state(tokenizer))


def ends_every_turn(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the chat template writes the end token after every response, not after the last one only."""
    return frames_of(tokenizer, 4)[2].startswith(ending_of(tokenizer))


def _state(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, tuple[int, ...]]:
    """What may change of a tokenizer, and with it what its template writes."""
    return str(tokenizer.chat_template), tuple(tokenizer.all_special_ids)


@lru_cache(maxsize=2)
def _chat_end(tokenizer: "PreTrainedTokenizerBase", template: str, declared: tuple[int, ...]) -> int:
    after = trusted_ids(tokenizer, frames_of(tokenizer, 2)[-1])
    added = tokenizer.added_tokens_decoder
    marks = special_ids(tokenizer) | {number for number in set(after) & set(added) if added[number].content.strip()}
    found = next((one for one in after if one in marks), None)
    if found is None:
        raise ItlError(f"the chat template does not end the response with an end token; {OTHERWISE}")
    return found


def ending_of(tokenizer: "PreTrainedTokenizerBase") -> str:
    """What the template writes after the last response, up to the end token."""
    after, end = frames_of(tokenizer, 2)[-1], str(tokenizer.convert_ids_to_tokens(chat_end(tokenizer)))
    return after[: after.index(end) + len(end)] if end in after else after


def begins_itself(tokenizer: "PreTrainedTokenizerBase", begin: Sequence[int]) -> bool:
    """Whether the chat template writes what begins a text, or part of it, before the first text."""
    return not set(begin).isdisjoint(trusted_ids(tokenizer, frames_of(tokenizer, 1)[0]))


def starts_with_begin(tokenizer: "PreTrainedTokenizerBase", begin: Sequence[int]) -> bool:
    """Whether a conversation starts with what begins a text: the template writes it first, or leaves it to others."""
    written = frames_of(tokenizer, 1)[0].startswith(_spelled(tokenizer, begin))
    return written or not begins_itself(tokenizer, begin)


def own_begin_problems(tokenizer: "PreTrainedTokenizerBase", begin: Sequence[int]) -> Iterator[str]:
    """What begins a text twice, or in part, where the chat template itself writes it."""
    if not begins_itself(tokenizer, begin):
        return
    once, written = _spelled(tokenizer, begin), frames_of(tokenizer, 1)[0]
    if once not in written:
        yield f"the chat template writes a part of {once!r} only, with which the tokenizer begins a text"
    elif re.search(rf"{re.escape(once)}\s*{re.escape(once)}", written):
        yield "the chat template writes the begin token twice"


def _spelled(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int]) -> str:
    return "".join(tokenizer.convert_ids_to_tokens(list(ids)))


def frames_of(tokenizer: "PreTrainedTokenizerBase", turns: int) -> tuple[str, ...]:
    """What the template writes before, between and after that many texts, the user's first.

    Raises:
        UsageError: The tokenizer has no chat template.
        ItlError: The template fails, leaves out a text, or writes something else each time.
    """
    return _rendered_frames(tokenizer, turns, *_state(tokenizer))


@lru_cache(maxsize=1024)  # conversations may be long, and ask for every number of turns
def _rendered_frames(
    tokenizer: "PreTrainedTokenizerBase", turns: int, template: str, declared: tuple[int, ...]
) -> tuple[str, ...]:
    places = [f"\ue000{index}\ue001" for index in range(turns)]
    written = {rendered(tokenizer, places) for _ in range(RENDERINGS if turns <= FEW else 1)}
    if len(written) > 1 or any(map(ADDRESS.search, written)):
        raise ItlError(f"the chat template does not write the same every time; {OTHERWISE}")
    (text,) = written
    if PLACE.findall(text) != places:
        raise ItlError(f"the chat template writes {len(PLACE.findall(text))} of {turns} texts, or not in their order; "
                       f"{OTHERWISE}")  # fmt: skip
    return tuple(PLACE.split(text))


def as_written(text: str, frames: Sequence[str], contents: Sequence[str]) -> tuple[str, ...]:
    """The texts as the template writes them: whole, or without the white space around them, which many strip.

    Args:
        text: A rendered conversation.
        frames: What the template writes around so many texts.
        contents: The texts.

    Raises:
        UnfitRowError: The conversation is not the texts between the frames.
    """
    # For each text, where the frame behind it may end: there the text starts, and how it is written.
    ways = [{len(frames[0]): (0, "")} if text.startswith(frames[0]) else {}]
    for content, after in zip(contents, frames[1:], strict=True):
        ways.append(
            {
                at + len(one) + len(after): (at, one)
                for at in ways[-1]
                for one in reversed(_with_less_space(content))
                if text.startswith(one + after, at)
            }
        )
    at, written = len(text), list[str]()
    for way in reversed(ways[1:]):
        if at not in way:
            raise UnfitRowError(f"the chat template rewrites what is said, by cutting, moving or adding; {OTHERWISE}")
        at, one = way[at]
        written.append(one)
    return tuple(reversed(written))


def _with_less_space(text: str) -> tuple[str, ...]:
    kept = text, text.strip(), text.lstrip(), text.rstrip(), text.strip("\n"), text.lstrip("\n"), text.rstrip("\n")
    return tuple(dict.fromkeys(kept))
