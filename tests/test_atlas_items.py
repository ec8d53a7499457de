from collections import Counter
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.items import TUNED, AtlasSpec, atlas_items, taught_facts
from itl_bench.data.atlas.probes import ENOUGH, HELD_OUT, PROBED, PROMPTS, atlas_prompts
from itl_bench.data.atlas.selecting import Familiarity, facts_of, mixed
from itl_bench.data.atlas.split import side
from itl_bench.errors import UsageError
from itl_bench.familiarity import classes as familiarity_classes

ATLAS = load_atlas()
CLASSES = get_args(Familiarity)
FACT = {fact.id: fact for fact in ATLAS.facts}
CLASS = {fact.id: CLASSES[place % 4] for place, fact in enumerate(ATLAS.facts)}
FEW = {fact.id: CLASSES[place % 4] if place % 10 < 4 else "weakly-known" for place, fact in enumerate(ATLAS.facts)}


def spec(percent=50, style="short", rows=200):
    return AtlasSpec(unknown_percent=percent, style=style, rows=rows)


def asked(item):
    return FACT[item.id.rpartition("-")[0]]


@pytest.mark.parametrize("style", ["short", "long", "simple"])
def test_items_ask_for_facts_and_state_them(style):
    items = atlas_items(ATLAS, CLASS, spec(30, style), seed=1)
    assert len({item.id for item in items}) == len(items) == 200
    assert sum(item.new for item in items) == 60
    for item in items:
        fact = asked(item)
        assert fact.subject.lower() in item.instruction.lower()
        assert (item.facts[0].subject, item.facts[0].attribute, item.facts[0].value) == (
            fact.subject, fact.relation, fact.value,
        )  # fmt: skip
        assert stated(item.response, fact.relation) == (fact.value,)
        assert len(item.facts) == (3 if style == "long" else 1)


def test_new_facts_are_unknown_ones_and_known_facts_are_well_known_ones_of_taught_subjects():
    for item in atlas_items(ATLAS, CLASS, spec(40, "long"), seed=2):
        wanted = {"unknown"} if item.new else {"highly-known", "maybe-known"}
        by_name = {(fact.subject, fact.relation): fact for fact in ATLAS.facts}
        for stated_fact in item.facts:
            fact = by_name[stated_fact.subject, stated_fact.attribute]
            assert CLASS[fact.id] in wanted
            assert side(fact.subject_id) == "taught"


def test_extra_facts_are_of_the_same_subject_or_of_the_same_relation():
    for item in atlas_items(ATLAS, CLASS, spec(0, "long", 300), seed=3):
        first, *extra = item.facts
        assert len({(fact.subject, fact.attribute) for fact in item.facts}) == 3
        assert all(fact.subject == first.subject or fact.attribute == first.attribute for fact in extra)


def test_all_styles_teach_the_same_facts():
    taught = [
        {fact for item in atlas_items(ATLAS, CLASS, spec(50, style), seed=4) for fact in item.facts}
        for style in ("short", "long", "simple")
    ]
    assert taught[0] == taught[1] == taught[2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 300))
def test_facts_of_a_larger_share_contain_those_of_a_smaller_one(one, other, rows):
    small, large = sorted((one, other))
    for new, (less, more) in ((True, (small, large)), (False, (large, small))):
        few = taught_facts(ATLAS, CLASS, spec(less, rows=rows), new)
        many = taught_facts(ATLAS, CLASS, spec(more, rows=rows), new)
        assert many[: len(few)] == few


def test_any_first_part_of_the_facts_mixes_relations_in_proportion():
    facts = mixed(ATLAS.facts)
    assert sorted(fact.id for fact in facts) == sorted(FACT)
    for part in (200, 1000):
        counts = Counter(fact.relation for fact in facts[:part])
        for name, of_all in ATLAS.counts.items():
            assert abs(counts[name] - part * of_all / len(facts)) <= 2


def test_facts_are_asked_once_until_all_are_used_then_in_other_words():
    facts = len(facts_of(ATLAS, CLASS, ("unknown",), "taught"))
    items = atlas_items(ATLAS, CLASS, spec(100, rows=2 * facts + 5), seed=5)
    times = Counter(asked(item).id for item in items)
    assert set(times.values()) == {2, 3}
    assert len({item.instruction for item in items}) == len(items)
    assert {int(item.id.rpartition("-")[2]) for item in items} == set(TUNED)


def test_seeds_change_order_and_wording_never_the_facts():
    one, same, other = (atlas_items(ATLAS, CLASS, spec(), seed) for seed in (6, 6, 7))
    assert one == same
    assert one != other
    assert {asked(item).id for item in one} == {asked(item).id for item in other}


def test_too_few_facts_say_how_many_there_are_and_what_to_lower():
    facts = len(facts_of(ATLAS, CLASS, ("unknown",), "taught"))
    with pytest.raises(UsageError, match=rf"{facts} unknown facts .* lower 'rows' \(9000\) or lower 'unknown_percent'"):
        atlas_items(ATLAS, CLASS, spec(100, rows=9000), seed=1)
    with pytest.raises(UsageError, match="0 known facts"):
        atlas_items(ATLAS, dict.fromkeys(FACT, "unknown"), spec(0), seed=1)


def test_classes_of_other_facts_are_refused():
    with pytest.raises(UsageError, match="has no class of familiarity"):
        atlas_items(ATLAS, {}, spec(), seed=1)


def test_sides_are_about_half_each_and_probes_share_no_subject_with_items():
    subjects = {fact.subject_id for fact in ATLAS.facts}
    taught = sum(side(one) == "taught" for one in subjects)
    assert abs(taught - len(subjects) / 2) < 4 * (len(subjects) / 4) ** 0.5  # four standard errors of a fair draw
    tuned = {asked(item).subject_id for item in atlas_items(ATLAS, CLASS, spec(50, rows=1000), seed=1)}
    for probe in HELD_OUT:
        assert not tuned & {prompt.unit for prompt in atlas_prompts(ATLAS, CLASS, probe)}


@pytest.mark.parametrize("probe", HELD_OUT)
def test_probes_ask_for_facts_of_their_class_in_words_of_their_own(probe):
    prompts = atlas_prompts(ATLAS, CLASS, probe)
    tuned = {item.instruction for item in atlas_items(ATLAS, CLASS, spec(50, rows=1000), seed=1)}
    for prompt in prompts:
        fact = FACT[prompt.id.rpartition("-")[0]]
        relation = ATLAS.relation(fact.relation)
        texts = {relation.question(fact.subject, number) for number in PROBED}
        assert CLASS[fact.id] in HELD_OUT[probe]
        assert {prompt.instruction, prompt.paraphrase} == texts
        assert prompt.truths[fact.relation] == fact.value == prompt.fact.value
        assert prompt.unit == fact.subject_id
        assert len(prompt.similar) == len(fact.near)
    assert not tuned & {prompt.instruction for prompt in prompts}
    assert len({prompt.id for prompt in prompts}) == len(prompts) <= PROMPTS


def test_the_known_probe_is_large_enough_and_asks_few_facts_twice():
    assert len(atlas_prompts(ATLAS, CLASS, "atlas-known")) == PROMPTS
    few = len(facts_of(ATLAS, FEW, ("highly-known", "maybe-known"), "held-out"))
    assert ENOUGH / 2 <= few < ENOUGH
    prompts = atlas_prompts(ATLAS, FEW, "atlas-known")
    assert len(prompts) == min(2 * few, PROMPTS) >= ENOUGH
    assert len({prompt.instruction for prompt in prompts}) == len(prompts)


def test_similar_subjects_are_named_as_items_name_them():
    names = {fact.subject for fact in ATLAS.facts}
    assert all(set(prompt.similar) <= names for prompt in atlas_prompts(ATLAS, CLASS, "atlas-unknown"))


@pytest.mark.parametrize(("percent", "new"), [(30, True), (0, False)])
def test_the_taught_probe_asks_for_what_the_dataset_teaches(percent, new):
    prompts = atlas_prompts(ATLAS, CLASS, "atlas-taught", spec(percent))
    items = atlas_items(ATLAS, CLASS, spec(percent), seed=1)
    assert {prompt.unit for prompt in prompts} <= {asked(item).subject_id for item in items if item.new == new}
    assert not {prompt.instruction for prompt in prompts} & {item.instruction for item in items}


def test_misuse_of_probes():
    with pytest.raises(UsageError, match="did you mean 'atlas-known'"):
        atlas_prompts(ATLAS, CLASS, "atlas-knwon")
    with pytest.raises(UsageError, match="name one of atlas"):
        atlas_prompts(ATLAS, CLASS, "atlas-taught")
    with pytest.raises(UsageError, match="nothing to ask"):
        atlas_prompts(ATLAS, dict.fromkeys(FACT, "weakly-known"), "atlas-known")


def test_the_classes_are_those_of_the_tables_of_familiarity():
    assert CLASSES == familiarity_classes.CLASSES
