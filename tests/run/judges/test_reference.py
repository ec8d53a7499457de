"""Recorded judgements: read as they are, and refused with the place where they are something else."""

import json

import pytest

from itl_bench.errors import UsageError
from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import ASPECTS, load_rubric
from itl_bench.run.judges.reference import read_reference, requests_of
from tests.helpers.recorded_judgements import line, write_reference

RUBRIC = load_rubric("aspects-1")
FIVES = dict.fromkeys(ASPECTS, "5")


def test_scores_are_read_in_all_their_forms(tmp_path):
    said = ["5", 4, 3.5, "N/A", "n/a"]
    path = write_reference(tmp_path / "r.jsonl", [line(1, dict(zip(ASPECTS, said, strict=True)))])
    (found,) = read_reference(path, RUBRIC)
    assert (found.instruction, found.answer) == ("Question 1?", "Answer 1.")
    assert list(found.scores.values()) == [5, 4, 3.5, None, None]
    assert set(json.loads(found.reply)) == set(ASPECTS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input": None}, "r.jsonl:2: input: None was given; accepted is text"),
        ({"parsed_result": None}, "r.jsonl:2: parsed_result: None was given"),
        ({"parsed_result": {**FIVES, "style": "5"}}, "r.jsonl:2: parsed_result: unknown aspect 'style'"),
        ({"parsed_result": {"helpfulness": "5"}}, "r.jsonl:2: parsed_result: no 'clarity'; aspects-1 has helpfulness"),
        ({"parsed_result": {**FIVES, "depth": "6"}}, "r.jsonl:2: depth: '6' was given; accepted is a number from 1"),
        ({"parsed_result": {**FIVES, "depth": "nan"}}, "r.jsonl:2: depth: 'nan' was given"),
        ({"parsed_result": {**FIVES, "depth": True}}, "r.jsonl:2: depth: True was given"),
        ({"parsed_result": {**FIVES, "depth": {"score": [5]}}}, r"r.jsonl:2: depth: \[5\] was given"),
    ],
)  # fmt: skip
def test_a_line_that_is_something_else_is_named(tmp_path, change, said):
    path = write_reference(tmp_path / "r.jsonl", [line(1, FIVES), {**line(2, FIVES), **change}])
    with pytest.raises(UsageError, match=said):
        read_reference(path, RUBRIC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"{", "r.jsonl:1: not valid JSON"),
        (b"[" * 100_000, "r.jsonl:1: not valid JSON"),
        (b"[1]\n", r"r.jsonl:1: \[1\] was given"),
        (b'{"input": "a"}\n', "r.jsonl:1: no 'output_cand'; a line needs input, output_cand, parsed_result"),
        (b"\xff\xfe", "cannot be read: no UTF-8 text"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, text, said):
    path = tmp_path / "r.jsonl"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=said):
        read_reference(path, RUBRIC)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"the reference .*none.jsonl cannot be read: No such file"):
        read_reference(tmp_path / "none.jsonl", RUBRIC)


def test_an_answer_that_stands_there_twice_is_asked_about_twice(tmp_path):
    path = write_reference(tmp_path / "r.jsonl", [line(1, FIVES), line(2, FIVES), line(1, FIVES)])
    asked = requests_of(read_reference(path, RUBRIC), Judge(id="j", model="m"), RUBRIC)
    assert len({one.request.key for one in asked}) == 3
