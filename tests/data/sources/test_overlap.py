"""Prompts that the tuning data hold already: against a plain loop over texts, and on the real files."""

import os
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Exchange, Item, Prompt
from itl_bench.data.sources.loading import load_items, load_prompts
from itl_bench.data.sources.overlap import overlap
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError

TEXT = st.lists(st.sampled_from("abc"), max_size=7).map(" ".join)


def item(number, instruction, history=()):
    earlier = tuple(Exchange(instruction=text, response="a b c") for text in history)
    return Item(id=f"d-{number}", instruction=instruction, response="a b c", history=earlier)


def prompt(number, text):
    return Prompt(id=f"p-{number}", unit=f"p-{number}", instruction=text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=2)), max_size=4), st.lists(TEXT, max_size=4), st.integers(1, 4))
def test_against_a_plain_loop(items, prompts, n):
    result = overlap((item(i, *one) for i, one in enumerate(items)), [prompt(i, p) for i, p in enumerate(prompts)], n)
    for position, text in enumerate(prompts):
        grams = {gram for gram in map(" ".join, product("abc", repeat=n)) if f" {gram} " in f" {text} "}
        asked = [[last, *earlier] for last, earlier in items]
        inside = {gram for gram in grams for texts in asked for other in texts if f" {gram} " in f" {other} "}
        assert result.exact[position] == sum(bool(text) and text in texts for texts in asked)
        assert result.shares[position] == (len(inside) / len(grams) if grams else None)
        hit = [
            i
            for i, texts in enumerate(asked)
            if (text and text in texts) or any(f" {g} " in f" {t} " for g in grams for t in texts)
        ]
        assert result.examples[position] == (f"d-{hit[0]}" if hit else "")


def test_case_punctuation_and_white_space_do_not_count_and_context_does():
    items = [Item(id="d-0", instruction="Add: ", context="ONE,\n two", response="three")]
    prompts = [prompt(0, "add one two"), prompt(1, "add one"), prompt(2, "three"), prompt(3, "!?")]
    result = overlap(items, prompts, n=2)
    assert result.exact == (1, 0, 0, 0)
    assert result.shares == (1.0, 1.0, None, None)
    assert result.found == ("p-0", "p-1")
    assert result.facts == {"prompts": 4, "exact": 1, "ngram": 2, "found": 2, "too_short": 2}


def test_one_question_in_several_spellings_is_found():
    items = [item(0, "Where is the caf\u00e9?"), item(1, "one two\u00a0three"), item(2, "Stra\u00dfe A1")]
    texts = ("where is the cafe\u0301", "o\u00adne two three", "STRASSE \uff21\uff11")
    assert overlap(items, [prompt(number, text) for number, text in enumerate(texts)], n=2).exact == (1, 1, 1)
    assert overlap(items, [prompt(0, "Where is the cafe?")]).exact == (0,)


def test_thirteen_words_is_the_default_and_none_is_refused():
    thirteen = "a b c d e f g h i j k l m"
    assert overlap([item(0, f"x {thirteen} y")], [prompt(0, f"y {thirteen} x")]).shares == (1 / 3,)
    with pytest.raises(UsageError, match="n-grams of 0 words"):
        overlap([], [], n=0)


@pytest.fixture
def real():
    folder = Path(os.environ.get("ITL_DATA_DIR", "missing"))
    if not (folder / "lima" / "lima.json").exists():
        pytest.skip("needs ITL_DATA_DIR with lima and just-eval-instruct")


def test_one_prompt_of_just_eval_is_in_lima(real):
    fields = {"instruction": "instruction", "input": "input", "output": "output", "history": "history"}
    lima = load_items("lima", SourceSpec(path="lima/lima.json", fields=fields, rows=1030, partial=True))
    assert lima.report.kept == 1029
    assert sum(bool(one.history) for one in lima.items) == 29
    groups = ["coding", "info-seek", "math", "procedure", "reasoning", "role-play", "writing"]
    fields = {"instruction": "instruction", "groups": groups}
    tagged = load_prompts("just-eval", SourceSpec(path="just-eval-instruct/tags.json", fields=fields, rows=800))
    fields = {"instruction": "instruction"}
    where = {"category": "regular"}
    files = ("prompts.jsonl", "example_data.json")
    for path in files:
        source = SourceSpec(path=f"just-eval-instruct/{path}", fields=fields, where=where, rows=800)
        assert load_prompts("just-eval", source).prompts == tagged.prompts
    # as cases/probes.yaml declares them
    assert [len(tagged.groups[name]) for name in groups] == [66, 431, 31, 160, 285, 52, 122]
    result = overlap(lima.items, tagged.prompts)
    assert result.facts["exact"] == 1
    assert result.found == ("just-eval-503",)
    assert result.examples[503] == "lima-547"


def test_the_other_real_files_load(real):
    alpaca = {"instruction": "instruction", "input": "input", "output": "output"}
    dolly = {"instruction": "instruction", "input": "context", "output": "response"}
    source = SourceSpec(path="dolly-15k/databricks-dolly-15k.jsonl", fields=dolly, rows=15011)
    assert load_items("dolly", source).report.duplicates == 15011 - 14996
    filtered = load_items("f", SourceSpec(path="alpagasus/dolly_3k.json.gz", fields=alpaca, rows=2996))
    assert len(filtered.items) == 2996
    part = SourceSpec(path="alpaca-52k-partial/alpaca_partial.jsonl.gz", fields=alpaca, rows=52002, partial=True)
    assert load_items("alpaca", part).report.notes == ("a partial copy: 18,669 of 52,002 rows",)
    fields = {"instruction": "instruction", "groups": ["difficulty"]}
    source = SourceSpec(path="medinstruct/MedInstruct-test.jsonl", fields=fields, rows=216)
    assert [len(ids) for ids in load_prompts("m", source).groups.values()] == [44, 46, 41, 41, 44]
    source = SourceSpec(path="lima/lima_test.jsonl", fields={"messages": "conversations"}, rows=300)
    assert len(load_prompts("lima-test", source).prompts) == 300
