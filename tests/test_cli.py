"""Mistakes on the command line: an exit code that is not 0, one clear line, no traceback, and nothing lost."""

import json
import re
import sys

import pytest

from itl_bench.cli import main
from tests.helpers.broken_catalog import assert_says
from tests.helpers.plain_record import CASE, FULL

JUDGED = {**FULL, "schema_version": 1, "cases": [{**CASE, "verdict": "REFUTED", "effect": -1.0}]}


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command in `tmp_path`; exit code and the lines on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["itl-bench", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        text = capsys.readouterr().err
        assert not re.search(r"Traceback|https?://|type=|validation error", text)
        return code, text.splitlines()

    return run


@pytest.fixture
def record(tmp_path):
    def write(**changes):
        path = tmp_path / "run" / "record.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**JUDGED, **changes}), encoding="utf-8")
        return path

    return write


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = [["report"], ["baseline", "accept"]]
RECORDS = {
    "nothing": (None, "no record at"),
    "empty file": ("", "is no readable JSON record"),
    "no JSON": ("{not json", "is no readable JSON record"),
    "not UTF-8": (b'{"a": "\xff"}', "is no readable JSON record"),
    "a list": ("[]", "has schema version None; this itl_bench reads 1. Run the benchmark again."),
    "older schema": ('{"schema_version": 0}', "has schema version 0; this itl_bench reads 1"),
    "newer schema": ('{"schema_version": 99}', "has schema version 99; this itl_bench reads 1"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", RECORDS)
def test_what_is_no_record_is_one_line(call, tmp_path, command, kind):
    content, message = RECORDS[kind]
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files(tmp_path)
    code, lines = call(*command, path)
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], "ERROR: ", str(path), message)
    assert files(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_record_of_another_shape_names_the_field(call, record, command):
    code, lines = call(*command, record(cases=[{**JUDGED["cases"][0], "verdict": ["REFUTED"]}]))
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], "record.json: cases.0.verdict: ")


def test_a_folder_in_place_of_a_record_is_one_line(call, tmp_path):
    code, lines = call("report", tmp_path)
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], f"{tmp_path} is a folder", f"as {tmp_path / 'record.json'}")


def test_a_record_without_verdicts_is_no_baseline(call, record, tmp_path):
    code, lines = call("baseline", "accept", record(cases=[CASE]), "--to", tmp_path / "new.yaml")
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], "record.json holds no verdict; run the benchmark without --itl-plan")
    assert not (tmp_path / "new.yaml").exists()


def test_a_record_with_crashes_is_no_baseline_and_the_old_one_stays(call, record, tmp_path):
    old = tmp_path / "old.yaml"
    old.write_text("old", encoding="utf-8")
    code, lines = call("baseline", "accept", record(run={**FULL["run"], "crashed": ["C01-x"]}), "--to", old)
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], "1 case crashed, which is no baseline. Mend the crash and run again.")
    assert old.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("command", "target", "message"),
    [
        (["baseline", "accept"], "folder", "is a folder; give the file to write"),
        (["baseline", "accept"], "file/x.yaml", "file: "),
        (["report"], "file", "is a file; give a folder to write the reports to"),
        (["report"], "file/sub", "file"),
    ],
    ids=["a folder for a file", "a file for the file's folder", "a file for a folder", "a file above the folder"],
)
def test_a_target_that_cannot_be_written_is_one_line_and_nothing_is_lost(
    call, record, tmp_path, command, target, message
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    path = record()
    before = files(tmp_path)
    code, lines = call(*command, path, "--to", tmp_path / target)
    assert (code, len(lines)) == (2, 1)
    assert_says(lines[0], "ERROR: ", str(tmp_path / target.partition("/")[0]), message)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["reprot"], ["No such command 'reprot'", "report"]),
        (["baseline", "acept"], ["No such command 'acept'", "accept"]),
        (["perf", "colect"], ["No such command 'colect'", "collect"]),
        (["report"], ["Missing argument 'RECORD'"]),
        (["report", "record.json", "--too", "x"], ["No such option", "--too", "--to"]),
        (["perf", "collect", "--repeats", "0"], ["Invalid value for '--repeats'"]),
        (["perf", "collect", "--repeats", "many"], ["Invalid value for '--repeats'"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and len(value) < 5 else "",
)
def test_what_the_command_line_does_not_know_is_said_and_fails(call, arguments, parts):
    code, lines = call(*arguments)
    assert code == 2
    assert_says(" ".join(lines), "itl-bench", *parts)


def test_a_good_record_is_reported_and_accepted(call, record, tmp_path):
    assert call("report", record(), "--to", tmp_path / "out") == (0, [])
    assert (tmp_path / "out" / "report.md").is_file()
    assert call("baseline", "accept", record(), "--to", tmp_path / "new.yaml") == (0, [])
    assert "REFUTED" in (tmp_path / "new.yaml").read_text(encoding="utf-8")


def test_a_record_of_a_selection_does_not_replace_a_larger_baseline(call, record, tmp_path):
    target = tmp_path / "expected.yaml"
    both = [{**CASE, "id": key, "verdict": "REFUTED", "effect": -1.0} for key in ("C01-a", "C01-b")]
    assert call("baseline", "accept", record(cases=both), "--to", target) == (0, [])
    before = target.read_bytes()
    code, lines = call("baseline", "accept", record(cases=both[:1]), "--to", target)
    assert code == 2
    assert len(lines) == 1
    assert_says(lines[0], "1 cases that", "C01-b", "--replace")
    assert target.read_bytes() == before
    assert call("baseline", "accept", record(cases=both[:1]), "--to", target, "--replace") == (0, [])
    assert "C01-b" not in target.read_text(encoding="utf-8")
