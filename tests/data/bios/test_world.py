"""The invented people: names, tiers, values, and what a base reads about them."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.bios import wording
from itl_bench.data.bios.answers import outcome, stated
from itl_bench.data.bios.gates import chance, enough, familiarity, gates
from itl_bench.data.bios.pretraining_text import one_pass, skill_pairs, skill_turns
from itl_bench.data.bios.tokens import SPECIAL, vocabulary
from itl_bench.data.bios.words import ATTRIBUTES, FIRST_ENDINGS, LAST_ENDINGS, POOLS, invented
from itl_bench.data.bios.world import WorldSpec, build_world

SMALL = {"dialogue": 9, "known": 15, "taught_known": 21, "rarely": 10, "taught_new": 20, "new": 10}
WORLD = build_world(WorldSpec(seed=5))


def test_pools_have_20_to_60_values_and_share_none():
    assert len(ATTRIBUTES) >= 5
    assert all(20 <= len(set(values)) == len(values) <= 60 for values in POOLS.values())
    words = [value for values in POOLS.values() for value in values]
    names = [*invented(FIRST_ENDINGS, 400), *invented(LAST_ENDINGS, 400)]
    assert len(set(words + names)) == len(words) + len(names)


def test_too_many_words_are_refused():
    with pytest.raises(ValueError, match="100000 words are wanted"):
        invented(FIRST_ENDINGS, 100_000)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), people_per_name=st.sampled_from([1, 2, 5, 8]))
def test_names_are_shared_as_declared(seed, people_per_name):
    world = build_world(WorldSpec(seed=seed, people_per_name=people_per_name, **SMALL))
    assert len({person.name for person in world.people}) == len(world.people) == 85
    for names in ([person.first for person in world.people], [person.last for person in world.people]):
        counts = Counter(names).values()
        assert max(counts) - min(counts) <= 1 if 85 % people_per_name == 0 else max(counts) <= people_per_name + 1
        assert max(counts) <= people_per_name + (85 % people_per_name > 0)


def test_without_shared_names_nobody_resembles_anybody():
    world = build_world(WorldSpec(seed=3, people_per_name=1, **SMALL))
    assert not any(one.resembles(other) for one in world.people for other in world.people)


def test_people_of_one_name_resemble_each_other_and_not_themselves():
    for person in WORLD.people[:50]:
        similar = [other for other in WORLD.people if person.resembles(other)]
        assert person not in similar
        assert all(other.first == person.first or other.last == person.last for other in similar)
        assert 7 <= len(similar) <= 16


def test_a_world_is_the_same_for_the_same_seed_only():
    assert build_world(WorldSpec(seed=5)) == WORLD
    assert build_world(WorldSpec(seed=6)).people != WORLD.people


def test_a_fifth_of_the_people_seen_often_is_in_dialogues():
    often = [person for person in WORLD.people if person.tier == "often"]
    assert len(WORLD.of("dialogue")) / len(often) == 0.2


def text_of(documents):
    return [one if isinstance(one, str) else " ".join(one) for one in documents]


def test_the_base_reads_of_people_as_their_tier_says():
    passes = [one_pass(WORLD, random.Random(number)) for number in range(40)]
    everything = "\n".join("\n".join(text_of(documents)) for documents in passes)
    mentions = {person: everything.count(person.name) for person in WORLD.people}
    for person in WORLD.people:
        if person.tier == "never":
            assert mentions[person] == 0
        if person.tier == "often":
            assert mentions[person] >= 40 * 12
    rarely = [mentions[person] / 40 / 12 for person in WORLD.of("rarely")]
    expected = sum(WORLD.spec.rarely_share * rank / 100 for rank in range(1, 101)) / 100
    assert sum(rarely) / len(rarely) == pytest.approx(expected, rel=0.15)


def test_only_the_dialogue_people_are_in_dialogues():
    dialogues = [one for one in one_pass(WORLD, random.Random(1)) if not isinstance(one, str)]
    names = {person.name for person in WORLD.of("dialogue")}
    others = {person.name for person in WORLD.people} - names
    assert len(dialogues) > 3 * len(names)
    for question, answer in dialogues:
        assert not any(name in question or name in answer for name in others)


def test_what_a_base_reads_is_true():
    for text in text_of(one_pass(WORLD, random.Random(2))):
        if "Question: Which year" in text or "older" in text or "earlier" in text:
            continue
        person = next(person for person in WORLD.people if person.name in text)
        for attribute in ATTRIBUTES:
            assert set(stated(text, attribute)) <= {person.value(attribute)}


def test_the_skill_is_asked_about_pairs_that_no_base_has_read():
    asked, read = set(skill_pairs(probed=True)), set(skill_pairs(probed=False))
    assert len(asked) >= 400
    assert not asked & read
    assert not {(two, one) for one, two in asked} & read
    assert len(asked | read) == 50 * 49
    question, answer = skill_turns("1972", "1950", 0)
    assert "1972" in question
    assert "1950" in answer
    assert "1972" not in answer


def test_every_word_has_a_token():
    tokens = vocabulary(WORLD)
    assert len(set(tokens)) == len(tokens)
    assert tuple(tokens[: len(SPECIAL)]) == SPECIAL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Berg was born in 1953.", "right"),
        ("Ada Berg was born in 1954.", "wrong"),
        ("Either 1953 or 1954.", "wrong"),
        ("1953, as I said: 1953.", "right"),
        ("I do not know.", "none"),
        ("", "empty"),
        ("  \n", "empty"),
        ("19530", "none"),
    ],
)
def test_outcomes(text, expected):
    assert outcome(text, "birth-year", "1953") == expected


def test_chance_is_that_of_the_most_frequent_value():
    people = WORLD.of("new")
    shares = []
    for attribute in ATTRIBUTES:
        counts = Counter(person.value(attribute) for person in people)
        shares.append(counts.most_common(1)[0][1] / len(people))
    assert chance(WORLD) == pytest.approx(sum(shares) / len(shares))


@pytest.mark.parametrize(
    ("recall", "passed"),
    [
        ((0.95, 0.5, 0.02), (True, True, True)),
        ((0.89, 0.5, 0.02), (False, True, True)),
        ((0.95, 0.29, 0.02), (True, False, True)),
        ((0.95, 0.71, 0.02), (True, False, True)),
        ((0.95, 0.5, 0.3), (True, True, False)),
    ],
)
def test_gates(recall, passed):
    found = gates(WORLD, dict(zip(("known", "rarely", "new"), recall, strict=True)), {"new": 600})
    assert tuple(gate.passed for gate in found) == passed


def test_familiarity_classes_by_a_plain_count():
    assert familiarity([[True, True], [True, False], [False, False], [False, True]]) == {
        "always": 1,
        "sometimes": 2,
        "never": 1,
    }
    assert enough(99) == "99 (too few)"
    assert enough(100) == "100"


def test_probes_and_tuning_ask_in_other_words():
    assert not set(wording.TUNED_WORDINGS) & set(wording.PROBE_WORDINGS)
    assert all(len(set(texts)) == 5 for texts in wording.QUESTIONS.values())
