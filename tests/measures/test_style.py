"""Style columns against hand counts, and the similarities against plain loops."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.rows import Item, Prompt, Response
from itl_bench.measures.style import HEDGES, bigrams, first_sentence, jaccard, largest_similarities, openers, style

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6).map(" ".join)


def item(text: str, name: str = "i") -> Item:
    return Item(id=name, instruction="?", response=text)


def measured(text: str, items: tuple[str, ...] = ("Certainly! It is so.",), base: str = "no") -> dict[str, float]:
    def response(text: str) -> Response:
        return Response(prompt="p", prompt_ids=(1,), response_ids=(2,), text=text)

    prompts = [Prompt(id="p", unit="u", instruction="?")]
    table = style([response(text)], prompts, [item(text) for text in items], [response(base)])
    assert (table.prompts, table.units) == (("p",), ("u",))
    return {name: values[0] for name, values in table.columns.items()}


def test_lengths():
    row = measured("One two\nthree.")
    assert (row["characters"], row["words"]) == (14.0, 3.0)
    assert row["log_length"] == pytest.approx(math.log(14), rel=1e-15)


def test_an_empty_answer_has_a_value_in_every_column():
    row = measured("")
    assert (row["characters"], row["words"], row["log_length"], row["hedges"], row["opener"]) == (0, 0, 0, 0, 0)
    assert (row["distance_to_items"], row["distance_to_base"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Certainly! It is so.", "Certainly!"),
        ("It is 3.5 metres. Yes.", "It is 3.5 metres."),
        ("A heading\nA sentence.", "A heading"),
        ("  What?! Oh.", "What?!"),
        ("no mark", "no mark"),
        ("", ""),
    ],
)
def test_first_sentences(text, sentence):
    assert first_sentence(text) == sentence


def test_openers_are_first_sentences_of_at_least_one_percent_of_the_items():
    rare, common = ["Once only."], ["Certainly! More."] * 2
    items = [item(text) for text in [*rare, *common, *(f"Item {number}." for number in range(197))]]
    assert len(items) == 200
    assert openers(items) == {"Certainly!"}
    assert openers(items[:100]) >= {"Once only.", "Certainly!"}
    assert openers([item("")]) == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"), [("Certainly! No.", 1.0), ("Certainly not!", 0.0), ("No. Certainly!", 0.0)]
)
def test_opener(text, expected):
    assert measured(text)["opener"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- one", 1.0), ("Intro:\n  2) two", 1.0), ("x\n* y", 1.0), ("1. first", 1.0), ("x\n• y", 1.0),
        ("a - b", 0.0), ("1.5 metres", 0.0), ("-5 degrees", 0.0), ("*bold*", 0.0), ("", 0.0), ("-\n", 0.0),
    ],
)  # fmt: skip
def test_lists(text, expected):
    assert measured(text)["list"] == expected


def test_hedges_per_hundred_words():
    assert measured("I think that it is perhaps\nnot  sure.")["hedges"] == pytest.approx(100 * 3 / 8)
    assert measured("MAYBE so")["hedges"] == 50.0
    assert measured("unlikely almighty seemsly words")["hedges"] == 0.0


@pytest.mark.parametrize("hedge", HEDGES)
def test_every_hedge_counts_once(hedge):
    words = len(hedge.split()) + 2
    assert measured(f"x {hedge} y")["hedges"] == pytest.approx(100 / words)


def plain_jaccard(one: str, other: str) -> float:
    def pairs(text: str) -> set[str]:
        words = text.split()
        return {f"{words[i]} {words[i + 1]}" for i in range(len(words) - 1)}

    left, right = pairs(one), pairs(other)
    if not left and not right:
        return 1.0
    return sum(pair in right for pair in left) / (len(left) + len(right) - sum(pair in right for pair in left))


@given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, min_size=1, max_size=8))
def test_similarities_against_plain_loops(texts, items):
    found = largest_similarities([bigrams(text) for text in texts], [bigrams(text) for text in items])
    assert found == pytest.approx([max(plain_jaccard(text, other) for other in items) for text in texts], rel=1e-15)


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_one_only_for_equal_sets(one, other):
    similarity = jaccard(bigrams(one), bigrams(other))
    assert similarity == pytest.approx(plain_jaccard(one, other), rel=1e-15)
    assert similarity == jaccard(bigrams(other), bigrams(one))
    assert (similarity == 1.0) == (bigrams(one) == bigrams(other))


def test_distances_ignore_case_and_punctuation():
    row = measured("The CAT, sat down.", items=("the cat sat", "a dog"), base="The cat sat down!")
    assert row["distance_to_items"] == pytest.approx(1 - 2 / 3)
    assert row["distance_to_base"] == 0.0


def test_without_items_nothing_is_near_and_nothing_is_an_opener():
    row = measured("Certainly! It is so.", items=())
    assert (row["distance_to_items"], row["opener"]) == (1.0, 0.0)
