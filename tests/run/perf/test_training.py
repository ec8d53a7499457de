"""The comparison with the plain Trainer: equal losses on a tiny model, and clear words for what is wrong."""

import gzip
import json
import math
import re

import pytest
from typer.testing import CliRunner

from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.errors import UsageError
from itl_bench.run.commands.perf import app
from itl_bench.run.perf.training import TrainSpeed, compare_train_speed, first_items
from itl_bench.stages.training.bases import new_model
from tests.helpers.tiny_items import SMALL, WORLD

ROWS = [{"instruction": f"Where does {name} live?", "response": "In a town. " * count, "category": "open"}
        for count, name in enumerate(["Ann", "Bob", "Cleo", "Dan"] * 8, start=1)]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer(WORLD)
    new_model(SMALL, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_losses_agree_and_padding_falls(folder, tmp_path):
    speed = compare_train_speed(folder, written(tmp_path / "rows.jsonl", ROWS * 2), "full", 2, 64, 8)
    assert speed.largest_difference < 1e-5
    assert 0 < speed.padding < speed.plain_padding
    assert speed.ratio > 0
    assert speed.notes == ()


def test_the_command_prints_a_ratio_for_each_method(folder, tmp_path):
    data = written(tmp_path / "rows.jsonl", ROWS)
    result = CliRunner().invoke(
        app,
        ["train", "--model", str(folder), "--data", str(data), "--updates", "1", "--method", "lora", "--cutoff", "32"],
    )
    assert result.exit_code == 0
    assert "lora: 1 updates of 32 rows" in result.output
    assert re.search(r"times as fast; largest difference of a loss \S+ nats, at update 1$", result.output, re.M)


def speed_of(*differences):
    return TrainSpeed(100, 3.0, 1.5, 0.4, 0.1, differences, ())


def test_the_ratio_is_of_seconds():
    assert speed_of(0.0).ratio == 2


@pytest.mark.parametrize(
    ("differences", "at"),
    [((0.0,), 1), ((1e-7, 3e-5, 2e-6), 2), ((0.0, 0.0), 1), ((1.0, math.nan, 2.0), 2), ((math.nan, math.inf), 1)],
)
def test_the_update_that_differs_most_is_named(differences, at):
    speed = speed_of(*differences)
    assert speed.farthest == at
    assert speed.largest_difference is differences[at - 1]  # a number that is none equals nothing


def test_twenty_updates_are_compared_one_by_one(folder, tmp_path):
    speed = compare_train_speed(folder, written(tmp_path / "rows.jsonl", ROWS * 20), "lora", 20, 32, 8)
    assert len(speed.differences) == 20
    assert speed.largest_difference < 1e-4


def test_rows_are_read_in_order(tmp_path):
    found = first_items(written(tmp_path / "rows.jsonl", ROWS), 3)
    assert [(one.instruction, one.response) for one in found] == [
        (row["instruction"], row["response"].rstrip()) for row in ROWS[:3]
    ]


def test_rows_under_other_names_and_in_other_formats(tmp_path):
    row = {"instruction": "Add.", "input": "1 and 2", "output": "3", "history": [["Hello?", "Hello!"]]}
    path = tmp_path / "rows.json.gz"
    path.write_bytes(gzip.compress(json.dumps([row, row | {"output": " "}, row | {"history": None}]).encode()))
    first, second = first_items(path, 2)  # a row without response is none
    assert (first.instruction, first.context, first.response) == ("Add.", "1 and 2", "3")
    assert [(one.instruction, one.response) for one in first.history] == [("Hello?", "Hello!")]
    assert second.history == ()


def test_a_later_row_may_have_the_context(tmp_path):
    rows = [ROWS[0], ROWS[1] | {"context": "Bob moved."}]
    assert [one.context for one in first_items(written(tmp_path / "rows.jsonl", rows), 2)] == ["", "Bob moved."]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", ":2:1: not valid JSON"),
        ("[3]", ":2: expected an object"),
        ('{"instruction": "Why?"}', "row 1: unknown field 'response'"),
        ('{"answer": "So.", "response": "x"}', "row 1: unknown field 'instruction'"),
        ('{"instruction": "Why?", "response": 3}', "row 1: 'response': expected text, found 3"),
        ("", "has 1 rows to train on; 3 are needed"),
        ('{"instruction": "", "response": "x"}', "has 1 rows to train on; 3 are needed"),
        (
            '{"instruction": "Why?", "response": "So."}',
            "has 2 rows to train on; 3 are needed, or ask for fewer",
        ),
    ],
)
def test_a_bad_line_is_named(line, words, tmp_path):
    path = written(tmp_path / "rows.jsonl", ROWS[:1])
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        first_items(path, 3)


def test_wrong_names_and_numbers_are_named(folder, tmp_path):
    data = written(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(UsageError, match="did you mean 'lora'"):
        compare_train_speed(folder, data, "lorra", 1, 64, 8)
    with pytest.raises(UsageError, match="accepted are parts of 32"):
        compare_train_speed(folder, data, "lora", 1, 64, 5)
    with pytest.raises(UsageError, match="holds no model"):
        compare_train_speed(tmp_path, data, "lora", 1, 64, 8)
    with pytest.raises(UsageError, match="is no file"):
        compare_train_speed(folder, tmp_path / "absent.jsonl", "lora", 1, 64, 8)
