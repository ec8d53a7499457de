"""What answers say of a fact, and of the one asked about, against hand-made cases, the world itself and plain loops."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.bios.answers import outcome, stated
from itl_bench.data.bios.words import POOLS
from itl_bench.data.rows import Fact, Prompt, Response
from itl_bench.errors import EvidenceError
from itl_bench.measures.knowledge import knowledge

COLUMNS = ["accuracy", "wrong", "none", "empty"]
COUNTS = ["values", "true_values"]
FACT = Fact(subject="Ana Berg", attribute="hobby", value="chess")
TRUTHS = {"hobby": "chess", "birth-year": "1950", "profession": "baker"}


def prompt(name: str = "p", fact: Fact | None = FACT, truths: dict[str, str] | None = None) -> Prompt:
    unit, truths = f"unit of {name}", truths or {}
    return Prompt(id=name, unit=unit, instruction="Which hobby?", fact=fact, truths=truths)


def response(text: str, name: str = "p") -> Response:
    return Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("Her hobby is chess.", "accuracy"),
        ("chess, and again chess", "accuracy"),
        ("Her hobby is rowing.", "wrong"),
        ("chess or rowing", "wrong"),
        ("I do not know.", "none"),
        ("She was born in 1950.", "none"),
        (" \n", "empty"),
        ("", "empty"),
    ],
)
def test_one_column_is_one(text, column):
    table = knowledge([prompt()], [response(text)], stated)
    expected = {name: (1.0 if name == column else 0.0,) for name in COLUMNS}
    assert table.columns == expected | dict.fromkeys(COUNTS, (None,))


def test_repeated_values_of_a_world_that_repeats_them_are_one_value():
    table = knowledge([prompt()], [response("x")], lambda text, attribute: ("chess", "chess"))
    assert table.columns["accuracy"] == (1.0,)


def test_a_prompt_without_a_fact_says_nothing():
    table = knowledge([prompt(fact=None)], [response("chess")], stated)
    assert table.columns == dict.fromkeys(COLUMNS + COUNTS, (None,))


@pytest.mark.parametrize(
    ("text", "values", "true_values"),
    [
        ("Her hobby is chess.", 1, 1),
        ("Her hobby is rowing.", 1, 0),
        ("chess or rowing, and again chess", 2, 1),
        ("A baker born in 1950 who plays chess.", 3, 3),
        ("A miner born in 1950 and in 1951 who plays chess.", 4, 2),
        ("She works for Bortronics.", 0, 0),  # of an attribute of which nothing is known
        ("I do not know.", 0, 0),
        (" \n", 0, 0),
        ("", 0, 0),
    ],
)
def test_stated_values_are_counted_whatever_was_asked(text, values, true_values):
    for fact in (FACT, None):
        columns = knowledge([prompt(fact=fact, truths=TRUTHS)], [response(text)], stated).columns
        assert [columns[name] for name in COUNTS] == [(values,), (true_values,)]


def test_a_value_of_two_attributes_counts_for_each():
    columns = knowledge([prompt(truths=TRUTHS)], [response("x")], lambda text, attribute: ("chess", "chess")).columns
    assert [columns[name] for name in COUNTS] == [(3.0,), (1.0,)]


SOME_WORDS = [pool[place] for pool in POOLS.values() for place in (0, 1)] + ["perhaps", "Ana", "."]


@given(st.lists(st.sampled_from(SOME_WORDS), max_size=9), st.integers(0, 63))
def test_counts_are_those_of_a_plain_loop_over_words(words, chosen):
    truths = {name: pool[chosen >> place & 1] for place, (name, pool) in enumerate(POOLS.items())}
    seen, true = [], 0
    for word in re.split(r"\W+", " ".join(words)):
        for name, pool in POOLS.items():
            if word in pool and word not in seen:
                seen.append(word)
                true += word == truths[name]
    columns = knowledge([prompt(truths=truths)], [response(" ".join(words))], stated).columns
    assert [columns[name] for name in COUNTS] == [(len(seen),), (true,)]


def test_no_prompts_give_no_rows():
    assert knowledge([], [], stated).columns == dict.fromkeys(COLUMNS + COUNTS, ())


def test_rows_are_in_the_order_of_prompts_whatever_that_of_responses():
    prompts = [prompt(name) for name in "bca"]
    table = knowledge(prompts, [response("chess", "a"), response("", "b"), response("rowing", "c")], stated)
    assert table.prompts == ("b", "c", "a")
    assert table.units == ("unit of b", "unit of c", "unit of a")
    assert table.columns["empty"] == (1.0, 0.0, 0.0)
    assert table.columns["wrong"] == (0.0, 1.0, 0.0)
    assert table.columns["accuracy"] == (0.0, 0.0, 1.0)


@given(st.lists(st.sampled_from(["chess", "rowing", "1950", "perhaps", " ", ""]), max_size=5))
def test_columns_add_up_to_one_and_agree_with_the_world(words):
    text = " ".join(words)
    columns = knowledge([prompt()], [response(text)], stated).columns
    assert sum(columns[name][0] for name in COLUMNS) == 1.0
    names = {"right": "accuracy", "wrong": "wrong", "none": "none", "empty": "empty"}
    assert columns[names[outcome(text, "hobby", "chess")]] == (1.0,)


@pytest.mark.parametrize(
    ("prompts", "responses", "message"),
    [
        ("ab", "a", "1 prompts and responses have no counterpart, for example 'b'"),
        ("a", "ab", "1 prompts and responses have no counterpart, for example 'b'"),
        ("a", "aa", "answered twice"),
        ("aa", "a", "occurs twice"),
    ],
)
def test_prompts_and_responses_must_match(prompts, responses, message):
    with pytest.raises(EvidenceError, match=message):
        knowledge([prompt(name) for name in prompts], [response("chess", name) for name in responses], stated)
