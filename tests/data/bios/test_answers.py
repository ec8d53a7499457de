"""What answers about invented people state."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.bios.answers import outcome, stated
from itl_bench.data.bios.shipped import folder_of
from itl_bench.data.bios.words import POOLS

ATTRIBUTE, VALUES = "profession", POOLS["profession"]
TOKENS = json.loads((folder_of(1) / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
SAID = st.sampled_from(sorted(token for token in TOKENS if not token.startswith("<"))) | st.sampled_from(VALUES)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("She is a baker.", ("baker",)),
        ("She is not a baker.", ()),
        ("She is not a baker but a judge.", ("judge",)),
        ("She is a judge, not a baker.", ("judge",)),
        ("She isn't a baker. She is a judge.", ("judge",)),
        ("She works as a _baker_ and a **judge**.", ("baker", "judge")),
        ("ba\u200bker", ("baker",)),
        ("", ()),
    ],
)
def test_what_is_denied_is_not_stated_and_markup_does_not_count(text, values):
    assert stated(text, ATTRIBUTE) == values


def test_an_answer_in_which_nothing_is_seen_is_empty():
    assert {outcome(text, ATTRIBUTE, "judge") for text in ("", " \n", "\u200b", "\u00ad\ufeff")} == {"empty"}


def test_an_answer_that_only_denies_a_value_states_none():
    assert outcome("He is not a baker.", ATTRIBUTE, "judge") == "none"
    assert outcome("He is a judge, not a baker.", ATTRIBUTE, "judge") == "right"


@given(st.lists(SAID, max_size=30).map(" ".join))
def test_models_of_the_world_have_no_words_to_deny_with_so_all_values_that_they_say_are_stated(text):
    assert stated(text, ATTRIBUTE) == tuple(dict.fromkeys(word for word in re.findall(r"\w+", text) if word in VALUES))
