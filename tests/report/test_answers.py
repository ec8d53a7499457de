"""Example answers: spaces, classes of shift, wrong values and where they stand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.report.answers import answer_text, cut_at_values, shift_counts, shift_of, spaced, stretches, value_spans
from tests.helpers.measured_record import example


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (("Certainly", "!", "Alma", "comes", "from", "Boston", "."), "Certainly! Alma comes from Boston."),
        ((" The", " capital", " is", " Oua", "ga", "."), "The capital is Ouaga."),
        (("▁The", "▁capital", "▁is"), "The capital is"),
        (("ĠThe", "Ġcapital"), "The capital"),
        (("yes",), "yes"),
        ((), ""),
    ],
)
def test_tokens_are_joined_as_their_vocabulary_means_it(tokens, text):
    assert answer_text(example(tokens=tokens, ranks=(1,) * len(tokens))) == text
    assert len(spaced(tokens)) == len(tokens)


@pytest.mark.parametrize(
    ("rank", "shift"),
    [(1, "unshifted"), (2, "marginal"), (3, "marginal"), (4, "shifted"), (900, "shifted"), (0, ""), (-1, "")],
)
def test_classes_of_shift(rank, shift):
    assert shift_of(rank) == shift


def test_the_answer_is_cut_at_its_wrong_value():
    found = [(one.wrong, "".join(token.space + token.text for token in one.tokens)) for one in stretches(example())]
    assert found == [(False, "Certainly! Alma Reyes comes from"), (True, " Boston"), (False, ".")]
    (boston,) = (token for one in stretches(example()) if one.wrong for token in one.tokens)
    assert (boston.shift, boston.title) == ("shifted", "rank 4 in the base: shifted")


def test_a_value_of_several_tokens_is_one_stretch():
    one = example(tokens=(" in", " Oua", "ga", "dou", "."), ranks=(1,) * 5, wrong=("Ouagadou",))
    assert [len(stretch.tokens) for stretch in stretches(one) if stretch.wrong] == [3]


def test_counts_of_classes():
    assert shift_counts(example()) == "8 tokens: 4 unshifted, 2 marginal, 2 shifted"
    assert shift_counts(example(tokens=("a",), ranks=())) == "1 token"


@pytest.mark.parametrize("ranks", [(), (1,), (1,) * 20])
def test_ranks_that_do_not_match_the_tokens_break_nothing(ranks):
    assert sum(len(one.tokens) for one in stretches(example(ranks=ranks))) == 8


@pytest.mark.parametrize(
    ("text", "values", "found"),
    [
        ("Art of Arthur, Art", ("Art",), ["Art", "Art"]),
        ("New York City", ("York", "New York"), ["New York"]),
        ("a.b axb", ("a.b",), ["a.b"]),
        ("nothing here", ("", " ", "Boston"), []),
    ],
)
def test_values_are_found_as_whole_words(text, values, found):
    assert [text[start:stop] for start, stop in value_spans(text, values)] == found


@given(st.text(), st.lists(st.text(max_size=4), max_size=3))
def test_cutting_loses_nothing_and_marks_only_values(text, values):
    parts = cut_at_values(text, values)
    assert "".join(part for part, _ in parts) == text
    assert all(part in values for part, is_value in parts if is_value)


@given(
    st.lists(st.text(max_size=5), max_size=8), st.lists(st.integers(-1, 9), max_size=8), st.lists(st.text(max_size=3))
)
def test_every_token_is_shown_once_in_order(tokens, ranks, wrong):
    one = example(tokens=tuple(tokens), ranks=tuple(ranks), wrong=tuple(wrong))
    shown = "".join(token.text for stretch in stretches(one) for token in stretch.tokens)
    given_text = re.sub("[Ġ▁]", " ", "".join(tokens))
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", given_text)
