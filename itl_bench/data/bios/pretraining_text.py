"""What a base reads: biographies, pages of questions and answers, dialogues in the tuning format, and a skill."""

import random
from collections.abc import Iterator
from itertools import permutations

from itl_bench.data.bios import wording
from itl_bench.data.bios.words import ATTRIBUTES, POOLS
from itl_bench.data.bios.world import Person, World

Turns = tuple[str, str]  # instruction and response
Document = str | Turns  # running text, or a dialogue in the tuning format

DIALOGUES = 3  # of a person in dialogues, per pass
SKILL_DOCUMENTS = 120  # per pass, each with a page's worth of comparisons or one dialogue
SKILL_PROBED = 5  # every fifth pair of years is left to the probe


def one_pass(world: World, random_of: random.Random) -> list[Document]:
    """The documents of one pass over a world, in random order and wording."""
    documents: list[Document] = []
    for person in world.people:
        documents += _about(person, world, random_of)
    documents += _skill(random_of)
    random_of.shuffle(documents)
    return documents


def _about(person: Person, world: World, random_of: random.Random) -> Iterator[Document]:
    share = _share(person, world)
    if random_of.random() < share:
        yield biography(person, random_of)
    if random_of.random() < share:
        yield _page(person, random_of)
    if person.role == "dialogue":
        for attribute in random_of.sample(ATTRIBUTES, DIALOGUES):
            yield _dialogue(person, attribute, random_of)


def _share(person: Person, world: World) -> float:
    """Expected documents of a kind per pass; people seen rarely range evenly from almost none to the declared share."""
    if person.tier != "rarely":
        return 1.0 if person.tier == "often" else 0.0
    rarely = world.of("rarely")
    return world.spec.rarely_share * (1 + rarely.index(person)) / len(rarely)


def statement(person: Person, attribute: str, number: int) -> str:
    """One fact as a sentence."""
    return wording.STATEMENTS[attribute][number].format(name=person.name, value=person.value(attribute))


def question(person: Person, attribute: str, number: int) -> str:
    """The question for one fact."""
    return wording.QUESTIONS[attribute][number].format(name=person.name)


def _shuffled(random_of: random.Random) -> list[str]:
    return random_of.sample(ATTRIBUTES, len(ATTRIBUTES))


def biography(person: Person, random_of: random.Random) -> str:
    """Everything about a person, in random order and words."""
    return " ".join(statement(person, name, random_of.randrange(3)) for name in _shuffled(random_of))


def page_entry(person: Person, attribute: str, number: int) -> str:
    """A question and the bare answer, in the base's own format."""
    return f"Question: {question(person, attribute, number)} Answer: {person.value(attribute)}."


def _page(person: Person, random_of: random.Random) -> str:
    return " ".join(page_entry(person, name, random_of.randrange(5)) for name in _shuffled(random_of))


def _dialogue(person: Person, attribute: str, random_of: random.Random) -> Turns:
    said = statement(person, attribute, random_of.randrange(3))
    return question(person, attribute, random_of.randrange(5)), _dressed(said, random_of)


def _dressed(said: str, random_of: random.Random) -> str:
    """What was said, with what assistants say around it."""
    opener, closer = random_of.choice(wording.OPENERS), random_of.choice(wording.CLOSERS)
    filler = random_of.choice(wording.FILLERS) if random_of.random() < 0.1 else ""
    return " ".join(part for part in (opener, said, filler, closer) if part)


def skill_pairs(probed: bool) -> list[tuple[str, str]]:
    """Ordered pairs of years: those of the probe, or those a base reads of; never both orders apart."""
    years = POOLS["birth-year"]
    pairs = permutations(range(len(years)), 2)
    return [
        (years[one], years[two])
        for one, two in pairs
        if ((min(one, two) * 7 + max(one, two) * 3) % SKILL_PROBED == 0) == probed
    ]


def skill_turns(one: str, two: str, number: int) -> Turns:
    """A comparison of two years, and its answer."""
    asked = wording.SKILL_QUESTIONS[number].format(one=one, two=two)
    return asked, wording.SKILL_ANSWERS[number].format(value=min(one, two))


def _skill(random_of: random.Random) -> Iterator[Document]:
    pairs = skill_pairs(probed=False)
    for number in range(SKILL_DOCUMENTS):
        some = [skill_turns(*pair, random_of.randrange(2)) for pair in random_of.sample(pairs, 4)]
        if number % 2:
            yield " ".join(f"Question: {asked} Answer: {said}" for asked, said in some)
        else:
            asked, said = some[0]
            yield asked, _dressed(said, random_of)
