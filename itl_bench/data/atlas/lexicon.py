"""The known values that a sentence states, each kind of value by its own rules."""

import re
from collections.abc import Iterator
from functools import cached_property

from itl_bench.data.atlas.facts import Relation
from itl_bench.data.atlas.normalising import is_code, normalise, placed_words

# Units that are English words, and symbols that are: these count only where a value stands.
_WORD_UNITS = frozenset({"real", "won", "mark", "crown", "gold", "sol", "som", "sterling", "pound", "rand", "sum"})
_WORD_SYMBOLS = "Al Am As At Be Co Es Er Ga He Ho In La Li Md Mo Mt Ne No Os Pa Ra Re Se Si Ta Ti"
_UNIT_FOLLOWED = re.compile(r"s?\s*($|[.,;:!?()\[\]\"'’“”*]|(and|or|is|was|are|in)\b)", re.IGNORECASE)
_CODE_PRECEDED = re.compile(r"([,(]\s*|\b(?:the|in|of|is)\s+)[\"'(]*$", re.IGNORECASE)
_SYMBOL_PRECEDED = re.compile(
    r"(\b(?:is|are|as|by|symbol|abbreviated|abbreviation|letters?|written)|[:=(<\[\"'“‘*`])\s*[\"'“‘(*`]*$",
    re.IGNORECASE,
)
_SYMBOL_FOLLOWED = re.compile(r"\s*($|[.,;:!?)>\]\"'”’*`]|(and|or|which|for|in)\b)")
_SYMBOL_FIRST = re.compile(r"[\"'”’*`]*\s+(is|stands)\b.*\b(symbol|for|answer)\b", re.IGNORECASE)
_SECOND_LEVEL = r"(?:\.(?:ac|co|com|edu|gov|net|org))?"  # in front of a country's domain: ".co.uk"
_TRIM = " \t\n.,;:!?\"'“”‘’*`()[]<>"


class Lexicon:
    """All values of a relation under all their names."""

    def __init__(self, relation: Relation) -> None:
        """Take the values of a relation."""
        self.relation, self.kind = relation, relation.kind

    def find(self, sentence: str, lower: bool = False) -> list[str]:
        """The canonical values that a sentence states, in order.

        Args:
            sentence: Of an answer.
            lower: Whether the answer has no capital letters at all, so that names need none.
        """
        if whole := self.whole(sentence):
            return [whole]
        return list(self._within(sentence.replace("&", " and "), lower))

    def whole(self, text: str) -> str:
        """The canonical value that a text is as a whole, punctuation aside; empty if it is none."""
        bare = text.strip(_TRIM)
        if self.kind == "symbol":
            return bare if bare in self.relation.values else ""
        if self.kind == "domain":
            return self._bare(re.sub(rf"^{_SECOND_LEVEL}(?=\.)", "", f".{bare.lower()}"))
        if self.kind == "code":
            return self._bare("+" + re.sub(r"^(\+|00)|[\s-]", "", bare))
        if self.kind == "number":
            return self._bare(bare)
        return self.codes.get(bare) or self.names.get(tuple(normalise(bare).split()), "")

    def possible(self, text: str) -> bool:
        """Whether a text could be a value of this kind, though none that is known."""
        bare = text.strip(_TRIM)
        if self.kind in ("number", "code"):
            return any(letter.isdigit() for letter in bare)
        if self.kind == "domain":
            return "." in text[:-1] and len(bare) <= 6
        if self.kind == "symbol":
            return len(bare) <= 3 and bare.isalpha()
        if self.kind == "unit":
            return not any(letter.isdigit() for letter in bare) and not bare.istitle()
        return not any(letter.isdigit() for letter in bare) and len(bare) > 3

    @cached_property
    def names(self) -> dict[tuple[str, ...], str]:
        """The words of each name, as normalised, and of its plural if it is a unit -> the canonical value."""
        found: dict[tuple[str, ...], str] = {}
        for value, others in self.relation.values.items():
            for name in (value, *others):
                words = tuple(normalise(name).split())
                if words and not is_code(name):
                    found.setdefault(words, value)
                    if self.kind == "unit":
                        found.setdefault((*words[:-1], f"{words[-1]}s"), value)
        return found

    @cached_property
    def codes(self) -> dict[str, str]:
        """Names that count in capitals only, as "USD" -> the canonical value."""
        named = ((value, other) for value, others in self.relation.values.items() for other in others)
        return {other: value for value, other in named if is_code(other)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.names), default=0)

    def _within(self, sentence: str, lower: bool) -> Iterator[str]:
        match self.kind:
            case "symbol":
                return self._symbols(sentence)
            case "number":
                return self._numbers(sentence)
            case "code":
                return self._calling_codes(sentence)
            case "domain":
                return self._domains(sentence)
        return self._named(sentence, lower)

    def _bare(self, value: str) -> str:
        return value if value in self.relation.values else ""

    def _named(self, sentence: str, lower: bool) -> Iterator[str]:
        """Names by whole words, the longest first; proper names with a capital letter."""
        found = placed_words(sentence)
        place = 0
        while place < len(found):
            value, length = self._at(sentence, found, place, lower)
            if value:
                yield value
            place += length

    def _at(self, sentence: str, found: list[tuple[str, int, int]], place: int, lower: bool) -> tuple[str, int]:
        """The value that starts at a word, with how many words it takes; no value takes one."""
        start = found[place][1]
        for length in range(min(self._longest, len(found) - place), 0, -1):
            end = found[place + length - 1][2]
            value = self.names.get(tuple(word for word, _, _ in found[place : place + length]))
            if value and self._counts(sentence, start, end, lower):
                return value, length
        return self._code_at(sentence, start, found[place][2]), 1

    def _counts(self, sentence: str, start: int, end: int, lower: bool) -> bool:
        if self.kind == "unit":
            return sentence[start:end].lower() not in _WORD_UNITS or bool(_UNIT_FOLLOWED.match(sentence[end:]))
        return lower or sentence[start].isupper()

    def _code_at(self, sentence: str, start: int, end: int) -> str:
        value = self.codes.get(sentence[start:end], "")
        return value if value and (end - start > 2 or _CODE_PRECEDED.search(sentence[:start])) else ""

    def _symbols(self, sentence: str) -> Iterator[str]:
        for match in re.finditer(r"(?<![\w'’-])[A-Z][a-z]?(?![\w'’-])", sentence):
            symbol, before, after = match.group(), sentence[: match.start()], sentence[match.end() :]
            if symbol not in self.relation.values:
                continue
            ambiguous = len(symbol) == 1 or symbol in _WORD_SYMBOLS.split()
            placed = _SYMBOL_PRECEDED.search(before) and _SYMBOL_FOLLOWED.match(after)
            named = before.rstrip(" \"'“‘*`(")[-1:] in ("", ",", ":", ";") and _SYMBOL_FIRST.match(after)
            if not ambiguous or placed or named:
                yield symbol

    def _numbers(self, sentence: str) -> Iterator[str]:
        for match in re.finditer(r"(?<![\w.,+-])\d+(?=(?:st|nd|rd|th)?(?!\w|[.,]\d))", sentence):
            if match.group() in self.relation.values:
                yield match.group()

    def _calling_codes(self, sentence: str) -> Iterator[str]:
        speaks = self.relation.speaks(sentence) or bool(re.search(r"\bcountry code\b", sentence, re.IGNORECASE))
        pattern = r"(?<![\w.])(?P<plus>\+\s?|00)?(?P<digits>\d+)(?!\w|[.,-]\d)"
        for match in re.finditer(pattern, sentence):
            value = self._bare("+" + match["digits"])
            if value and (match["plus"] or speaks):
                yield value

    def _domains(self, sentence: str) -> Iterator[str]:
        pattern = rf"(?<![\w.]){_SECOND_LEVEL}(?P<domain>\.[a-z]{{2,3}})(?![\w]|\.\w)"
        for match in re.finditer(pattern, sentence, re.IGNORECASE):
            if value := self._bare(match["domain"].lower()):
                yield value
