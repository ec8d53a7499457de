"""How tests of bad input break the catalog: one thing changed in a copy of `cases/`, and the lines that come of it."""

import re
import shutil

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog, shipped
from itl_bench.errors import UsageError

C01 = "claims/c01-lora-barely-shifts.yaml"
C03 = "claims/c03-size-hardly-matters-for-lora-shift.yaml"
C04 = "claims/c04-larger-models-shift-less.yaml"
C09 = "claims/c09-open-domain-lora-beats-in-domain-full.yaml"
C15 = "claims/c15-length-follows-data.yaml"
C17 = "claims/c17-simpler-responses-fewer-errors.yaml"
C18 = "claims/c18-full-tuning-hallucinates.yaml"
C19 = "claims/c19-full-tuning-borrows.yaml"
NOISE = re.compile(
    r"https?://|type=|input_value|function-|constrained|tagged|union|pydantic|literal\[|tuple\[|dict\[|Input should"
    r"|Traceback|validation error|Errno|<unicode string>"
)


def copied(tmp_path):
    folder = shutil.copytree(shipped("cases"), tmp_path / "cases")
    for path in folder.glob(
        "published/*.csv"
    ):  # the tests name lines with their ends, whatever those are in a checkout
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    return folder


def change(folder, file, old, new):
    """Replace the first `old` of a file; bytes, so that a change may be anything."""
    data = (folder / file).read_bytes()
    old, new = (text if isinstance(text, bytes) else text.encode() for text in (old, new))
    assert old in data, f"{file} has no {old!r}: the test no longer changes what it means to"
    (folder / file).write_bytes(data.replace(old, new, 1))


def complaints(folder, own=None):
    """The lines of the error that loading a broken catalog ends in."""
    with pytest.raises(UsageError) as caught:
        build_grid(load_catalog(own=own, folder=folder))
    return checked(str(caught.value))


def checked(text):
    lines = text.splitlines()
    for line in lines:
        assert not NOISE.search(line), line
        assert len(line) < 700, line
    assert len(set(lines)) == len(lines)
    return lines


def the_complaint(folder, own=None):
    lines = complaints(folder, own)
    assert len(lines) == 1, "\n".join(lines)
    return lines[0]


def assert_says(line, *parts):
    missing = [part for part in parts if part not in line]
    assert not missing, f"{missing} not in: {line}"


def test_the_copy_itself_is_fine(tmp_path):
    assert len(build_grid(load_catalog(folder=copied(tmp_path)))) > 2000


def test_several_mistakes_are_reported_at_once_each_on_its_line(tmp_path):
    folder = copied(tmp_path)
    change(folder, "models.yaml", "level: bios", "level: bois")
    change(folder, C01, "statement:", "statment:")
    change(folder, C04, "smallest_effect: 0.182322", "smallest_effect: -1")
    change(folder, C04, "expect: greater", "expect: graeter")
    change(folder, "published/aspect_scores.csv", "2.67,3.29", "6.0,x")
    change(folder, C19, "id: C19", "id: [C19")
    lines = complaints(folder)
    assert len(lines) == 7
    for part in ("models.yaml", "statment", "measures.0.smallest_effect", "'graeter'", "'6.0'", "'x'", C19):
        assert sum(part in line for line in lines) == 1, part


def test_a_wrong_claim_does_not_hide_the_wrong_names_of_others(tmp_path):
    folder = copied(tmp_path)
    change(folder, C04, "expect: greater", "expect: graeter")
    change(folder, C01, "method: lora", "method: lroa")
    lines = complaints(folder)
    assert len(lines) == 2
    for part in ("'graeter'", "'lroa'"):
        assert sum(part in line for line in lines) == 1, part


def test_several_unknown_names_are_reported_at_once(tmp_path):
    folder = copied(tmp_path)
    change(folder, C01, "method: lora", "method: lroa")
    change(folder, C01, "[bios, small, paper]", "[bios, smal, paper]")
    change(folder, C04, "just-eval", "just-evil")
    change(folder, "published/token_shift.csv", "llama7b,lora", "lama7b,lora")
    lines = complaints(folder)
    assert len(lines) == 4
    for part in ("'lroa'", "'smal'", "'just-evil'", "'lama7b'"):
        assert sum(part in line for line in lines) == 1, part


def test_a_name_misspelt_in_many_rows_is_one_line_that_counts_them(tmp_path):
    folder = copied(tmp_path)
    path = folder / "published" / "aspect_scores.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",tulu,", ",tullu,"), encoding="utf-8")
    line = the_complaint(folder)
    assert_says(line, "aspect_scores.csv:", "dataset: unknown dataset 'tullu'", "did you mean 'tulu'?", "more rows)")


def test_nothing_of_the_broken_catalog_is_touched(tmp_path):
    folder = copied(tmp_path)
    change(folder, C01, "id: C01", "id: C1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    the_complaint(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
