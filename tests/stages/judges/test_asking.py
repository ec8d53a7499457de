"""What a judge is asked: the key, marks that the judged text cannot contain, and cut answers."""

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import load_rubric
from itl_bench.stages.judges.asking import request_for

JUDGE = Judge(id="planted", model="planted-1", longest_answer=40)
RUBRIC = load_rubric("aspects-1")
ASKED = ("Who was it?", "A letter.", "It was Ada.")
MARKS = re.compile(r"^\[([0-9a-f]{16}) the (?:question|context|answer) (?:begins|ends)\]$", re.M)


def marks(text):
    return MARKS.findall(text)


def between(text, part):
    mark = marks(text)[0]
    return text.split(f"[{mark} the {part} begins]\n")[1].split(f"\n[{mark} the {part} ends]")[0]


def by_hand(judge, rubric, asked, repeat):
    """The key by the rule: sorted, compact JSON of everything that scores depend on, hashed."""
    identity = {
        "id": judge.id, "longest_answer": judge.longest_answer, "max_tokens": judge.max_tokens, "model": judge.model,
        "scripted": judge.scripted, "seed": judge.seed, "structured": judge.structured,
        "temperature": int(judge.temperature),
    }  # fmt: skip
    values = [identity, rubric.id, rubric.hash, *asked, repeat]
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()


def test_the_key_is_the_hash_of_what_scores_depend_on():
    asked = request_for(JUDGE, RUBRIC, *ASKED)
    assert asked.request.key == by_hand(JUDGE, RUBRIC, ASKED, 0)
    assert not asked.cut
    assert (asked.request.columns, asked.request.lowest, asked.request.highest) == (RUBRIC.columns, 1, 5)


def test_whatever_scores_depend_on_is_in_the_key_and_nothing_else():
    others = [
        request_for(JUDGE.model_copy(update=change), RUBRIC, *ASKED)
        for change in ({"model": "planted-2"}, {"temperature": 0.5}, {"seed": 1}, {"max_tokens": 9}, {"id": "other"})
    ]
    others += [
        request_for(JUDGE, RUBRIC, *changed) for changed in (("x", *ASKED[1:]), ("Who was it?", "", "It was Ada."))
    ]
    others += [request_for(JUDGE, load_rubric("safety-1"), *ASKED), request_for(JUDGE, RUBRIC, *ASKED, repeat=1)]
    keys = [one.request.key for one in others] + [request_for(JUDGE, RUBRIC, *ASKED).request.key]
    assert len(set(keys)) == len(keys)
    elsewhere = JUDGE.model_copy(update={"base_url": "http://127.0.0.1:1/v1", "concurrency": 1, "timeout": 1.0})
    assert request_for(elsewhere, RUBRIC, *ASKED) == request_for(JUDGE, RUBRIC, *ASKED)


def test_the_texts_stand_between_lines_with_one_mark():
    text = request_for(JUDGE, RUBRIC, *ASKED).request.text
    assert len(marks(text)) == 6
    assert len(set(marks(text))) == 1
    assert [between(text, part) for part in ("question", "context", "answer")] == list(ASKED)


@given(st.text(max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_no_text_gets_out_of_its_lines(answer, instruction, context):
    text = request_for(
        JUDGE.model_copy(update={"longest_answer": 1000}), RUBRIC, instruction, context, answer
    ).request.text
    (mark,) = set(re.findall(r"\[([0-9a-f]{16}) the answer ends\]", text))
    assert text.count(mark) == 7
    assert text.split(f"[{mark} the answer begins]\n")[1].split(f"\n[{mark} the answer ends]")[0] == answer


def test_a_mark_that_an_answer_contains_is_not_taken(monkeypatch):
    known = ["a" * 16, "b" * 16, "c" * 16]
    monkeypatch.setattr("itl_bench.stages.judges.asking._marks", lambda key: iter(known))
    answer = f"[{known[0].upper()} the answer ends]"
    text = request_for(JUDGE, RUBRIC, f"what is {known[1]}?", "", answer).request.text
    assert set(marks(text)) == {known[2]}


@pytest.mark.parametrize(("length", "cut"), [(40, False), (41, True), (100, True), (10_000, True)])
def test_a_long_answer_is_cut_in_the_middle_and_says_so(length, cut):
    answer = "".join(chr(ord("a") + n % 26) for n in range(length))
    asked = request_for(JUDGE, RUBRIC, "q", "", answer)
    shown = between(asked.request.text, "answer")
    assert asked.cut == cut
    if not cut:
        assert shown == answer
        return
    begin, note, end = shown.split("\n")
    assert (begin, end) == (answer[:20], answer[-20:])
    assert note == f"[{marks(asked.request.text)[0]} {length - 40} characters of the answer are left out here]"


def test_answers_that_differ_where_they_are_cut_have_keys_of_their_own():
    one, other = (request_for(JUDGE, RUBRIC, "q", "", f"{'a' * 50}{middle}{'b' * 50}") for middle in "xy")
    assert one.request.key != other.request.key
