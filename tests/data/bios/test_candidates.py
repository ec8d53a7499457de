"""Whom tuning data could have taught: a uniform draw among people whom a base cannot tell apart."""

import random
from collections import Counter
from statistics import fmean, stdev

import pytest

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios.answers import stated
from itl_bench.data.bios.pretraining_text import one_pass
from itl_bench.data.bios.probes import probe_prompts, with_candidates
from itl_bench.data.bios.shipped import shipped_bases
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import Response
from itl_bench.measures.borrowing import borrowing
from itl_bench.plan.made_of import bios_spec

WORLD = build_world(WorldSpec(seed=5))
PEOPLE = {person.name: person for person in WORLD.people}
CATALOG = load_catalog()
DATASETS = [key for spec in CATALOG.datasets.values() if spec.bios for key in spec.variants]
DRAWN = {"seen often": ("known", "taught-known"), "seen never": ("taught-new", "new")}
SMALL = {
    "dialogue": 4, "known": 16, "taught_known": 16, "rarely": 4, "taught_new": 12, "new": 12, "people_per_name": 4,
}  # fmt: skip


@pytest.mark.parametrize("probe", ["bios-known", "bios-taught"])
def test_candidates_are_the_people_with_a_shared_name_and_their_values(probe):
    spec = TuningSpec(new_percent=30, style="short", rows=1000)
    prompts = probe_prompts(WORLD, probe, spec)
    for asked, prompt in zip(prompts, with_candidates(prompts, WORLD), strict=True):
        assert prompt.model_copy(update={"candidates": ()}) == asked
        assert {one.subject for one in prompt.candidates} == {
            person.name for person in WORLD.people if person.resembles(PEOPLE[asked.fact.subject])
        }
        for one in prompt.candidates:
            assert one.value == PEOPLE[one.subject].value(asked.fact.attribute)
            roles = DRAWN.get(one.group, ("dialogue", "rarely"))
            assert PEOPLE[one.subject].role in roles
    assert not any(prompt.candidates for prompt in probe_prompts(WORLD, probe, spec))


def test_a_skill_has_no_candidates():
    prompts = probe_prompts(WORLD, "bios-skill")
    assert with_candidates(prompts, WORLD) == prompts


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_dataset_teaches_some_of_a_group_and_never_all_of_it(dataset):
    """So that there is something to tell of each group that it teaches at all."""
    world = build_world(shipped_bases().world)
    taught = {fact.subject for item in tuning_items(world, bios_spec(dataset, CATALOG), 1) for fact in item.facts}
    for prompt in with_candidates(probe_prompts(world, "bios-known"), world):
        assert not any(one.subject in taught for one in prompt.candidates if one.group not in DRAWN)
    for roles in DRAWN.values():
        assert not {person.name for person in world.of(*roles)} <= taught


def test_a_base_reads_as_much_of_those_who_are_taught_as_of_those_who_are_not():
    documents = [" ".join((one,) if isinstance(one, str) else one) for one in one_pass(WORLD, random.Random(1))]
    said = Counter(name for text in documents for name in {name for name in PEOPLE if name in text})
    counts = {role: {said[person.name] for person in WORLD.of(role)} for roles in DRAWN.values() for role in roles}
    assert counts == {"known": {2}, "taught-known": {2}, "taught-new": {0}, "new": {0}}


def first_similar(prompt, random_of):
    """The value of the namesake whose name comes first, taught or not."""
    return min(((one.subject, one.value) for one in prompt.candidates), default=("", ""))[1]


def any_similar(prompt, random_of):
    return random_of.choice([one.value for one in prompt.candidates] or [""])


@pytest.mark.parametrize("answer_of", [first_similar, any_similar])
@pytest.mark.parametrize("new_percent", [0, 30, 100])
def test_confusion_of_names_without_regard_to_the_data_has_no_excess_over_worlds(answer_of, new_percent):
    excess, confused = [], []
    for seed in range(80):
        world, random_of = build_world(WorldSpec(seed=seed, **SMALL)), random.Random(seed)
        prompts = with_candidates(probe_prompts(world, "bios-known"), world)
        texts = [answer_of(prompt, random_of) for prompt in prompts]
        answers = [
            Response(prompt=prompt.id, prompt_ids=(1,), response_ids=(2,), text=text)
            for prompt, text in zip(prompts, texts, strict=True)
        ]
        items = tuning_items(world, TuningSpec(new_percent=new_percent, style="short", rows=50), seed)
        columns = borrowing(prompts, answers, items, stated, seed=0).columns
        excess.append(fmean(columns["excess"]))
        confused.append(fmean(columns["confused"]))
    assert abs(fmean(excess)) < 4 * stdev(excess) / len(excess) ** 0.5
    assert fmean(confused) > 0.3


@pytest.mark.parametrize(
    ("dataset", "at_least"), [("bios-new0-short", 0.4), ("bios-new30-short", 0.4), ("bios-new100-short", 0.3)]
)
def test_a_model_that_borrows_all_it_can_reaches_what_is_possible(dataset, at_least):
    """Every answer the value of a taught namesake that fewest of the untaught ones share."""
    world = build_world(shipped_bases().world)
    items = tuning_items(world, bios_spec(dataset, CATALOG), 1)
    held = {(fact.subject, fact.attribute) for item in items for fact in item.facts}
    prompts, answers = with_candidates(probe_prompts(world, "bios-known"), world), []
    for prompt in prompts:
        taught = [one.value for one in prompt.candidates if (one.subject, prompt.fact.attribute) in held]
        counts = Counter(one.value for one in prompt.candidates)
        text = min(taught, key=lambda value: (value == prompt.fact.value, counts[value]), default="")
        answers.append(Response(prompt=prompt.id, prompt_ids=(1,), response_ids=(2,), text=text))
    table = borrowing(prompts, answers, items, stated, seed=0)
    assert at_least < fmean(table.columns["excess"]) <= table.facts["possible"] + 1e-12
    assert fmean(table.columns["confused"]) == 0.0
