"""What answers say of a fact, against hand-made cases and the classing of the world itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.bios.answers import outcome, stated
from itl_bench.data.rows import Fact, Prompt, Response
from itl_bench.errors import EvidenceError
from itl_bench.measures.knowledge import knowledge

COLUMNS = ["accuracy", "wrong", "none", "empty"]
FACT = Fact(subject="Ana Berg", attribute="hobby", value="chess")


def prompt(name: str = "p", fact: Fact | None = FACT) -> Prompt:
    return Prompt(id=name, unit=f"unit of {name}", instruction="Which hobby?", fact=fact)


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
    assert table.columns == {name: (1.0 if name == column else 0.0,) for name in COLUMNS}


def test_repeated_values_of_a_world_that_repeats_them_are_one_value():
    table = knowledge([prompt()], [response("x")], lambda text, attribute: ("chess", "chess"))
    assert table.columns["accuracy"] == (1.0,)


def test_a_prompt_without_a_fact_says_nothing():
    table = knowledge([prompt(fact=None)], [response("chess")], stated)
    assert table.columns == dict.fromkeys(COLUMNS, (None,))


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
    assert sum(values[0] for values in columns.values()) == 1.0
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
