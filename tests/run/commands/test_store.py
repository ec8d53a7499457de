"""`itl-bench store show` and `ls`: what an artifact is, and the way back to what it was built from."""

import subprocess
import sys

import pytest

from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

BASE = Task("base", {"model": "bios1m", "number": 1})
PROBE = Task("probe", {"probe": "bios-known"})
CELL = Task(
    "checkpoint",
    {
        "model": "bios1m", "dataset": "bios-new30-short", "rate": 0.003, "seed": 1011, "empty": {}, "nothing": None,
        "method": {"id": "lora", "parameters": {"rank": 8, "targets": ["q", "v"]}},
    },
    (BASE.key,),
)  # fmt: skip
ANSWERS = Task("responses", {"engine": "hf"}, (BASE.key, PROBE.key, CELL.key))
TABLE = Task("measure", {"measure": "knowledge"}, (PROBE.key, ANSWERS.key))
LORA = "lora, bios-new30-short, learning rate 0.003, base 1, seed 1011"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for task in (BASE, PROBE, CELL, ANSWERS, TABLE):
        with store.writing(task, {"packages": {"torch": "2.13.0"}, "threads": 2}) as folder:
            (folder / "data").write_text("12345", encoding="utf-8")
    return store


def call(store, *arguments):
    code = "from itl_bench.cli import main; main()"
    command = [sys.executable, "-c", code, "store", *arguments, "--store", str(store.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def shortest(store, key):
    """The shortest beginning that no other key has, by a plain loop."""
    for length in range(1, len(key) + 1):
        if sum(other.startswith(key[:length]) for other in store.keys()) == 1:  # noqa: SIM118
            return key[:length]
    return key


def test_show_says_what_it_is_and_where_it_comes_from(store):
    lines = call(store, "show", shortest(store, TABLE.key)).stdout.splitlines()
    assert lines[:2] == [f"table knowledge of {LORA}, on bios-known", ""]
    shown = "\n".join(lines)
    for line in (
        f"key       {TABLE.key}",
        f"path      {store.folder(TABLE.key)}",
        "kind      measure, version 1 of its stage",
        "spec      measure: knowledge",
        f"parents   {PROBE.key} probe bios-known",
        f"          {ANSWERS.key} answers of {LORA}, on bios-known",
        f"seconds   {store.manifest(TABLE.key).seconds:,.1f}",
        f"created   {store.manifest(TABLE.key).created}",
        "packages  torch: 2.13.0",
    ):
        assert line in lines, shown


def test_a_spec_is_one_line_for_each_value(store):
    lines = call(store, "show", CELL.key).stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("spec"))
    end = next(number for number, line in enumerate(lines) if line.startswith("parents"))
    assert [line[10:] for line in lines[start:end]] == [
        "dataset: bios-new30-short", "empty: {}", "method.id: lora", "method.parameters.rank: 8",
        'method.parameters.targets: ["q", "v"]', "model: bios1m", "nothing: null", "rate: 0.003", "seed: 1011",
    ]  # fmt: skip


def test_what_has_no_parents_says_none_and_what_lost_them_says_so(store):
    assert "parents   none" in call(store, "show", BASE.key).stdout.splitlines()
    (store.folder(BASE.key) / MANIFEST).unlink()
    lines = call(store, "show", CELL.key).stdout.splitlines()
    assert f"parents   {BASE.key} not in this store" in lines
    assert lines[0] == "checkpoint of lora, bios-new30-short, learning rate 0.003, seed 1011"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("xyz", "no key begins with 'xyz' in {root}; itl-bench store ls lists them"),
        ("", "5 keys begin with '': {first}, ...; give more of it"),
    ],
)
def test_none_and_several_are_one_line(store, key, said):
    result = call(store, "show", key)
    assert result.returncode == 2
    first = ", ".join(sorted(store.keys())[:3])
    assert result.stderr.splitlines() == [f"ERROR: {said.format(root=store.root, first=first)}"]


def test_a_damaged_manifest_is_one_line(store):
    (store.folder(BASE.key) / MANIFEST).write_text("{", encoding="utf-8")
    result = call(store, "show", BASE.key)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"ERROR: {BASE.key} is damaged (")
    assert "store verify" in line


def test_ls_says_what_each_is(store):
    (store.folder(PROBE.key) / MANIFEST).write_text("{", encoding="utf-8")
    lines = {line.split()[0]: line for line in call(store, "ls").stdout.splitlines()}
    assert lines[BASE.key].endswith("days  base 1 of bios1m")
    assert lines[CELL.key].endswith(f"days  checkpoint of {LORA}")
    assert lines[TABLE.key].endswith(f"days  table knowledge of {LORA}")
    assert "damaged" in lines[PROBE.key]
