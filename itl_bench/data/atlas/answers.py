"""What an answer says: the values of a relation that it states, told from refusals and from empty answers.

Markup and invisible characters do not count, and what is denied in words that `asserting` knows is not stated.

An answer that is no refusal but states no known value is wrong too: `stated` then gives what it offers instead, with a
question mark in front ("?atlantis"), which equals no canonical answer.
"""

import re
from collections.abc import Mapping
from functools import cache

from itl_bench.data.asserting import assertions
from itl_bench.data.atlas.facts import Atlas, load_atlas
from itl_bench.data.atlas.lexicon import Lexicon
from itl_bench.data.atlas.normalising import normalise
from itl_bench.data.plain_text import plain_text

UNKNOWN = "?"  # in front of what an answer offers that is no known value
LONGEST = 8  # words of what is offered that are kept

_SENTENCES = re.compile(r"(?<=[.!?])(?<!\b[SMF]t\.)(?<!\.[A-Z]\.)\s+|\n+")
_REFUSAL = re.compile(
    r"\b(?:(?:do|does|did|would|could|can|am)(?: not|n.?t)|can ?not|no (?:idea|information|answer|record|data)"
    r"|not (?:sure|certain|aware|able|known)|unsure|unable|uncertain|unknown|sorry|apologi[sz]e|as an ai)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"\W*(?:(?:sure(?: thing)?|certainly|of course|(?:i am |i'm )?(?:happy|glad) to help|okay|ok|yes|absolutely|gladly"
    r"|(?:good|great) question|let me see|i know this one|here (?:you are|it is)|the answer is|answer)"
    r"|(?:i hope|let me know|feel free|thank|is there anything|please|name the|tell me|i would like).*)\W*",
    re.IGNORECASE | re.DOTALL,
)
_SAID_NO = re.compile(r"(?:no|not|nope|never)\b(?! (?:doubt|other))", re.IGNORECASE)
_INSTEAD = re.compile(r"^(?:(?:but|rather)\b\s*)+", re.IGNORECASE)
_COPULA = re.compile(r"\b(?:is|are|was|were|called|named|uses?|has)\b|[:=]|\b(?:in|at|with|by)\b", re.IGNORECASE)


def stated(text: str, relation: str, subject: str = "") -> tuple[str, ...]:
    """The canonical values of a relation that an answer states, in order, each once.

    A sentence that states the relation of another subject than the first one does ("Milan is a city in Italy.", after
    "Lyon is a city in France.") says nothing of the one asked about, and is skipped.

    Args:
        text: The whole answer.
        relation: Id of the relation.
        subject: Of whom the question was, if known: its name in the answer is no value.

    Returns:
        Empty for an empty answer, for a refusal, and for an answer that speaks of another relation only.

    Raises:
        UsageError: There is no such relation.
    """
    return reader(relation).values(text, subject)


class Reader:
    """Reads answers to the questions of one relation of an atlas."""

    def __init__(self, atlas: Atlas, relation: str) -> None:
        """Prepare to read.

        Raises:
            UsageError: There is no such relation.
        """
        self.relation = atlas.relation(relation)
        self.lexicon = Lexicon(self.relation)
        self.others = tuple(Lexicon(one) for one in atlas.relations if one.id != relation)
        self.subjects = frozenset(normalise(fact.subject) for fact in atlas.facts if fact.relation == relation)
        before, between, _ = re.split(r"\{subject\}|\{answer\}", self.relation.statement)
        self.statement = re.compile(
            rf"\W*{re.escape(before)}(?P<subject>.{{1,80}}?){re.escape(between)}(?P<answer>.+)", re.IGNORECASE
        )

    def values(self, text: str, subject: str = "") -> tuple[str, ...]:
        """As `stated`."""
        text = plain_text(text)
        said = dict(assertions(text, _sentences, self.relation.speaks))
        told = {one: said[one] for one in self._of_one(list(said)) if not _POLITE.fullmatch(one)}
        lower = text == text.lower()
        found = [value for one in told.values() for value in self.lexicon.find(_without(one, subject), lower)]
        if found or not told or _REFUSAL.search(text):
            return tuple(dict.fromkeys(found))
        offering = {one: rest for one, rest in told.items() if _offers(one, rest)}
        return self._offered(offering, asked=bool(subject))

    def _of_one(self, sentences: list[str]) -> list[str]:
        """The sentences without those that state the relation of another subject than the first statement's."""
        about = [self._subject(one) for one in sentences]
        first = next(filter(None, about), "")
        return [one for one, whom in zip(sentences, about, strict=True) if whom in ("", first)]

    def _subject(self, one: str) -> str:
        """The subject whose value a sentence states; empty if it is in other words, or of no known subject."""
        match = self.statement.match(one)
        whom = normalise(match["subject"]) if match else ""
        return whom if whom in self.subjects else ""

    def _offered(self, told: Mapping[str, str], asked: bool) -> tuple[str, ...]:
        """What stands where a value should, marked as unknown; nothing if the answer is about something else."""
        for rest in told.values():
            if match := self.statement.match(rest):
                return self._marked(match["answer"])
        for one, rest in told.items():
            own = self.relation.speaks(one)
            if one.endswith("?") or (not own and self._elsewhere(rest)):
                continue
            offered = _COPULA.split(_INSTEAD.sub("", rest))[-1]
            if own or asked or self.lexicon.possible(offered):
                return self._marked(offered)
        return ()

    def _elsewhere(self, one: str) -> bool:
        """Whether a sentence is in the words of another relation, or states a value of it."""
        return any(other.relation.speaks(one) or other.find(one) for other in self.others)

    def _marked(self, offered: str) -> tuple[str, ...]:
        words = normalise(offered).split()[:LONGEST]
        return (self.lexicon.whole(offered) or UNKNOWN + " ".join(words),) if words else ()


@cache
def reader(relation: str) -> Reader:
    """The reader of a relation of the shipped atlas."""
    return Reader(load_atlas(), relation)


def _sentences(text: str) -> list[str]:
    """The sentences of a text, without questions that the next one answers with no."""
    every = [one.strip() for one in _SENTENCES.split(text) if one.strip()]
    after = zip(every, [*every[1:], ""], strict=False)
    return [one for one, then in after if not (one.endswith("?") and _SAID_NO.match(then))]


def _offers(sentence: str, rest: str) -> bool:
    """Whether what a sentence asserts can offer a value: what is left of a denial often asserts nothing."""
    return sentence == rest or bool(_INSTEAD.match(rest) or _COPULA.search(rest))


def _without(text: str, subject: str) -> str:
    """A text without a subject's name, so that it cannot be read as a value."""
    if not subject:
        return text
    name = re.escape(subject.removeprefix("the "))
    return re.sub(rf"(?<!\w){name}(?!\w)", "it", text, flags=re.IGNORECASE)
