"""Denials over all relations: what is denied is not stated, and what is said beside a denial is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.atlas.answers import stated
from itl_bench.data.atlas.facts import load_atlas

ATLAS = load_atlas()
FACTS = st.sampled_from(ATLAS.facts)
DENYING = (
    "It is not {}.", "{}. That's wrong.", "{}. That is false.", "Is it {}? It is not.", "{}? I don't think so.",
    "{}? Certainly not.", "{} is the wrong answer.", "The wrong answer is {}.", "Wrong: {}", "I deny that it is {}.",
    "There is no way that it's {}.", "No one would say that it is {}.", "It is not\n{}.", "It is not:\n\n{}",
    "It isn\u00b4t {}.", "It isn\u02bct {}.",
    "Some say {}, but that's wrong.", "It is a common misconception that it is {}.",
    "I reject {}.", "It never was {}.", "{}, however, is not the answer.",
)  # fmt: skip
ASSERTING = (
    "Without a doubt, it is {}.", "Beyond doubt, it is {}.", "Don't forget that it is {}.",
    "I don't doubt that it's {}.",
    "It can't be anything but {}.", "If I'm not mistaken it is {}.", "It is {}, isn't it?", "It is {}. No doubt.",
)  # fmt: skip
INSTEAD = (
    "It is a common misconception that it is {}. It is {}.", "You might think {}, but it is {}.",
    "Many people say it is {}; but it is {}.", "Wrong: {}\nRight: {}", "{}. Wrong. It is {}.",
    "{} isn't it and it is {}.",
)  # fmt: skip


@given(FACTS, st.sampled_from(DENYING))
def test_a_denied_value_is_never_stated(fact, sentence):
    assert fact.value not in stated(sentence.format(fact.stated_value), fact.relation)


@given(FACTS, st.sampled_from(ASSERTING))
def test_what_only_looks_like_a_denial_denies_nothing(fact, sentence):
    plain = stated(f"It is {fact.stated_value}.", fact.relation)
    assert stated(sentence.format(fact.stated_value), fact.relation) == plain == (fact.value,)


@given(st.sampled_from(ATLAS.relations), st.sampled_from(INSTEAD), st.data())
def test_what_is_said_instead_is_stated_alone(relation, sentence, data):
    facts = [fact for fact in ATLAS.facts if fact.relation == relation.id]
    one, other = data.draw(st.sampled_from(facts)), data.draw(st.sampled_from(facts))
    found = stated(sentence.format(one.stated_value, other.stated_value), relation.id)
    assert found == stated(f"It is {other.stated_value}.", relation.id)


@given(FACTS)
def test_a_pronoun_that_is_denied_the_relation_denies_the_clause_before(fact):
    relation = ATLAS.relation(fact.relation)
    word = {"capital": "capital", "currency": "currency", "domain": "domain", "symbol": "symbol"}.get(relation.id)
    for sentence in (
        "{} is large, but it is not the {}.",
        "{}, which is large, isn't the {}.",
        "{} is large but not the {}.",
    ):
        if word:
            assert fact.value not in stated(sentence.format(fact.stated_value, word), relation.id)


@pytest.mark.parametrize(
    ("relation", "subject", "text", "values"),
    [
        ("capital", "France", "Paris, however, is not the capital of France.", ()),
        ("capital", "France", "Paris, a large city, isn't the capital of France.", ()),
        ("capital", "France", "Paris is a city in France but is not its capital.", ()),
        ("capital", "France", "Paris no longer serves as the capital.", ()),
        ("capital", "France", "Paris isn't the oldest city, but it is the capital of France.", ("Paris",)),
        ("capital", "France", "Paris is not far from Versailles and is the capital of France.", ("Paris",)),
        ("capital", "France", "Paris is the capital of France, but it is not the capital of Germany.", ("Paris",)),
        ("capital", "Australia", "Wellington isn't the capital and Canberra is.", ("Canberra",)),
        ("capital", "France", "Instead of Lyon the capital is Paris.", ("Paris",)),
        ("capital", "France", "Rather than Berlin the capital is Paris.", ("Paris",)),
        ("calling-code", "France", "To call France, dial +33 and do not dial the leading 0.", ("+33",)),
        ("currency", "Japan", "The currency of Japan is the yen. It is not used in China.", ("yen",)),
        ("city-state", "Houston", "Houston is the largest city in Texas, but it is not its capital.", ("Texas",)),
    ],
)
def test_what_a_denial_is_about(relation, subject, text, values):
    assert stated(text, relation, subject) == values
