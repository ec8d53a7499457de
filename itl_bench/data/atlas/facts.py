"""What the atlas holds: relations, their facts, and how both are put into words."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from itl_bench.errors import UsageError, unknown
from itl_bench.specs import Count, Identifier, Spec, Text

FACTS = Path(__file__).with_name("facts.json")

Kind = Literal["name", "unit", "symbol", "number", "code", "domain"]
"""How values are written: proper names, units of money, element symbols, whole numbers, +33, .fr"""


class Relation(Spec):
    """What is asked of a subject, and in which words.

    Attributes:
        title: What a value is, in words.
        cues: Beginnings of words that tell a sentence about this relation from one about another.
        questions: Wordings that tuning data use, with `{subject}`.
        probe_questions: Two other wordings, which only probes use.
        statement: A fact as a sentence, with `{subject}` and `{answer}`.
        shot: The short form of few-shot prompts.
        values: Canonical value -> its other names, for all values of this kind, also those that no fact has.
    """

    id: Identifier
    title: Text
    kind: Kind
    cues: tuple[Text, ...]
    questions: Annotated[tuple[Text, ...], Field(min_length=5)]
    probe_questions: tuple[Text, Text]
    statement: Text
    shot: Text
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def wordings(self) -> tuple[str, ...]:
        """All questions: first those of tuning data, then those of probes."""
        return self.questions + self.probe_questions

    def speaks(self, text: str) -> bool:
        """Whether a text has a word that tells this relation from others."""
        words = re.findall(r"[a-z]+", text.lower())
        return any(word.startswith(cue) for word in words for cue in self.cues)

    def question(self, subject: str, number: int) -> str:
        """The question number `number` of `wordings` about a subject."""
        return sentence(self.wordings[number], subject)


class AtlasFact(Spec):
    """A fact: a subject and the values that are right.

    Attributes:
        id: Relation and the subject's key, as "capital/FR".
        subject: As it stands within a sentence, with its article: "the Netherlands".
        subject_id: As "country/FR"; facts of one subject share it.
        answers: All accepted answers, the canonical one first.
        near: Ids of subjects that are conceptually near.
    """

    id: Text
    relation: Identifier
    subject: Text
    subject_id: Text
    answers: Annotated[tuple[Text, ...], Field(min_length=1)]
    near: tuple[Text, ...] = ()

    @property
    def value(self) -> str:
        """The canonical answer."""
        return self.answers[0]

    @property
    def stated_value(self) -> str:
        """The canonical answer as it stands within a sentence, with its article."""
        return f"the {self.value}" if f"the {self.value}" in self.answers else self.value


class Atlas(Spec):
    """All facts of one data version.

    Attributes:
        version: Of the data; it grows with every change of the facts or their wording.
        sources: Package -> its version.
        attribution: What the licences of the sources ask to be said.
        counts: Relation -> facts.
        removed: Relation -> rule -> candidates that the rule left out.
    """

    version: Count
    sources: dict[str, Text]
    attribution: tuple[Text, ...]
    counts: dict[str, int]
    removed: dict[str, dict[str, int]]
    relations: tuple[Relation, ...]
    facts: tuple[AtlasFact, ...]

    def relation(self, name: str) -> Relation:
        """A relation by id.

        Raises:
            UsageError: There is none of this id.
        """
        if name not in self._relations:
            raise UsageError(unknown("relation", name, self._relations))
        return self._relations[name]

    def statement(self, fact: AtlasFact) -> str:
        """A fact as a sentence."""
        return sentence(self.relation(fact.relation).statement, fact.subject, fact.stated_value)

    def of(self, subject_id: str) -> tuple[AtlasFact, ...]:
        """All facts of a subject, in the order of the relations."""
        return self.by_subject.get(subject_id, ())

    @cached_property
    def sha256(self) -> str:
        """The hash of everything in it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @cached_property
    def by_subject(self) -> Mapping[str, tuple[AtlasFact, ...]]:
        """Subject id -> its facts."""
        found: dict[str, tuple[AtlasFact, ...]] = {}
        for fact in self.facts:
            found[fact.subject_id] = (*found.get(fact.subject_id, ()), fact)
        return found

    @cached_property
    def _relations(self) -> Mapping[str, Relation]:
        return {relation.id: relation for relation in self.relations}


def sentence(template: str, subject: str, answer: str = "") -> str:
    """Fill in a wording; the first letter becomes a capital ("The Netherlands ...")."""
    text = template.format(subject=subject, answer=answer)
    return text[:1].upper() + text[1:]


@cache
def load_atlas() -> Atlas:
    """The atlas that ships with the package."""
    return read_atlas(FACTS)


def read_atlas(path: Path) -> Atlas:
    """Read what `itl-bench atlas make` wrote.

    Raises:
        UsageError: There is no such file, or it holds no atlas.
    """
    try:
        return Atlas.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path} holds no atlas ({reason}); make one with: itl-bench atlas make {path}") from error


def as_text(atlas: Atlas) -> str:
    """The atlas as JSON that `read_atlas` reads, so laid out that a changed fact is a changed line."""
    fields = atlas.model_dump(mode="json")
    lines = [f"{json.dumps(name)}: {_laid_out(value)}" for name, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _laid_out(value: object) -> str:
    """Lists of objects an object a line, all else on one line."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)
