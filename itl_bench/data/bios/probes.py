"""What models are asked: facts of held-out people, facts that tuning taught, a skill, and people nobody has met."""

import random
from collections.abc import Sequence
from typing import Literal

from itl_bench.data.bios import wording
from itl_bench.data.bios.pretraining_text import question, skill_pairs, skill_turns
from itl_bench.data.bios.tuning_items import FactOf, TuningSpec, fact, taught_facts
from itl_bench.data.bios.words import ATTRIBUTES
from itl_bench.data.bios.world import Person, World
from itl_bench.data.rows import Candidate, Fact, Prompt
from itl_bench.errors import UsageError

Probe = Literal["bios-known", "bios-taught", "bios-skill", "bios-new", "bios-rarely"]
PER_PERSON = 3  # facts asked of each held-out person
SKILL_PROMPTS = 400
TAUGHT_FACTS = 300  # asked at most, each in two wordings
FIRST, SECOND = wording.PROBE_WORDINGS


def probe_prompts(world: World, probe: Probe, dataset: TuningSpec | None = None) -> list[Prompt]:
    """The prompts of a probe: the same for every model, method, rate and replicate.

    Args:
        world: Of whose people they ask.
        probe: Which of the probes.
        dataset: For `bios-taught`, the dataset whose new facts are asked for in words that it does not use.
    """
    if probe == "bios-skill":
        return _skill_prompts()
    if probe == "bios-taught":
        return [_prompt(world, person, name, turn) for person, name in _taught(world, dataset) for turn in (0, 1)]
    role: Literal["known", "new", "rarely"] = {"bios-known": "known", "bios-new": "new", "bios-rarely": "rarely"}[probe]  # type: ignore[assignment]
    people = world.of(role)
    return [_prompt(world, person, name, person.number % 2) for person in people for name in _asked(person, people)]


def _taught(world: World, dataset: TuningSpec | None) -> list[FactOf]:
    """The new facts of a dataset, or its known ones where it has no others: all of them, or a random part of many."""
    if dataset is None:
        raise UsageError("the probe bios-taught asks for the facts of a dataset; name one")
    facts = taught_facts(world, dataset, new=dataset.new_percent > 0)
    return random.Random("taught").sample(facts, TAUGHT_FACTS) if len(facts) > TAUGHT_FACTS else facts


def _asked(person: Person, people: tuple[Person, ...]) -> tuple[str, ...]:
    """The facts asked of one person, all attributes equally often over many; all of them where people are few."""
    if len(people) * PER_PERSON < 400:
        return ATTRIBUTES
    start = person.number % len(ATTRIBUTES)
    return tuple(ATTRIBUTES[(start + step) % len(ATTRIBUTES)] for step in range(PER_PERSON))


def _prompt(world: World, person: Person, attribute: str, turn: int) -> Prompt:
    asked, other = wording.PROBE_WORDINGS[turn], wording.PROBE_WORDINGS[1 - turn]
    return Prompt(
        id=f"{person.number}-{attribute}-{asked}",
        unit=str(person.number),
        instruction=question(person, attribute, asked),
        paraphrase=question(person, attribute, other),
        fact=fact(person, attribute),
        truths={name: person.value(name) for name in ATTRIBUTES},
        similar=tuple(one.name for one in world.people if one.resembles(person)),
    )


def with_candidates(prompts: Sequence[Prompt], world: World) -> list[Prompt]:
    """The prompts, each with the people who share a name with the one asked about, by what could have been taught.

    Names and values are drawn whatever role people have, so which people of a tier a dataset teaches is a uniform draw,
    and a base cannot tell it from what it read: of the people seen often some are taught and others held out, of those
    never seen some are taught and others left out. It is one draw in a world, the same for all tuning seeds. No dataset
    teaches people in dialogues or people seen rarely: they are groups of their own, of which nobody is drawn.

    Args:
        prompts: Of a probe, as they are asked.
        world: The probe's.
    """
    people = {person.name: person for person in world.people}
    return [
        prompt.model_copy(
            update={"candidates": tuple(_candidate(people[name], prompt.fact.attribute) for name in prompt.similar)}
        )
        if prompt.fact
        else prompt
        for prompt in prompts
    ]


def _candidate(person: Person, attribute: str) -> Candidate:
    group = "in dialogues" if person.role == "dialogue" else f"seen {person.tier}"
    return Candidate(subject=person.name, value=person.value(attribute), group=group)


def _skill_prompts() -> list[Prompt]:
    pairs = skill_pairs(probed=True)
    random.Random("skill").shuffle(pairs)
    return [_comparison(one, two, number % 2) for number, (one, two) in enumerate(pairs[:SKILL_PROMPTS])]


def _comparison(one: str, two: str, turn: int) -> Prompt:
    years = " and ".join(sorted((one, two)))
    return Prompt(
        id=f"{one}-{two}-{turn}",
        unit=years,
        instruction=skill_turns(one, two, turn)[0],
        paraphrase=skill_turns(one, two, 1 - turn)[0],
        fact=Fact(subject=years, attribute="birth-year", value=min(one, two)),
    )
