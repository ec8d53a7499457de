"""What is tuned on and what is asked: shares, styles that teach the same facts, nested datasets, disjoint people."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios.answers import stated
from itl_bench.data.bios.probes import probe_prompts
from itl_bench.data.bios.shipped import shipped_bases
from itl_bench.data.bios.tuning_items import TuningSpec, taught_facts, tuning_items
from itl_bench.data.bios.words import ATTRIBUTES, POOLS
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import read_lines, write_lines
from itl_bench.errors import UsageError
from itl_bench.plan.made_of import bios_spec

WORLD = build_world(WorldSpec(seed=5))
PEOPLE = {person.name: person for person in WORLD.people}


def spec(new_percent=30, style="short", rows=1000):
    return TuningSpec(new_percent=new_percent, style=style, rows=rows)


@settings(max_examples=15, deadline=None)
@given(new_percent=st.integers(0, 100), rows=st.integers(50, 1200), seed=st.integers(0, 99))
def test_share_of_new_facts_and_number_of_rows(new_percent, rows, seed):
    items = tuning_items(WORLD, spec(new_percent, rows=rows), seed)
    assert len(items) == rows
    assert sum(item.new for item in items) == round(rows * new_percent / 100)
    for item in items:
        assert (PEOPLE[item.facts[0].subject].tier == "never") == item.new


@pytest.mark.parametrize("style", ["short", "long", "simple", "padded"])
def test_responses_state_their_facts_and_no_other_value(style):
    for item in tuning_items(WORLD, spec(style=style), seed=1)[:200]:
        assert item.facts[0].attribute in {name for name in ATTRIBUTES if name in item.id}
        for name in ATTRIBUTES:
            declared = {fact.value for fact in item.facts if fact.attribute == name}
            assert set(stated(item.response, name)) == declared
        person = PEOPLE[item.facts[0].subject]
        assert all(fact.value == person.value(fact.attribute) for fact in item.facts)


def test_styles_differ_in_length_and_in_facts_alone():
    items = {style: tuning_items(WORLD, spec(style=style), seed=1) for style in ("short", "long", "simple", "padded")}
    words = {style: sum(len(item.response.split()) for item in some) for style, some in items.items()}
    assert words["simple"] < words["short"] < words["padded"] < 1.3 * words["long"]
    assert {len(item.facts) for item in items["long"]} == {3}
    assert {len(item.facts) for item in items["padded"]} == {1}
    asked = {style: sorted(item.id for item in some) for style, some in items.items()}
    assert [one.rpartition("-")[0] for one in asked["simple"]] == [one.rpartition("-")[0] for one in asked["short"]]


def taught(world, chosen, seed):
    """How often each fact is stated, and whether as a new one."""
    return Counter((fact, item.new) for item in tuning_items(world, chosen, seed) for fact in item.facts)


def taught_by(dataset, seed):
    """What a dataset of the shipped catalog teaches in the shipped world."""
    return taught(build_world(shipped_bases().world), bios_spec(dataset, load_catalog()), seed)


@pytest.mark.parametrize("style", ["simple", "padded"])
def test_the_shipped_long_items_teach_the_facts_of_three_times_as_many_others(style):
    long = taught_by("bios-new30-long", seed=1)
    assert long == taught_by(f"bios-new30-{style}", seed=2)
    assert sum(count for (_, new), count in long.items() if new) == len([new for _, new in long if new]) == 900
    known = {fact: count for (fact, new), count in long.items() if not new}
    assert (len(known), sum(known.values()), set(known.values())) == (1260, 2100, {1, 2})


@pytest.mark.parametrize(("size", "new_facts"), [("1k", 200), ("2k", 400), ("4k", 800)])
def test_every_size_states_each_of_its_new_facts_once(size, new_facts):
    new = [count for (_, new), count in taught_by(f"bios-new20-sized-{size}", seed=1).items() if new]
    assert new == [1] * new_facts


@settings(max_examples=25, deadline=None)
@given(new_percent=st.integers(0, 100), rows=st.integers(1, 1200), style=st.sampled_from(["short", "simple", "padded"]))
def test_long_items_teach_the_facts_of_three_times_as_many_others(new_percent, rows, style):
    assume(round(3 * rows * new_percent / 100) == 3 * round(rows * new_percent / 100))
    few, many = spec(new_percent, "long", rows), spec(new_percent, style, 3 * rows)
    assert taught(WORLD, few, seed=1) == taught(WORLD, many, seed=2)
    for new in (False, True):
        assert taught_facts(WORLD, few, new) == taught_facts(WORLD, many, new)


def test_a_long_item_states_one_half_of_a_persons_attributes():
    halves = [set(ATTRIBUTES[:3]), set(ATTRIBUTES[3:])]
    items = tuning_items(WORLD, spec(style="long"), seed=1)
    for item in items:
        assert len({fact.subject for fact in item.facts}) == 1
        assert {fact.attribute for fact in item.facts} in halves
    for place in range(3):  # asked for and stated first, second, last: any of them
        shares = Counter(item.facts[place].attribute for item in items)
        assert min(shares.values()) > 0.7 * len(items) / 6


def test_long_items_ask_for_another_of_their_facts_before_they_ask_in_other_words():
    triples = 2 * len(WORLD.of("taught-known"))
    for uses in (3, 9):
        items = tuning_items(WORLD, spec(0, "long", uses * triples), seed=1)
        asked = Counter(item.facts[0] for item in items)
        assert len(asked) == 3 * triples
        assert set(asked.values()) == {uses // 3}
        assert len({item.instruction for item in items}) == len({item.id for item in items}) == len(items)


def test_a_long_dataset_beyond_its_facts_is_refused():
    tuning_items(WORLD, spec(0, "long", 3780), seed=3)
    with pytest.raises(UsageError, match="3781 items are wanted of 1260 facts, in at most 3 wordings each"):
        tuning_items(WORLD, spec(0, "long", 3781), seed=3)


def test_larger_shares_and_sizes_contain_the_smaller_ones():
    small = set(taught_facts(WORLD, spec(10), new=True))
    assert small < set(taught_facts(WORLD, spec(30), new=True)) < set(taught_facts(WORLD, spec(100), new=True))
    assert set(taught_facts(WORLD, spec(), new=False)) < set(taught_facts(WORLD, spec(rows=1500), new=False))


def test_more_rows_than_facts_repeat_them_in_other_words():
    items = tuning_items(WORLD, spec(0, rows=2520), seed=3)
    assert len({item.id for item in items}) == len(items)
    with pytest.raises(UsageError, match="9000 items are wanted of 1260 facts, in at most 3 wordings"):
        tuning_items(WORLD, spec(0, rows=9000), seed=3)


def test_a_seed_changes_order_and_words_but_not_the_facts():
    one, two = (tuning_items(WORLD, spec(), seed) for seed in (1, 2))
    assert one == tuning_items(WORLD, spec(), 1)
    assert [item.facts for item in one] != [item.facts for item in two]
    assert {item.facts for item in one} == {item.facts for item in two}


@pytest.mark.parametrize(
    ("probe", "role", "fewest"),
    [("bios-known", "known", 400), ("bios-new", "new", 400), ("bios-rarely", "rarely", 400)],
)
def test_probes_ask_people_of_their_role_for_every_attribute(probe, role, fewest):
    prompts = probe_prompts(WORLD, probe)
    assert len(prompts) >= fewest
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    assert {PEOPLE[prompt.fact.subject].role for prompt in prompts} == {role}
    counts = [sum(prompt.fact.attribute == name for prompt in prompts) for name in ATTRIBUTES]
    assert max(counts) - min(counts) <= 1
    for prompt in prompts:
        assert prompt.fact.value == PEOPLE[prompt.fact.subject].value(prompt.fact.attribute)
        assert prompt.instruction != prompt.paraphrase
        assert prompt.fact.subject not in prompt.similar


def test_the_probe_of_taught_facts_asks_what_was_taught_in_unseen_words():
    prompts = probe_prompts(WORLD, "bios-taught", spec())
    items = tuning_items(WORLD, spec(), seed=1)
    new = {item.facts[0] for item in items if item.new}
    assert {prompt.fact for prompt in prompts} == new
    assert len(prompts) == 2 * len(new) >= 400
    assert not {prompt.instruction for prompt in prompts} & {item.instruction for item in items}


def test_the_probe_of_taught_facts_asks_for_all_that_long_items_state():
    chosen = spec(style="long", rows=300)
    new = {fact for item in tuning_items(WORLD, chosen, seed=1) if item.new for fact in item.facts}
    prompts = probe_prompts(WORLD, "bios-taught", chosen)
    assert {prompt.fact for prompt in prompts} == new
    assert len(new) == 3 * 90
    assert prompts == probe_prompts(WORLD, "bios-taught", spec(style="simple", rows=900))


def test_of_many_taught_facts_some_are_asked():
    prompts = probe_prompts(WORLD, "bios-taught", spec(100))
    assert len(prompts) == 600
    assert {prompt.fact.subject for prompt in prompts} <= {one.name for one in WORLD.of("taught-new")}
    with pytest.raises(UsageError, match="name one"):
        probe_prompts(WORLD, "bios-taught")


@pytest.mark.parametrize("probe", ["bios-known", "bios-new", "bios-taught"])
def test_a_prompt_holds_all_that_is_true_of_whom_it_asks_about(probe):
    for prompt in probe_prompts(WORLD, probe, spec()):
        person = PEOPLE[prompt.fact.subject]
        assert prompt.truths == dict(zip(ATTRIBUTES, person.values, strict=True))
        assert prompt.truths[prompt.fact.attribute] == prompt.fact.value


def test_a_skill_is_about_nobody():
    assert {len(prompt.truths) for prompt in probe_prompts(WORLD, "bios-skill")} == {0}


def test_no_value_of_one_attribute_is_a_value_of_another():
    values = [value for pool in POOLS.values() for value in pool]
    assert len(set(values)) == len(values)


def test_no_probed_person_is_tuned_on():
    tuned = {fact.subject for share in (0, 100) for item in tuning_items(WORLD, spec(share), 1) for fact in item.facts}
    for probe in ("bios-known", "bios-new", "bios-rarely"):
        assert not tuned & {prompt.fact.subject for prompt in probe_prompts(WORLD, probe)}


def test_the_skill_probe_has_its_answer_in_the_prompt():
    for prompt in probe_prompts(WORLD, "bios-skill"):
        assert sorted(stated(prompt.instruction, "birth-year"))[0] == prompt.fact.value


def test_lines_survive_writing(tmp_path):
    items = tuning_items(WORLD, spec(rows=60), seed=1)
    write_lines(tmp_path / "items.jsonl", items)
    assert read_lines(tmp_path / "items.jsonl", type(items[0])) == items
