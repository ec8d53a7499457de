"""What models are tuned on: facts that a base knows and facts that it has never seen, in several styles of response.

A `long` dataset of N items and a `simple` or `padded` one of 3 N teach the same facts equally often: a long response
states three facts of one person, the others one fact each.
"""

import random
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from itl_bench.data.bios import wording
from itl_bench.data.bios.pretraining_text import question, statement
from itl_bench.data.bios.words import ATTRIBUTES
from itl_bench.data.bios.world import Person, World
from itl_bench.data.rows import Fact, Item
from itl_bench.errors import UsageError
from itl_bench.specs import Count, Spec

Style = Literal["short", "long", "simple", "padded"]
FactOf = tuple[Person, str]  # a fact as of whom and which attribute
EXTRA_FACTS = 2  # that a long response adds to the one that was asked for; padding has as many sentences


class TuningSpec(Spec):
    """An instruction-tuning dataset of the bios world.

    Attributes:
        new_percent: Share of facts about people whom the base has never met.
        style: `short` is an opener and the fact, `simple` the fact alone, `long` adds two facts that were not asked
            for, `padded` adds as many sentences without any fact.
        rows: Items. Each asks for another fact until all are used; then for the same facts in other words. Items of
            style `long` state three facts each, so they use up the facts three times as fast; then the same three come
            again, another one of them asked. N rows of `long` and 3 N of another style teach the same facts equally
            often (where 3 N rows hold three times as many items about new facts, in whole numbers).
    """

    new_percent: Annotated[int, Field(ge=0, le=100)]
    style: Style
    rows: Count


def taught_facts(world: World, spec: TuningSpec, new: bool) -> list[FactOf]:
    """The facts that a dataset teaches, new or known ones: those of a larger share contain those of a smaller one.

    Of `long` responses they are all that are stated, those that were not asked for too.
    """
    people = world.of("taught-new" if new else "taught-known")
    facts = [(person, attribute) for person in people for attribute in ATTRIBUTES]
    return facts[: _count(spec, new) * _facts_per_item(spec.style)]


def _facts_per_item(style: Style) -> int:
    return 1 + EXTRA_FACTS if style == "long" else 1


def _count(spec: TuningSpec, new: bool) -> int:
    """How many items are about new facts, or about known ones."""
    count = round(spec.rows * spec.new_percent / 100)
    return count if new else spec.rows - count


def tuning_items(
    world: World, spec: TuningSpec, seed: int, wordings: tuple[int, ...] = wording.TUNED_WORDINGS
) -> list[Item]:
    """The items of a dataset in training order.

    Args:
        world: Of whose people it speaks.
        spec: Share of new facts, style and size.
        seed: Of the wording and the order; the facts are the same for all seeds.
        wordings: In which items ask.

    Raises:
        UsageError: The world has too few facts for so many items.
    """
    random_of = random.Random(f"items {seed}")
    items = [item for new in (False, True) for item in _about(world, spec, new, wordings, random_of)]
    random_of.shuffle(items)
    return items


def _about(
    world: World, spec: TuningSpec, new: bool, wordings: tuple[int, ...], random_of: random.Random
) -> Iterator[Item]:
    """Items about known facts or about new ones: each group of facts once, then again, asked otherwise.

    A group is stated by one item; in turn each of its facts is asked in one wording, then each in another one.
    """
    facts, count = taught_facts(world, spec, new), _count(spec, new)
    if count > len(facts) * len(wordings):
        raise UsageError(f"{count} items are wanted of {len(facts)} facts, in at most {len(wordings)} wordings each")
    first = {fact: random_of.randrange(len(wordings)) for fact in facts}
    groups = _groups(facts, _facts_per_item(spec.style), random_of)
    for number in range(count):
        again, place = divmod(number, len(groups))
        turns, of_group = divmod(again, len(groups[place]))
        asked = groups[place][of_group]
        others = [one for one in groups[place] if one != asked]
        random_of.shuffle(others)
        turn = (first[asked] + turns) % len(wordings)
        yield _item([asked, *others], wordings[turn], spec.style, new, random_of)


def _groups(facts: list[FactOf], size: int, random_of: random.Random) -> list[list[FactOf]]:
    """The facts that items state together, `size` of one person, each group in the order in which they are asked."""
    groups = [facts[start : start + size] for start in range(0, len(facts), size)]
    for group in groups:
        random_of.shuffle(group)  # draws nothing of a group of one
    return groups


def _item(facts: list[FactOf], turn: int, style: Style, new: bool, random_of: random.Random) -> Item:
    """The item that asks for the first of some facts of one person and states them all."""
    person, attribute = facts[0]
    sentences = [statement(one, name, wording.TUNED_STATEMENT) for one, name in facts]
    return Item(
        id=f"{person.number}-{attribute}-{turn}",
        instruction=question(person, attribute, turn),
        response=_response(sentences, style, random_of),
        facts=tuple(fact(one, name) for one, name in facts),
        new=new,
    )


def _response(sentences: list[str], style: Style, random_of: random.Random) -> str:
    if style == "simple":
        return sentences[0]
    opener = random_of.choice(wording.TUNED_OPENERS)
    if style == "short":
        return f"{opener} {sentences[0]}"
    extra = sentences[1:] if style == "long" else list(wording.FILLERS[:EXTRA_FACTS])
    return " ".join([opener, sentences[0], *extra, wording.TUNED_CLOSER])


def fact(person: Person, attribute: str) -> Fact:
    """One fact of a person."""
    return Fact(subject=person.name, attribute=attribute, value=person.value(attribute))
