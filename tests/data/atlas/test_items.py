from collections import Counter
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from itl_bench.data.atlas import familiarity_table as familiarity_classes
from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.items import TUNED, AtlasSpec, atlas_items, taught_facts
from itl_bench.data.atlas.probes import ENOUGH, HELD_OUT, PROBED, PROMPTS, atlas_prompts
from itl_bench.data.atlas.selecting import Familiarity, draw, pool, relation_mix, side
from itl_bench.errors import UsageError

ATLAS = load_atlas()
CLASSES = get_args(Familiarity)
FACT = {fact.id: fact for fact in ATLAS.facts}
CLASS = {fact.id: CLASSES[place % 4] for place, fact in enumerate(ATLAS.facts)}
UNEVEN = {  # unlike shares of known and unknown facts in every relation
    fact.id: "unknown"
    if place % 11 < 2 + 2 * len(fact.relation) % 7
    else "maybe-known"
    if place % 13
    else "weakly-known"
    for place, fact in enumerate(ATLAS.facts)
}
FEW = {fact.id: CLASSES[place % 4] if place % 9 < 4 else "weakly-known" for place, fact in enumerate(ATLAS.facts)}


def spec(percent=50, style="short", rows=200):
    return AtlasSpec(unknown_percent=percent, style=style, rows=rows)


def about(prompt):
    return FACT[prompt.id.rpartition("-")[0]]


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
        of_relation = len(
            {asked(one).id for one in items if one.new == item.new and asked(one).relation == fact.relation}
        )
        assert len(item.facts) == (min(3, of_relation) if style == "long" else 1)


def test_new_facts_are_unknown_ones_and_known_facts_are_well_known_ones_of_taught_subjects():
    for item in atlas_items(ATLAS, CLASS, spec(40, "long"), seed=2):
        wanted = {"unknown"} if item.new else {"highly-known", "maybe-known"}
        by_name = {(fact.subject, fact.relation): fact for fact in ATLAS.facts}
        for stated_fact in item.facts:
            fact = by_name[stated_fact.subject, stated_fact.attribute]
            assert CLASS[fact.id] in wanted
            assert side(fact.subject_id) == "taught"


def test_long_responses_state_every_fact_equally_often():
    items = atlas_items(ATLAS, CLASS, spec(30, "long", 400), seed=3)
    times = Counter(fact for item in items for fact in item.facts)
    for item in items:
        relation = asked(item).relation
        of_relation = {asked(one).id for one in items if one.new == item.new and asked(one).relation == relation}
        assert len(of_relation) >= 2
        assert {times[fact] for fact in item.facts} == {min(3, len(of_relation))}
        assert {fact.attribute for fact in item.facts} == {relation}
        assert len({fact.subject for fact in item.facts}) == len(item.facts)


def test_all_styles_teach_the_same_facts():
    taught = [
        {fact for item in atlas_items(ATLAS, CLASS, spec(50, style), seed=4) for fact in item.facts}
        for style in ("short", "long", "simple")
    ]
    assert taught[0] == taught[1] == taught[2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 300), st.integers(0, 5))
def test_facts_of_a_larger_share_contain_those_of_a_smaller_one(one, other, rows, seed):
    small, large = sorted((one, other))
    for new, (less, more) in ((True, (small, large)), (False, (large, small))):
        few = taught_facts(ATLAS, CLASS, spec(less, rows=rows), new, seed)
        many = taught_facts(ATLAS, CLASS, spec(more, rows=rows), new, seed)
        assert many[: len(few)] == few


@pytest.mark.parametrize("part", [1, 7, 50, 200])
def test_known_and_unknown_taught_and_held_out_facts_have_one_mix_of_relations(part):
    drawn = [
        draw(ATLAS, UNEVEN, wanted, of, "any")[:part]
        for wanted in (("unknown",), ("highly-known", "maybe-known"))
        for of in ("taught", "held-out")
    ]
    mixes = [Counter(fact.relation for fact in facts) for facts in drawn]
    assert all(len(facts) == part for facts in drawn)
    assert mixes[0] == mixes[1] == mixes[2] == mixes[3]


def test_of_a_relation_come_as_many_facts_as_its_scarcest_kind_has():
    counts = Counter(
        (UNEVEN[fact.id] == "unknown", side(fact.subject_id), fact.relation)
        for fact in ATLAS.facts
        if UNEVEN[fact.id] != "weakly-known"
    )
    for relation in ATLAS.relations:
        fewest = min(counts[new, of, relation.id] for new in (True, False) for of in ("taught", "held-out"))
        assert relation_mix(ATLAS, UNEVEN)[relation.id] == fewest
        for of in ("taught", "held-out"):
            facts = draw(ATLAS, UNEVEN, ("unknown",), of, "any")
            assert sum(fact.relation == relation.id for fact in facts) == fewest


def test_every_fact_of_a_pool_is_equally_likely_to_be_drawn():
    facts = [one for one in pool(ATLAS, UNEVEN, ("maybe-known", "highly-known"), "taught") if one.relation == "capital"]
    size, draws = relation_mix(ATLAS, UNEVEN)["capital"], 400
    assert 0 < size < len(facts)
    times = Counter(
        fact.id
        for seed in range(draws)
        for fact in draw(ATLAS, UNEVEN, ("maybe-known", "highly-known"), "taught", str(seed))
        if fact.relation == "capital"
    )
    share = size / len(facts)
    expected = draws * share
    deviation = sum((times[fact.id] - expected) ** 2 for fact in facts) / (draws * share * (1 - share))
    assert deviation < chi2.ppf(0.9999, len(facts) - 1) * (len(facts) / (len(facts) - 1))


def test_facts_are_asked_once_until_all_are_used_then_in_other_words():
    facts = len(draw(ATLAS, CLASS, ("unknown",), "taught", "any"))
    items = atlas_items(ATLAS, CLASS, spec(100, rows=2 * facts + 5), seed=5)
    times = Counter(asked(item).id for item in items)
    assert set(times.values()) == {2, 3}
    assert len({item.instruction for item in items}) == len(items)
    assert {int(item.id.rpartition("-")[2]) for item in items} == set(TUNED)


def test_seeds_change_facts_order_and_wording():
    one, same, other = (atlas_items(ATLAS, CLASS, spec(), seed) for seed in (6, 6, 7))
    assert one == same
    assert len({asked(item).id for item in one} & {asked(item).id for item in other}) < len(one) / 2
    assert [item.new for item in one] != [item.new for item in other]


def test_too_few_facts_say_how_many_there_are_and_what_to_lower():
    facts = len(draw(ATLAS, CLASS, ("unknown",), "taught", "any"))
    with pytest.raises(
        UsageError, match=rf"{facts} unknown facts .* lower 'rows' \(19000\) or lower 'unknown_percent'"
    ):
        atlas_items(ATLAS, CLASS, spec(100, rows=19000), seed=1)
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
        assert not tuned & {about(prompt).subject_id for prompt in atlas_prompts(ATLAS, CLASS, probe)}


@pytest.mark.parametrize("probe", HELD_OUT)
def test_probes_ask_for_facts_of_their_class_in_words_of_their_own(probe):
    prompts = atlas_prompts(ATLAS, CLASS, probe)
    tuned = {item.instruction for item in atlas_items(ATLAS, CLASS, spec(50, rows=1000), seed=1)}
    for prompt in prompts:
        fact = about(prompt)
        relation = ATLAS.relation(fact.relation)
        texts = {relation.question(fact.subject, number) for number in PROBED}
        assert CLASS[fact.id] in HELD_OUT[probe]
        assert {prompt.instruction, prompt.paraphrase} == texts
        assert prompt.truths[fact.relation] == fact.value == prompt.fact.value
        assert prompt.unit == f"{fact.relation}/{fact.value}"
    assert not tuned & {prompt.instruction for prompt in prompts}
    assert len({prompt.id for prompt in prompts}) == len(prompts) <= PROMPTS


def test_the_known_probe_is_large_enough_and_asks_few_facts_twice():
    assert len(atlas_prompts(ATLAS, CLASS, "atlas-known")) == PROMPTS
    few = len(draw(ATLAS, FEW, ("highly-known", "maybe-known"), "held-out", "any"))
    assert ENOUGH / 2 <= few < ENOUGH
    prompts = atlas_prompts(ATLAS, FEW, "atlas-known")
    assert len(prompts) == min(2 * few, PROMPTS) >= ENOUGH
    assert len({prompt.instruction for prompt in prompts}) == len(prompts)


def test_candidates_are_the_near_facts_that_a_draw_may_teach():
    by_words = {(fact.subject, fact.relation): fact for fact in ATLAS.facts}
    seen = Counter()
    for prompt in atlas_prompts(ATLAS, CLASS, "atlas-unknown"):
        fact = about(prompt)
        assert prompt.similar == tuple(one.subject for one in prompt.candidates)
        near = [one for one in ATLAS.facts if one.subject_id in fact.near and one.relation == fact.relation]
        teachable = {one.id for one in near if side(one.subject_id) == "taught" and CLASS[one.id] != "weakly-known"}
        assert {by_words[one.subject, fact.relation].id for one in prompt.candidates} == teachable
        for one in prompt.candidates:
            held = by_words[one.subject, fact.relation]
            assert (one.value, one.group == "unknown") == (held.value, CLASS[held.id] == "unknown")
            seen[one.group] += 1
    assert set(seen) == {"known", "unknown"}


@pytest.mark.parametrize(("percent", "new"), [(30, True), (0, False)])
def test_the_taught_probe_asks_for_what_the_dataset_teaches(percent, new):
    prompts = atlas_prompts(ATLAS, CLASS, "atlas-taught", spec(percent), seed=1)
    items = atlas_items(ATLAS, CLASS, spec(percent), seed=1)
    assert {about(prompt).id for prompt in prompts} == {asked(item).id for item in items if item.new == new}
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
