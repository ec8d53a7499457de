"""Facts by what a model knows of them, on one side of the split: in one mix of relations, whatever the class."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from functools import cache
from typing import Literal

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.rows import Fact
from itl_bench.errors import UsageError

Side = Literal["taught", "held-out"]
Familiarity = Literal["highly-known", "maybe-known", "weakly-known", "unknown"]
KNOWN: tuple[Familiarity, ...] = ("highly-known", "maybe-known")
UNKNOWN: tuple[Familiarity, ...] = ("unknown",)
Classes = Mapping[str, Familiarity]
"""Fact id -> how well a model knows it."""


@cache
def side(subject_id: str) -> Side:
    """The side of a subject: an even draw by hash, so that it depends neither on the model nor on the other subjects.

    All facts of a subject are on one side. No fact can be derived from one of another subject: capitals are no cities
    of the atlas, whose country would be the same fact turned round, and places within a larger city have been left out.
    A city and its country may be on different sides: the one fact that links them belongs to the city alone.
    """
    return "taught" if hashlib.sha256(f"split {subject_id}".encode()).digest()[0] % 2 == 0 else "held-out"


def pool(atlas: Atlas, classes: Classes, wanted: Collection[Familiarity], of: Side) -> list[AtlasFact]:
    """The facts of some classes on one side, of relations that have both known and unknown facts."""
    mix = relation_mix(atlas, classes)
    return [
        fact
        for fact in atlas.facts
        if mix[fact.relation] and classes[fact.id] in wanted and side(fact.subject_id) == of
    ]


def draw(atlas: Atlas, classes: Classes, wanted: Collection[Familiarity], of: Side, seed: str) -> list[AtlasFact]:
    """Facts drawn at random, of which any first part has the same mix of relations, known or unknown, taught or not.

    Within a relation every fact of the pool is equally likely to be drawn. Of a relation come as many facts as its
    scarcest kind has, so that what is known and what is new have the same relations; their answers may still differ.

    Args:
        atlas: The facts.
        classes: How well a model knows each.
        wanted: Classes to draw from.
        of: Side of the split.
        seed: Of the draw.

    Raises:
        UsageError: A fact has no class.
    """
    mix = relation_mix(atlas, classes)
    by_relation: defaultdict[str, list[AtlasFact]] = defaultdict(list)
    for fact in pool(atlas, classes, wanted, of):
        by_relation[fact.relation].append(fact)
    placed = []
    for name, facts in by_relation.items():
        facts.sort(key=lambda fact: hashlib.sha256(f"order {seed} {fact.id}".encode()).digest())
        placed += [((place + 0.5) / mix[name], name, fact) for place, fact in enumerate(facts[: mix[name]])]
    return [fact for _, _, fact in sorted(placed, key=lambda one: one[:2])]


def relation_mix(atlas: Atlas, classes: Classes) -> Counter[str]:
    """Relation -> the facts of its scarcest kind: known or unknown, taught or held out.

    Raises:
        UsageError: A fact has no class.
    """
    kinds: dict[tuple[bool, Side], Counter[str]] = {
        (known, of): Counter() for known in (True, False) for of in ("taught", "held-out")
    }
    for fact in atlas.facts:
        if fact.id not in classes:
            raise UsageError(
                f"{fact.id} has no class of familiarity: the table is of other facts than version {atlas.version}; "
                "make it again with: itl-bench atlas familiarity MODEL_FOLDER --to FILE"
            )
        if classes[fact.id] in (*KNOWN, *UNKNOWN):
            kinds[classes[fact.id] in KNOWN, side(fact.subject_id)][fact.relation] += 1
    return Counter({relation.id: min(kind[relation.id] for kind in kinds.values()) for relation in atlas.relations})


def as_fact(fact: AtlasFact) -> Fact:
    """A fact as items and prompts hold it."""
    return Fact(subject=fact.subject, attribute=fact.relation, value=fact.value)
