"""Example answers, prepared for a reader: tokens by how far they were shifted, wrong values, where they may be from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from itl_bench.record import ExampleRecord

SHIFTS = ("unshifted", "marginal", "shifted")
MARGINAL, SHIFTED = 2, 4  # the first rank of each class: 1 is unshifted, 2 and 3 are marginal
SHIFT_IN_WORDS = {
    "unshifted": "the base's own first choice (rank 1)",
    "marginal": "its second or third choice",
    "shifted": "a choice the base ranks lower",
}
SPACE_MARKS = {"Ġ": " ", "▁": " "}  # how vocabularies of subwords write a space
CLOSING = re.compile(r"[.,;:!?%)\]}'’]")  # marks that stand right after a word


@dataclass(frozen=True)
class Token:
    """A token of an answer: the space before it and its text, its class of shift, and the words for its rank."""

    space: str
    text: str
    shift: str
    title: str


@dataclass(frozen=True)
class Stretch:
    """Neighbouring tokens that all are, or all are not, part of a wrong value."""

    wrong: bool
    tokens: tuple[Token, ...]


def spaced(tokens: Sequence[str]) -> list[str]:
    """The tokens as text to be joined: those of a vocabulary of whole words get the spaces that it leaves out."""
    texts = [re.sub("[Ġ▁]", lambda mark: SPACE_MARKS[mark[0]], token) for token in tokens]
    if any(character.isspace() for text in texts for character in text):
        return [texts[0].lstrip(), *texts[1:]]
    return [text if index == 0 or CLOSING.match(text) else f" {text}" for index, text in enumerate(texts)]


def answer_text(example: ExampleRecord) -> str:
    """The whole answer."""
    return "".join(spaced(example.tokens)).strip()


def stretches(example: ExampleRecord) -> tuple[Stretch, ...]:
    """The answer's tokens, cut where a wrong value begins and ends."""
    texts = spaced(example.tokens)
    ranks = [*example.ranks[: len(texts)], *[0] * (len(texts) - len(example.ranks))]
    marked = _marked(texts, example.wrong)
    tokens = [_token(text, rank) for text, rank in zip(texts, ranks, strict=True)]
    grouped = groupby(zip(marked, tokens, strict=True), key=lambda pair: pair[0])
    return tuple(Stretch(wrong, tuple(token for _, token in pairs)) for wrong, pairs in grouped)


def shift_of(rank: int) -> str:
    """The class of a token whose choice has this rank in the base; nothing where the rank is unknown (below 1)."""
    if rank < 1:
        return ""
    return SHIFTS[(rank >= MARGINAL) + (rank >= SHIFTED)]


def shift_counts(example: ExampleRecord) -> str:
    """For example "9 tokens: 7 unshifted, 1 marginal, 1 shifted"."""
    found = [token.shift for stretch in stretches(example) for token in stretch.tokens]
    named = ", ".join(f"{found.count(shift)} {shift}" for shift in SHIFTS if shift in found)
    total = f"{len(found)} token{'s' * (len(found) != 1)}"
    return f"{total}: {named}" if named else total


def cut_at_values(text: str, values: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    """A text in parts, each with whether it is one of the values."""
    parts, end = [], 0
    for start, stop in value_spans(text, values):
        parts += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return tuple(part for part in [*parts, (text[end:], False)] if part[0])


def value_spans(text: str, values: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Where values stand in a text as whole words, from the left; of two that overlap the longer one."""
    longest_first = sorted({value for value in values if value.strip()}, key=lambda value: (-len(value), value))
    if not longest_first:
        return ()
    pattern = "|".join(map(re.escape, longest_first))
    return tuple(found.span() for found in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text))


def _marked(texts: Sequence[str], values: Iterable[str]) -> list[bool]:
    """Whether each token holds a part of a value."""
    spans = value_spans("".join(texts), values)
    marked, end = [], 0
    for text in texts:
        start, end = end, end + len(text)
        marked.append(any(start < stop and first < end for first, stop in spans))
    return marked


def _token(text: str, rank: int) -> Token:
    shift, bare = shift_of(rank), text.lstrip()
    space = text[: len(text) - len(bare)]
    return Token(space, bare, shift, f"rank {rank:,} in the base: {shift}" if shift else "rank unknown")
