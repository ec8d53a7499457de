"""Fields beside those that are read: about the loss they are refused, others are ignored or counted."""

import json

import pytest

from itl_bench.data.sources.loading import load_items
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError

MESSAGES = {"messages": "messages"}
QUESTION = {"instruction": "q", "output": "a"}


def load(path, rows, fields, /, **given):
    path = path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_items("d", SourceSpec(path=str(path), fields=fields, **given))


def chat(asked, answered, **flags):
    """A conversation whose second message has further fields."""
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered, **flags}]}


def flagged(**flags):
    return chat("a", "b", **flags)


OTHER_FLAGS = [
    {"training": 0}, {"train_detail": [{"train": False}]}, {"masked": True}, {"loss_mask": 0}, {"mask": True},
    {"loss_weight": 0}, {"Weight": 0}, {"WEIGHT": 0}, {"lossMask": 1}, {"no_train": True}, {"exclude_from_loss": True},
]  # fmt: skip


@pytest.mark.parametrize("flags", OTHER_FLAGS, ids=str)
def test_what_could_be_about_the_loss_is_refused_under_any_name_of_messages_and_rows(tmp_path, flags):
    for row in (flagged(**flags), {**chat("a", "b"), **flags}):
        with pytest.raises(UsageError, match=f"'{next(iter(flags))}' of .* is not honoured here"):
            load(tmp_path, [row], MESSAGES)


UNKNOWN = {"id": 7, "timestamp": "2024", "language": "English", "toxic": False, "moderation": {"hate": 0.1}}
UNKNOWN |= {"constraints": ["short"], "glossary": "x", "strain": 1, "name": None, "weight": None}


def test_other_unknown_fields_are_ignored_and_so_is_what_changes_nothing(tmp_path):
    plain = load(tmp_path, [chat("a", "b")], MESSAGES)
    for row in (flagged(**UNKNOWN), chat("a", "b") | UNKNOWN, flagged(masked=False), chat("a", "b") | {"weight": 1}):
        assert load(tmp_path, [row], MESSAGES) == plain
    assert load(tmp_path, [chat("a", "b") | {"weight": 0}], MESSAGES, where={"weight": 0}).items == plain.items


@pytest.mark.parametrize("part", ["reasoning_content", "thinking", "tool_calls", "function_call", "images"])
def test_reasoning_tool_calls_and_media_beside_a_text_are_counted(tmp_path, part):
    rows = [flagged(**{part: ["x"]}), flagged(**{part: []}), flagged(**{part: None})]
    report = load(tmp_path, rows, MESSAGES).report
    assert (report.kept, report.unread_parts) == (3, 1)


def test_a_column_of_a_parquet_file_that_speaks_of_the_loss_is_seen(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"q": ["a"], "a": ["b"], "weight": [0.0]}), tmp_path / "rows.parquet")
    with pytest.raises(UsageError, match=r"row 0: 'weight' of 0\.0 is not honoured here"):
        load_items("d", SourceSpec(path=str(tmp_path / "rows.parquet"), fields=QUESTION))
