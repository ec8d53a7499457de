"""A conversation in the tokenizer's own chat template: its ids, and the token that ends the assistant's turns."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from itl_bench.data.tokens.special_tokens import begin_token, special_ids, text_ids, trusted_ids
from itl_bench.errors import ItlError, UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACE = re.compile("\ue000\\d+\ue001")  # stands for a text; of characters that no template writes


def chat_ids(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> tuple[int, ...]:
    """Token ids of a conversation; where the user has the last word, up to where the assistant begins.

    The ids are those of the rendered template, as every other engine has them, unless a text spells a special token:
    then that text is tokenised apart from the rest.

    Args:
        tokenizer: With a chat template.
        contents: What user and assistant say in turn, the user first.

    Raises:
        UsageError: The tokenizer has no chat template.
        ItlError: The template fails, or a text cannot be told from the template.
    """
    text = _rendered(tokenizer, contents)
    marks = special_ids(tokenizer) | {chat_end(tokenizer)}
    spelling = [not marks.isdisjoint(trusted_ids(tokenizer, content)) for content in contents]
    ids = _apart(tokenizer, contents, spelling, text) if any(spelling) else trusted_ids(tokenizer, text)
    begin = begin_token(tokenizer)
    return ids if begin is None or ids[:1] == (begin,) else (begin, *ids)


def chat_end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token with which the chat template ends the assistant's turn: the end token, "<|im_end|>" or another.

    Raises:
        UsageError: The tokenizer has no chat template.
        ItlError: The template ends the turn with no such token: a model could not learn to stop.
    """
    return _chat_end(tokenizer, str(tokenizer.chat_template), tuple(tokenizer.all_special_ids))


@lru_cache(maxsize=2)
def _chat_end(tokenizer: "PreTrainedTokenizerBase", template: str, declared: tuple[int, ...]) -> int:
    """The arguments after the first are what may change of a tokenizer."""
    after = trusted_ids(tokenizer, _around(tokenizer, 2)[-1])
    added = tokenizer.added_tokens_decoder
    marks = special_ids(tokenizer) | {number for number in set(after) & set(added) if added[number].content.strip()}
    found = next((one for one in after if one in marks), None)
    if found is None:
        raise ItlError("the chat template does not end the response with an end token; choose 'alpaca' or 'plain'")
    return found


def _rendered(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> str:
    if not tokenizer.chat_template:
        raise UsageError("the tokenizer has no chat template, and 'chat' needs one; choose 'alpaca' or 'plain'")
    turns = [
        {"role": "assistant" if index % 2 else "user", "content": content} for index, content in enumerate(contents)
    ]
    asked = len(contents) % 2 == 1
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=asked))
    except TemplateError as error:
        raise ItlError(f"the tokenizer's chat template fails: {error}; choose 'alpaca' or 'plain'") from error


def _around(tokenizer: "PreTrainedTokenizerBase", turns: int) -> list[str]:
    """What the template writes before, between and after that many texts."""
    around = PLACE.split(_rendered(tokenizer, [f"\ue000{index}\ue001" for index in range(turns)]))
    if len(around) != turns + 1:
        raise ItlError(f"the chat template writes {len(around) - 1} of {turns} texts; choose 'alpaca' or 'plain'")
    return around


def _apart(
    tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str], spelling: Sequence[bool], text: str
) -> tuple[int, ...]:
    """The texts that spell a special token each tokenised for itself, and everything between them as one."""
    trusted, *others = _around(tokenizer, len(contents))
    for written in (list(contents), [content.strip() for content in contents]):  # many templates strip texts
        if text == trusted + "".join(content + after for content, after in zip(written, others, strict=True)):
            break
    else:
        raise ItlError(
            "a text spells a special token, and the chat template rewrites texts; choose 'alpaca' or 'plain'"
        )
    ids: tuple[int, ...] = ()
    for content, after, spells in zip(written, others, spelling, strict=True):
        if spells:
            ids += trusted_ids(tokenizer, trusted) + text_ids(tokenizer, content, {chat_end(tokenizer)})
            trusted = after
        else:
            trusted += content + after
    return ids + trusted_ids(tokenizer, trusted)
