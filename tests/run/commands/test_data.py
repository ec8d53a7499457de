"""`itl-bench data`: small files of a folder of one's own, ugly ones too, and the real files where they are."""

import gzip
import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from itl_bench.cli import main

ROWS = [("Who sings best?", "Ana."), ("who SINGS best", "Bo."), ("Add [red]one[/red].", ""), ("Name it.", "So.")]
ASKED = ["Who sings best?", "Who sings worst?", "Add \x1b[31mone\x07."]
ENTRY = "title: t, family: f, levels: [paper], source: s, mean_tokens: 9, probes: [asked], rows: 4"
FIELDS = "fields: {instruction: q, output: a}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files, a catalog that declares them, and nothing else of the machine."""
    for name in ("ITL_DATA_DIR", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    lines = "".join(json.dumps({"q": question, "a": answer}) + "\n" for question, answer in ROWS)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps({"q": q}) + "\n" for q in ASKED), encoding="utf-8")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b'[{"q": "a", "a": "b"}]')[:-9])
    own = tmp_path / "own"
    own.mkdir()
    paths = {"mine": "rows.jsonl", "gone": "nowhere.jsonl", "cut": "cut.json.gz"}
    (own / "datasets.yaml").write_text(
        "".join(
            f"- {{name: {name}, {ENTRY}, rows_from: [{{path: {tmp_path / path}, {FIELDS}}}]}}\n"
            for name, path in paths.items()
        ),
        encoding="utf-8",
    )
    probe = f"[{{path: {tmp_path / 'asked.jsonl'}, fields: {{instruction: q}}}}]"
    text = f"- {{id: asked, title: t, levels: [paper], prompts: 3, rows_from: {probe}}}\n"
    (own / "probes.yaml").write_text(text, encoding="utf-8")
    return own


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """Run the command on the folder: exit code, lines of the answer, lines on stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["itl-bench", "data", *arguments, "--cases", str(folder)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out.splitlines(), printed.err.splitlines()

    return run


def test_what_is_here_is_counted_and_what_is_not_comes_with_a_way_to_get_it(call, folder):
    code, lines, errors = call("mine", "gone", "asked")
    assert (code, errors) == (0, [])
    rows = lines.index(f"mine (dataset): local, {folder.parent / 'rows.jsonl'}")
    assert lines[rows + 1] == "  4 rows, 3 kept; 1 empty responses, 0 duplicates"
    assert re.fullmatch(r"  sha256 [0-9a-f]{64}", lines[rows + 2])
    assert f"gone: missing dataset; put it at {folder.parent / 'nowhere.jsonl'}" in lines
    assert lines[lines.index(f"asked (probe): local, {folder.parent / 'asked.jsonl'}") + 1] == (
        "  3 rows, 3 kept; 0 duplicates"
    )


def test_all_are_listed_by_default_and_nothing_is_downloaded(call, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []
    real = hub.snapshot_download
    monkeypatch.setattr(hub, "snapshot_download", lambda *a, **k: asked.append(k) or real(*a, **k))
    code, lines, _ = call()
    assert code == 1  # because of the cut file
    text = "\n".join(lines)
    assert "hf download GAIR/lima" in text
    assert "hf download re-align/just-eval-instruct" in text
    assert "bios" not in text  # worlds are made, not got
    assert "lima-simple" not in text  # says nowhere where its rows are
    assert asked
    assert all(call["local_files_only"] for call in asked)


def test_a_partial_copy_is_said(call, folder):
    path = folder / "datasets.yaml"
    path.write_text(path.read_text("utf-8").replace("rows.jsonl, ", "rows.jsonl, rows: 9, partial: true, "), "utf-8")
    assert "  a partial copy: 4 of 9 rows" in call("mine")[1]


def test_a_broken_file_is_one_line_and_the_others_are_listed(call):
    code, lines, errors = call("list", "mine", "cut")
    assert code == 1
    assert len(errors) == 1
    assert re.match(r"ERROR: .*cut\.json\.gz", errors[0])
    assert lines[0].startswith("mine (dataset)")


@pytest.mark.parametrize(
    "arguments", [("myne",), ("list", "myne"), ("overlap", "myne"), ("overlap", "mine", "bios-known")]
)
def test_unknown_names_are_one_line(call, arguments):
    code, lines, errors = call(*arguments)
    assert (code, lines, len(errors)) == (2, [], 1)
    assert errors[0].startswith(f"ERROR: unknown dataset or probe from elsewhere '{arguments[-1]}'")
    assert "bios" in arguments[-1] or "did you mean 'mine'?" in errors[0]


def test_a_wrong_folder_of_data_is_one_line(call, monkeypatch, tmp_path):
    monkeypatch.setenv("ITL_DATA_DIR", str(tmp_path / "none"))
    for arguments in ((), ("overlap",)):
        code, lines, errors = call(*arguments)
        assert (code, lines, len(errors)) == (2, [], 1)
        assert errors[0].startswith(f"ERROR: ITL_DATA_DIR={tmp_path / 'none'}: no such folder; ")


def test_the_table_by_hand(call):
    code, lines, errors = call("overlap", "mine")
    assert code == 0
    assert [line.split() for line in lines[1:2]] == [["mine", "asked", "3", "1", "0", "3"]]
    assert lines[2:] == ["asked-0 is in mine-0: 'Who sings best?'"]
    assert errors == ["reading asked", "reading mine, dataset 1 of 1"]


def test_thirteen_words_and_many_prompts(call, folder):
    words = "one two three four five six seven eight nine ten eleven twelve thirteen"
    questions = [f"{words} \x1b[31m{number}" for number in range(4)]
    lines = "".join(json.dumps({"q": question}) + "\n" for question in [*questions, "Who sings best?"])
    (folder.parent / "asked.jsonl").write_text(lines, encoding="utf-8")
    with (folder.parent / "rows.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"q": f"zero {words}", "a": "so"}) + "\n")
    _, lines, _ = call("overlap", "mine", "asked")
    assert lines[1].split() == ["mine", "asked", "5", "1", "4", "1"]
    assert lines[2].startswith("asked-4 is in mine-0: ")
    assert lines[3].startswith("asked-0 shares 13 words in a row with mine-4: ")
    assert lines[-1] == "... and 2 more prompts of this probe in this dataset"
    assert not any("\x1b" in line for line in lines)  # text of data cannot drive the terminal


def test_what_is_broken_or_absent_leaves_the_rest_of_the_table(call):
    code, lines, errors = call("overlap")
    assert code == 1
    assert [line.split()[:2] for line in lines if line.startswith("mine")] == [["mine", "asked"]]
    assert "ERROR" in errors[-1]
    assert lines[-1].startswith("not here: ")
    assert "gone" in lines[-1]
    assert "mine" not in lines[-1]


def test_a_named_dataset_that_is_not_here_is_an_error(call):
    code, lines, errors = call("overlap", "gone")
    assert (code, lines, len(errors)) == (2, [], 1)
    assert "gone: missing dataset; put it at" in errors[0]


def test_on_a_terminal_one_line_is_rewritten(call, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert call("overlap", "mine")[0] == 0
    assert stream.getvalue().count("\n") == 0
    assert stream.getvalue().startswith("\rreading asked")
    assert re.search(r"\r +\r$", stream.getvalue())


def test_help(call, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["itl-bench", "data", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "overlap" in capsys.readouterr().out


def test_the_one_prompt_of_just_eval_in_lima(monkeypatch, capsys):
    folder = os.environ.get("ITL_DATA_DIR", "missing")
    if not (Path(folder) / "lima" / "lima.json").exists():
        pytest.skip("needs ITL_DATA_DIR with lima and just-eval-instruct")
    monkeypatch.setattr(sys, "argv", ["itl-bench", "data", "overlap", "lima", "just-eval"])
    with pytest.raises(SystemExit) as stop:
        main()
    lines = capsys.readouterr().out.splitlines()
    assert not stop.value.code
    assert lines[1].split() == ["lima", "just-eval", "800", "1", "1", "305"]
    assert lines[2].startswith("just-eval-503 is in lima-547: \"I'm feeling a bit lonely these days")
    assert len(lines) == 3
