"""What the plan says of cells that are trained here: those of the declared tables, and how much of it is there."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from building_bench import Bench
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import itl_bench
from itl_bench.building_phase import Work, work_of
from itl_bench.catalog import load_catalog, shipped
from itl_bench.grid import build_grid, find_profile, in_profile
from itl_bench.keys import Task
from itl_bench.report.plan_table import Build, Builds, print_plan

BASE = Task("base", {}, seconds=6)
CELLS = tuple(Task("checkpoint", {"seed": seed}, (BASE.key,), seconds=60) for seed in (1, 2))
TABLES = tuple(Task("measure", {}, (cell.key,), seconds=30) for cell in CELLS)
TASKS = (BASE, *CELLS, *TABLES)
TARGETS = tuple(table.key for table in TABLES)


def build_with(present):
    keys = {task.key for task in present}
    return Builds(lambda cases: (TASKS, TARGETS), keys.__contains__).of([])


@pytest.mark.parametrize(
    ("present", "cells_there", "seconds"),
    [
        ((), 0, 6 + 2 * 90),
        ((BASE,), 0, 2 * 90),
        ((BASE, CELLS[0]), 1, 60 + 2 * 30),
        ((BASE, CELLS[0], TABLES[0]), 1, 90),
        ((TABLES[0], TABLES[1]), 0, 0),  # weights that were cleaned up are not trained again
        ((TABLES[0],), 0, 6 + 90),
        (TASKS, 2, 0),
    ],
)
def test_what_is_left_by_hand(present, cells_there, seconds):
    found = build_with(present)
    assert (found.cells, found.cells_there) == (2, cells_there)
    assert (found.artifacts, found.artifacts_there) == (5, len(present))
    assert found.minutes == pytest.approx(seconds / 60)


@given(st.sets(st.sampled_from(TASKS)), st.sampled_from(TASKS))
def test_more_in_the_store_never_means_more_to_build(present, another):
    assert build_with(present | {another}).minutes <= build_with(present).minutes


def test_in_words():
    assert Build(12, 3, 1900, 8, 4.2).in_words() == (
        "12 cells, 3 of them in the store; 1,900 artifacts, 8 of them in the store; "
        "about 5 min left for one worker, from declared seconds"
    )
    assert Build(1, 1, 4, 4, 0.0).in_words().endswith("; nothing left to build")


def declared(profile):
    """Cells of a profile, by a plain loop over the file."""
    for table in yaml.safe_load((shipped("cases") / "cells.yaml").read_text(encoding="utf-8")):
        if (table["profile"], table["arm"]) == (profile, "shared-rate"):
            for group in table["cells"]:
                for dataset in group["datasets"]:
                    for method in group["methods"]:
                        for rate in group["rates"]:
                            for base in table["bases"]:
                                for seed in table["seeds"]:
                                    yield dataset, method, rate, base, seed


@pytest.mark.parametrize("profile", ["embedded", "smoke"])
def test_the_cells_of_a_profile_are_those_that_it_declares(profile, monkeypatch):
    monkeypatch.setattr("itl_bench.runnable.find_spec", lambda name: True)
    catalog = load_catalog()
    chosen = find_profile(catalog, profile)
    cases = [case for case in build_grid(catalog) if case.level == "bios" and in_profile(case, chosen, catalog)]

    def work(some):
        found: Work = work_of(some, catalog, chosen)
        return found.needed(), found.targets

    build = Builds(work, lambda key: False).of(cases)
    cells = set(declared(profile))
    assert build.cells == len(cells) > 0
    assert build.minutes * 60 > 8 * len(cells)  # the declared seconds of a cell, and what comes after


def test_levels_that_this_version_cannot_run_are_priced_and_others_counted():
    catalog = load_catalog()
    wanted = {"llama7b", "bios1m"}
    cases = [one for one in build_grid(catalog) if one.claim.id == "C10a" and one.model in wanted and one.arm == "fair"]
    stream = io.StringIO()
    builds = Builds(lambda some: (TASKS, TARGETS), lambda key: key == BASE.key)
    print_plan(cases, catalog, lambda case: case.level == "bios", builds, Console(file=stream))
    rows = {
        words[1]: words
        for line in stream.getvalue().splitlines()
        if (words := line.split())[:1] in (["bios"], ["paper"])
    }
    pairs = {(cell.dataset, cell.method) for case in cases if case.model == "llama7b" for cell in case.cells}
    assert rows["bios1m"][4:] == ["2", "CPU", "-", "0"]
    assert int(rows["llama7b"][4]) == 5 * len(pairs)
    assert "To build for bios1m: 2 cells, 0 of them in the store; 5 artifacts, 1 of them" in stream.getvalue()
    assert "To build for llama7b" not in stream.getvalue()


def numbers(text):
    (line,) = re.findall(r"To build for bios1m: (.*)", text)
    return [int(word) for word in re.findall(r"\d+", line.partition("about")[0])]


def test_the_plan_knows_the_store_and_makes_none(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch)
    bench.environment("ITL_TEST_SECONDS", "0.01")
    assert numbers(bench.run("--itl-plan").text) == [12, 0, 19, 0]
    assert not bench.store.exists()
    assert bench.run("-k", "C10a and bios1m and fair and new0").code == 0
    text = bench.run("--itl-plan").text
    assert numbers(text) == [12, 2, 19, 4]
    assert "about 1 min left" in text
    assert "nothing left to build" in bench.run("--itl-plan", "-k", "C10a and bios1m and fair and new0").text
    assert bench.logged == []


def test_a_plan_loads_neither_torch_nor_numpy(tmp_path):
    options = ["--itl-plan", "-qq", "-k", "bios1m and C10a", "-p", "itl_bench.plugin", "-p", "no:cacheprovider"]
    arguments = [
        str(Path(itl_bench.__file__).parents[1] / "benchmark"),
        *options,
        "--itl-store",
        str(tmp_path / "none"),
    ]
    code = (
        f"import sys, pytest\ncode = pytest.main({arguments!r})\n"
        "found = [name for name in ('torch', 'transformers', 'peft', 'numpy', 'scipy') if name in sys.modules]\n"
        "sys.exit(f'loaded {found}' if found else int(code))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "bios1m" in result.stdout
    assert not (tmp_path / "none").exists()
