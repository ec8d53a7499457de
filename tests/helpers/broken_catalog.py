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
