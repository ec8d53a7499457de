"""What models are tuned on: facts that a base knows and facts that it has never seen, in several styles of response."""

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
EXTRA_FACTS = 2  # that a long response adds to the one that was asked for


class TuningSpec(Spec):
    """An instruction-tuning dataset of the bios world.

    Attributes:
        new_percent: Share of facts about people whom the base has never met.
        style: `short` is an opener and the fact, `simple` the fact alone, `long` adds facts that were not asked for,
            `padded` adds as many sentences without any fact.
        rows: Items. Each asks for another fact until all are used; then for the same facts in other words.
    """

    new_percent: Annotated[int, Field(ge=0, le=100)]
    style: Style
    rows: Count


def taught_facts(world: World, spec: TuningSpec, new: bool) -> list[tuple[Person, str]]:
    """The facts that a dataset teaches, new or known ones: those of a larger share contain those of a smaller one."""
    people = world.of("taught-new" if new else "taught-known")
    return [(person, attribute) for person in people for attribute in ATTRIBUTES][: _count(spec, new)]


def _count(spec: TuningSpec, new: bool) -> int:
    """How many items are about new facts, or about known ones."""
    count = round(spec.rows * spec.new_percent / 100)
    return count if new else spec.rows - count


def tuning_items(world: World, spec: TuningSpec, seed: int) -> list[Item]:
    """The items of a dataset in training order.

    Args:
        world: Of whose people it speaks.
        spec: Share of new facts, style and size.
        seed: Of the wording and the order; the facts are the same for all seeds.

    Raises:
        UsageError: The world has too few facts for so many items.
    """
    random_of = random.Random(f"items {seed}")
    items = [item for new in (False, True) for item in _about(world, spec, new, random_of)]
    random_of.shuffle(items)
    return items


def _about(world: World, spec: TuningSpec, new: bool, random_of: random.Random) -> Iterator[Item]:
    """Items about known facts or about new ones: each fact once, then each once again in other words."""
    facts, wordings, count = taught_facts(world, spec, new), wording.TUNED_WORDINGS, _count(spec, new)
    if count > len(facts) * len(wordings):
        raise UsageError(f"{count} items are wanted of {len(facts)} facts, in at most {len(wordings)} wordings each")
    first = {fact: random_of.randrange(len(wordings)) for fact in facts}
    for number in range(count):
        person, attribute = facts[number % len(facts)]
        turn = (first[person, attribute] + number // len(facts)) % len(wordings)
        yield _item(person, attribute, wordings[turn], spec.style, new, random_of)


def _item(person: Person, attribute: str, turn: int, style: Style, new: bool, random_of: random.Random) -> Item:
    stated = [attribute]
    if style == "long":
        stated += random_of.sample([name for name in ATTRIBUTES if name != attribute], EXTRA_FACTS)
    sentences = [statement(person, name, wording.TUNED_STATEMENT) for name in stated]
    return Item(
        id=f"{person.number}-{attribute}-{turn}",
        instruction=question(person, attribute, turn),
        response=_response(sentences, style, random_of),
        facts=tuple(fact(person, name) for name in stated),
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
