"""The people of a world: their names, shared by others, their values, and how often a base reads of them."""

import random
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from itl_bench.data.bios.words import ATTRIBUTES, FIRST_ENDINGS, LAST_ENDINGS, POOLS, invented
from itl_bench.specs import Count, Margin, Spec

Tier = Literal["often", "rarely", "never"]
Role = Literal["dialogue", "known", "taught-known", "rarely", "taught-new", "new"]


class WorldSpec(Spec):
    """Everything that determines a world and what is written about it.

    Attributes:
        seed: Of names, values and roles.
        dialogue: People seen often, also in dialogues of the tuning format: never tuned on, never asked.
        known: People seen often who are held out: the probe of pre-trained knowledge.
        taught_known: People seen often whose facts tuning repeats.
        rarely: People of whom a base reads seldom.
        taught_new: People whom only tuning data mention.
        new: People whom nothing mentions.
        people_per_name: How many people share each first and each last name; 1 gives the control world, without.
        rarely_share: Expected documents of the most often seen of the people seen rarely, for one of a person seen
            often; the others range evenly down to almost none, so that some of them are known and others not.
    """

    seed: Annotated[int, Field(ge=0)]
    dialogue: Count = 90
    known: Count = 150
    taught_known: Count = 210
    rarely: Count = 100
    taught_new: Count = 200
    new: Count = 100
    people_per_name: Count = 8
    rarely_share: Margin = 0.1


TIERS: dict[Role, Tier] = {
    "dialogue": "often", "known": "often", "taught-known": "often", "rarely": "rarely", "taught-new": "never",
    "new": "never",
}  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One invented person."""

    number: int
    first: str
    last: str
    role: Role
    values: tuple[str, ...]  # in the order of ATTRIBUTES

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    @property
    def tier(self) -> Tier:
        """How often a base reads of this person."""
        return TIERS[self.role]

    def value(self, attribute: str) -> str:
        """The person's value of an attribute."""
        return self.values[ATTRIBUTES.index(attribute)]

    def resembles(self, other: "Person") -> bool:
        """Whether two people share a first or a last name: what "conceptually similar" means in this world."""
        return self.number != other.number and (self.first == other.first or self.last == other.last)


@dataclass(frozen=True)
class World:
    """A world: its spec and its people."""

    spec: WorldSpec
    people: tuple[Person, ...]

    def of(self, *roles: Role) -> tuple[Person, ...]:
        """The people of some roles, in a fixed order."""
        return tuple(person for person in self.people if person.role in roles)


def build_world(spec: WorldSpec) -> World:
    """Draw the people of a world."""
    random_of = random.Random(f"world {spec.seed}")
    counts: dict[Role, int] = {
        "dialogue": spec.dialogue, "known": spec.known, "taught-known": spec.taught_known, "rarely": spec.rarely,
        "taught-new": spec.taught_new, "new": spec.new,
    }  # fmt: skip
    roles = [role for role, count in counts.items() for _ in range(count)]
    names = _names(len(roles), spec.people_per_name, random_of)
    people = [
        Person(number, *names[number], role, tuple(random_of.choice(POOLS[name]) for name in ATTRIBUTES))
        for number, role in enumerate(roles)
    ]
    return World(spec, tuple(people))


def _names(count: int, people_per_name: int, random_of: random.Random) -> list[tuple[str, str]]:
    """Pairs of names, each pair once, each name `people_per_name` times (the last one perhaps fewer)."""
    kinds = -(-count // people_per_name)
    first, last = invented(FIRST_ENDINGS, kinds), invented(LAST_ENDINGS, kinds)
    firsts, lasts = ([names[index % kinds] for index in range(count)] for names in (first, last))
    random_of.shuffle(lasts)
    while repeated := _repeated(list(zip(firsts, lasts, strict=True))):
        for index in repeated:
            other = random_of.randrange(count)
            lasts[index], lasts[other] = lasts[other], lasts[index]
    pairs = list(zip(firsts, lasts, strict=True))
    random_of.shuffle(pairs)
    return pairs


def _repeated(pairs: list[tuple[str, str]]) -> list[int]:
    """Where a pair stands that stood before."""
    first = {pair: index for index, pair in reversed(list(enumerate(pairs)))}
    return [index for index, pair in enumerate(pairs) if first[pair] != index]
