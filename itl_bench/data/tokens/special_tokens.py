"""Text of datasets to token ids, so that text that spells a special token never becomes that token."""

import re
from collections.abc import Generator, Set
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from itl_bench.errors import ItlError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def begin_ids(tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """What the tokenizer itself puts before a text, as it did while its model was pre-trained: one token, or none.

    A declared begin token says little: BLOOM and Yi declare one that they never put, OPT puts its end token.
    """
    return _around(tokenizer)[0]


def end_id(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """The token that ends a text: the one that the tokenizer itself puts after it, else its declared end token."""
    after = _around(tokenizer)[1]
    declared: int | None = tokenizer.eos_token_id
    return after[-1] if after else declared


def _around(tokenizer: "PreTrainedTokenizerBase") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the tokenizer puts before and after a text, seen of the first text that it can write.

    Raises:
        ItlError: It can write none.
    """
    never = special_ids(tokenizer)
    for probe in _probes(tokenizer):
        with suppress(Exception):  # of a library that has none of its own: the vocabulary lacks a part of the text
            whole, text = tuple(tokenizer(probe)["input_ids"]), trusted_ids(tokenizer, probe)
            starts = [at for at in range(len(whole)) if text and whole[at : at + len(text)] == text]
            if starts and never.isdisjoint(text):
                return whole[: starts[0]], whole[starts[0] + len(text) :]
    raise ItlError("the tokenizer cannot write any of its own tokens; is it whole?")


def _probes(tokenizer: "PreTrainedTokenizerBase") -> Generator[str]:
    """Short texts, and the vocabulary last: a large one takes a second to read, and this is asked for every row."""
    yield from ("a", "A", "1")
    vocabulary = tokenizer.get_vocab()
    yield from sorted(vocabulary, key=vocabulary.__getitem__)


def padding_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token for padding: the tokenizer's own, else its unknown token, else its end token.

    The attention mask and the labels say by position what is padding, never by this value: the end token may serve.

    Raises:
        ItlError: The tokenizer has none of the three.
    """
    for found in (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.eos_token_id):
        if found is not None:
            return int(found)
    raise ItlError("the tokenizer has no padding, unknown or end token; declare its pad_token or eos_token")


def special_ids(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Tokens that text must not become: all special ones but the unknown token, which stands for odd characters.

    Looked up once for a tokenizer and its declared tokens (begin, end, padding, ...): add others before the first use.
    """
    roles = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return _special_ids(tokenizer, tuple(tokenizer.all_special_ids), roles)


@lru_cache(maxsize=2)  # a tokenizer may have thousands of special tokens, and is asked for every text
def _special_ids(
    tokenizer: "PreTrainedTokenizerBase", declared: tuple[int, ...], roles: tuple[int | None, ...]
) -> frozenset[int]:
    added = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    used = {role for role in roles if role is not None}
    return frozenset((added | set(declared)) - {tokenizer.unk_token_id} | used)


def text_ids(
    tokenizer: "PreTrainedTokenizerBase", text: str, forbidden: Set[int] = frozenset(), behind: bool = False
) -> tuple[int, ...]:
    """Token ids of text from outside, where "<eos>" is five characters and not the end.

    Args:
        tokenizer: Fast or slow.
        text: Anything.
        forbidden: Further tokens that the text must not become, beside the special ones.
        behind: Whether it stands behind other text: some tokenizers put a space before a text of its own.

    Raises:
        ItlError: The text spells a special token, and this tokenizer knows no other way to write that.
    """
    ids = _plain(tokenizer, text, behind)
    never = special_ids(tokenizer) | forbidden
    if never.isdisjoint(ids):
        return ids
    # Tokens that are not declared special, or words of the plain vocabulary: broken up after their first character.
    spelled = list(tokenizer.convert_ids_to_tokens(sorted(never & set(ids))))
    inside = "|".join(f"(?<={re.escape(token[0])})(?={re.escape(token[1:])})" for token in spelled if len(token) > 1)
    pieces = re.split(inside, text) if inside else [text]
    ids = tuple(one for at, piece in enumerate(pieces) for one in _plain(tokenizer, piece, behind or at > 0))
    if never.isdisjoint(ids):
        return ids
    raise ItlError(f"the text spells {spelled}, and this tokenizer cannot tell that from the special token")


def spells_tokens(tokenizer: "PreTrainedTokenizerBase", text: str, others: Set[int] = frozenset()) -> bool:
    """Whether a template's own text would be other tokens than this text from outside: it spells a special token.

    Args:
        tokenizer: Of the model.
        text: From outside.
        others: Tokens that the text must not become either.
    """
    ids = trusted_ids(tokenizer, text)
    return not (special_ids(tokenizer) | others).isdisjoint(ids) or ids != _plain(tokenizer, text)


def trusted_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> tuple[int, ...]:
    """Token ids of a template's own text, where "<eos>" is the end; nothing is added."""
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def continued_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> tuple[int, ...]:
    """Token ids of a template's own text behind other text: without the space before a text of its own."""
    return _behind(tokenizer, text, split=False)


def _plain(tokenizer: "PreTrainedTokenizerBase", text: str, behind: bool = False) -> tuple[int, ...]:
    if behind:
        return _behind(tokenizer, text, split=True)
    return tuple(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _behind(tokenizer: "PreTrainedTokenizerBase", text: str, split: bool) -> tuple[int, ...]:
    """The ids that a text adds to another one; `split` tells whether special tokens in it are characters."""
    settings = {"add_special_tokens": False} | ({"split_special_tokens": True} if split else {})
    for before in (".", "a", "\n"):
        first, both = (tuple(tokenizer(one, **settings)["input_ids"]) for one in (before, before + text))
        if first and tokenizer.unk_token_id not in first and both[: len(first)] == first:
            return both[len(first) :]
    return tuple(tokenizer(text, **settings)["input_ids"])
