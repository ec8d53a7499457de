"""Facts by what a model knows of them, on one side of the split, with all relations mixed."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from itl_bench.data.atlas.facts import Atlas, AtlasFact
from itl_bench.data.atlas.split import Side, side
from itl_bench.data.rows import Fact
from itl_bench.errors import UsageError

Familiarity = Literal["highly-known", "maybe-known", "weakly-known", "unknown"]
KNOWN: tuple[Familiarity, ...] = ("highly-known", "maybe-known")
UNKNOWN: tuple[Familiarity, ...] = ("unknown",)

Classes = Mapping[str, Familiarity]
"""Fact id -> how well a model knows it."""


def facts_of(atlas: Atlas, classes: Classes, wanted: Collection[Familiarity], of: Side) -> list[AtlasFact]:
    """The facts of some classes on one side, in a fixed order of which any first part mixes all relations evenly.

    Raises:
        UsageError: A fact has no class.
    """
    for fact in atlas.facts:
        if fact.id not in classes:
            raise UsageError(
                f"{fact.id} has no class of familiarity: the table is of other facts than version {atlas.version}; "
                "make it again with: itl-bench atlas familiarity MODEL_FOLDER --to FILE"
            )
    return mixed(fact for fact in atlas.facts if classes[fact.id] in wanted and side(fact.subject_id) == of)


def mixed(facts: Iterable[AtlasFact]) -> list[AtlasFact]:
    """Facts in a fixed random order in which each relation is spread evenly."""
    by_relation: defaultdict[str, list[AtlasFact]] = defaultdict(list)
    for fact in facts:
        by_relation[fact.relation].append(fact)
    placed = []
    for name, of_relation in by_relation.items():
        of_relation.sort(key=lambda fact: hashlib.sha256(f"order {fact.id}".encode()).digest())
        placed += [((place + 0.5) / len(of_relation), name, fact) for place, fact in enumerate(of_relation)]
    return [fact for _, _, fact in sorted(placed, key=lambda one: one[:2])]


def as_fact(fact: AtlasFact) -> Fact:
    """A fact as items and prompts hold it."""
    return Fact(subject=fact.subject, attribute=fact.relation, value=fact.value)
