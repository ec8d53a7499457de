"""The comparison with the plain Trainer: equal losses on a tiny model, and clear words for what is wrong."""

import json

import pytest
from typer.testing import CliRunner

from itl_bench.cli_perf import app
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.errors import UsageError
from itl_bench.perf_train import TrainSpeed, compare_train_speed, read_rows
from itl_bench.training.pretraining import new_model
from tests.test_tuning import SMALL, WORLD

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
    assert "times as fast; largest difference of a loss" in result.output


def test_the_ratio_is_of_seconds():
    assert TrainSpeed(100, 3.0, 1.5, 0.4, 0.1, 0.0, ()).ratio == 2


def test_rows_are_read_in_order(tmp_path):
    found = read_rows(written(tmp_path / "rows.jsonl", ROWS), 3)
    assert [(one.instruction, one.response) for one in found] == [
        (row["instruction"], row["response"]) for row in ROWS[:3]
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", "line 2: the line: Invalid JSON"),
        ("", "line 2: the line: Invalid JSON"),
        ('{"instruction": "Why?"}', "line 2: response: Field required"),
        ('{"instruction": "", "response": "x"}', "line 2: instruction: String should have at least 1 character"),
        ('{"instruction": "Why?", "response": 3}', "line 2: response: Input should be a valid string"),
        ('{"instruction": "Why?", "response": "So."}', "has 2 rows; 3 are needed"),
    ],
)
def test_a_bad_line_is_named(line, words, tmp_path):
    path = written(tmp_path / "rows.jsonl", ROWS[:1])
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        read_rows(path, 3)


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
