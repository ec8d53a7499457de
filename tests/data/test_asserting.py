"""What sentences assert, and what they deny."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.asserting import asserted

NAMES = st.sampled_from(["Kabul", "Paris", "New York", "Saint Lucia", ".ad", "+33", "26", "the euro"])
DENIED = [
    "It is not {0}.",
    "It isn't {0}.",
    "It isn’t {0}!",
    "It's not {0}.",
    "It was never {0}.",
    "It is no longer {0}.",
    "It is definitely not {0}.",
    "It cannot be {0}.",
    "It can't be {0}.",
    "It will never be {0}.",
    "{0} is not the capital of France.",
    "{0} isn't.",
    "{0} is wrong.",
    "Not {0}.",
    "Definitely not {0}!",
    "Neither {0} nor {0}.",
    "It is neither {0} nor {0}.",
    "It is not {0}, {0} or {0}.",
    "It is not (as some say) {0}.",
    "It is not, as some say, {0}.",
    "It is not {0} (as some say).",
    "It is not: {0}",
    "It is not {0}, which is elsewhere.",
    "I do not think that it is {0}.",
    "I don't think it's {0}.",
    "It is not true that {0} is the capital.",
    "Anything but {0}.",
    "It is something other than {0}.",
    "It is often confused with {0}.",
    "It is by no means {0}.",
    "I doubt it is {0}.",
    "None of {0}, {0} or {0}.",
    "It is n't {0}.",
]
SAID_INSTEAD = [
    "It is not {0} but {1}.",
    "It is not {0}, but {1}.",
    "It is not {0}, it is {1}.",
    "It's not {0} it's {1}.",
    "It is not {0}; {1} is.",
    "It is not {0} - {1} is.",
    "It is not {0}, but rather {1}.",
    "Not {0}, {1}.",
    "Not {0}, {0} or {0}, but {1}.",
    "{1}, not {0}.",
    "{1} (not {0}).",
    "{1}, not {0}, is the capital.",
    "It is {1} rather than {0}.",
    "Rather than {0}, it is {1}.",
    "It is {1} instead of {0}.",
    "Instead of {0}, {1}.",
    "Unlike {0}, it is {1}.",
    "It is {1} and {0} is not.",
    "It is {1}, which is not {0}.",
    "It is {1}, isn't it?",
    "Contrary to what is said, it is not {0} but {1}.",
    "I am not sure, but it is {1}, not {0}.",
]
NOT_DENIED = [
    "It is {0}.",
    "It is none other than {0}.",
    "{0} is not only the capital but also the largest city.",
    "It is nothing but {0}.",
    "I am not sure, but it is {0}.",
    "I'm not sure, maybe {0}.",
    "No, it is {0}.",
    "No doubt it is {0}.",
]


@pytest.mark.parametrize("sentence", DENIED)
@given(NAMES)
def test_what_is_denied_alone_is_never_asserted(sentence, name):
    assert name not in asserted(sentence.format(name))


@pytest.mark.parametrize("sentence", SAID_INSTEAD)
def test_what_is_said_instead_is_asserted(sentence):
    said = asserted(sentence.format("Kabul", "Paris"))
    assert "Paris" in said
    assert "Kabul" not in said


@pytest.mark.parametrize("sentence", NOT_DENIED)
def test_what_only_looks_like_a_denial_stays(sentence):
    assert "Paris" in asserted(sentence.format("Paris"))


@given(st.text())
def test_any_text_asserts_a_part_of_itself_at_most(text):
    assert len(asserted(text)) <= len(text)


@given(st.text(st.sampled_from("abc .,()"), max_size=40))
def test_a_sentence_without_denial_stays_as_it_is(text):
    assert asserted(text) == text
