"""What a chat template does, seen by rendering it with placeholders for texts: what it writes around them."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from itl_bench.data.tokens.rendering import OTHERWISE, rendered
from itl_bench.data.tokens.special_tokens import special_ids, trusted_ids
from itl_bench.errors import ItlError, UnfitRowError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACE = re.compile("\ue000\\d+\ue001")  # stands for a text; of characters that no template writes
RENDERINGS = 8  # of the same placeholders, before a template is taken to write the same every time


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
    written = {rendered(tokenizer, places) for _ in range(RENDERINGS)}
    if len(written) > 1:
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
    found = _found(text, 0, frames, [_with_less_space(content) for content in contents])
    if found is None:
        raise UnfitRowError(f"the chat template rewrites what is said: it cuts, moves or adds to a text; {OTHERWISE}")
    return found


def _found(text: str, at: int, frames: Sequence[str], candidates: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """One of the candidates for each text, in order, so that with the frames between them they are the whole text."""
    if not text.startswith(frames[0], at):
        return None
    at += len(frames[0])
    if not candidates:
        return () if at == len(text) else None
    for one in candidates[0]:
        if text.startswith(one, at):
            others = _found(text, at + len(one), frames[1:], candidates[1:])
            if others is not None:
                return (one, *others)
    return None


def _with_less_space(text: str) -> tuple[str, ...]:
    kept = text, text.strip(), text.lstrip(), text.rstrip(), text.strip("\n"), text.lstrip("\n"), text.rstrip("\n")
    return tuple(dict.fromkeys(kept))
