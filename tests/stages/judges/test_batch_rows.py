"""Rows of a batch's files: whatever stands in one, it is counted once and spoils no other."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.stages.judges.batch_rows import Collected, read_rows
from itl_bench.stages.judges.judgement import Request
from itl_bench.stages.judges.key import Key
from itl_bench.stages.judges.open_batches import Row
from itl_bench.stages.judges.provider import _split
from tests.helpers.asking import JUDGE

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def fields(**kinds):
    return st.fixed_dictionaries({}, optional=kinds)


BODY = fields(model=JUNK, usage=JUNK, choices=JUNK, error=JUNK)
ROW = fields(
    custom_id=st.sampled_from("ab") | JUNK,
    error=JUNK | fields(code=JUNK, message=JUNK),
    response=JUNK | fields(status_code=JUNK | st.just(200), body=JUNK | BODY),
)


@settings(max_examples=50)
@given(st.lists(ROW, max_size=6))
def test_no_row_breaks_the_reading_and_each_is_counted_once(read):
    rows = {key: Row(Request(key, "", ("depth",)), 1, 0.1, False) for key in "abc"}
    seen, found = set(), Collected()
    lines = [json.dumps(one).encode() for one in read]
    results = read_rows(lines, JUDGE, Key("k" * 20), rows, seen, found)
    counted = found.unknown + found.repeated + found.unreadable + sum(found.outcomes.values())
    assert counted == len(read)
    assert set(results) == seen == {one["custom_id"] for one in read if one.get("custom_id") in ("a", "b")}


@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_are_whole_wherever_they_are_cut(lines, data):
    text = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert list(_split(chunks)) == lines
    assert list(_split([*chunks, b"rest"])) == [*lines, b"rest"]


def test_a_line_without_end_is_left_out(monkeypatch):
    monkeypatch.setattr("itl_bench.stages.judges.provider.LARGEST", 10)
    assert list(_split([b"one\ntw", b"o" * 20, b"o" * 20, b"o\nthree\n", b"x" * 20])) == [b"one", None, b"three", None]


# Killed anywhere
