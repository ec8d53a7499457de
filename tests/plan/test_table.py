"""What the plan says of cells that are trained here: those of the declared tables, and how much of it is there."""

import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import itl_bench
from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.loading import load_catalog, shipped
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import Tuning, TuningRecipe
from itl_bench.plan.price import task_costs
from itl_bench.plan.table import Build, Builds, print_plan
from itl_bench.run.building import Work, work_of
from itl_bench.store.keys import Task
from tests.helpers.building_bench import Bench

BASE = Task("base", {}, seconds=6)
CELLS = tuple(Task("checkpoint", {"seed": seed}, (BASE.key,), seconds=60) for seed in (1, 2))
TABLES = tuple(Task("measure", {}, (cell.key,), seconds=30) for cell in CELLS)
TASKS = (BASE, *CELLS, *TABLES)
TARGETS = tuple(table.key for table in TABLES)


CPU = Machine(cores=2, ram_gb=16.0)
GPU = Machine((85.5,), "NVIDIA H100 80GB HBM3", 16, 128.0)


CATALOG = load_catalog()


def build_with(present):
    keys = {task.key for task in present}
    return Builds(lambda cases: (TASKS, TARGETS), keys.__contains__).of([], CATALOG, CPU)


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
        "about 5 min left for one worker, roughly"
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
def test_the_cells_of_a_profile_are_those_that_it_declares(profile, monkeypatch, tmp_path):
    monkeypatch.setattr("itl_bench.plan.lacking.find_spec", lambda name: True)
    catalog = load_catalog()
    chosen = find_profile(catalog, profile)
    cases = [case for case in build_grid(catalog) if case.level == "bios" and in_profile(case, chosen, catalog)]

    def work(some):
        found: Work = work_of(some, catalog, chosen, tmp_path)
        return found.needed(), found.targets

    build = Builds(work, lambda key: False).of(cases, catalog, CPU)
    cells = set(declared(profile))
    assert build.cells == len(cells) > 0
    assert build.minutes * 60 > 8 * len(cells)  # a cell of 600 rows took 8 seconds, and tables come after it
    assert build.hours * 60 == pytest.approx(build.minutes)  # nothing of it is there


@pytest.fixture
def own(tmp_path):
    """A catalog with a dataset and a probe whose sizes are known here."""
    data = (
        "{name: own, title: own, family: own, levels: [small], source: own, mean_tokens: 40, probes: [own], rows: 1000}"
    )
    (tmp_path / "datasets.yaml").write_text(f"- {data}\n", encoding="utf-8")
    (tmp_path / "probes.yaml").write_text("- {id: own, title: own, levels: [small], prompts: 600}\n", encoding="utf-8")
    return load_catalog(tmp_path)


def real_tasks(method):
    """A cell of gemma270m with its answers, as the tasks of a run say it."""
    base = Task("base", {"model": "gemma270m"}, seconds=5)
    spec = {"model": "gemma270m", "dataset": "own", "method": {"id": method, "parameters": {}}}
    how = Tuning(code="of:One", trains="all" if method == "full" else "adapter", recipe=TuningRecipe(batch=8))
    cell = Task("checkpoint", spec, (base.key,), seconds=8, place=how)
    probe = Task("probe", {"probe": "own"}, seconds=1)
    answers = Task("responses", {"max_new_tokens": 24}, (base.key, probe.key, cell.key), seconds=1.2)
    table = Task("measure", {"measure": "knowledge"}, (probe.key, answers.key), seconds=0.5)
    return [base, cell, probe, answers, table]


@pytest.mark.parametrize(
    ("method", "tokens_per_second", "disk"), [("full", 98, 2 * 1.0724), ("lora", 196, 1.0724 + 4 * 0.0019)]
)
def test_cells_and_answers_of_a_real_model_take_the_time_of_their_size(own, method, tokens_per_second, disk):
    """1,000 rows of 40 tokens, 3 epochs; 600 answers of at most 24 tokens; everything else as declared.

    A base of 4 bytes a parameter is written, because it comes as a GGUF file.
    """
    tasks = real_tasks(method)
    build = Builds(lambda cases: (tasks, [tasks[-1].key]), lambda key: False).of([], own, CPU)
    seconds = 1000 * 40 * 3 / tokens_per_second + 600 * 24 / 112 + 5 + 1 + 0.5
    assert build.minutes == pytest.approx(seconds / 60, rel=0.001)  # 268.1 and 268 million parameters
    assert build.hours == pytest.approx(seconds / 3600, rel=0.001)
    assert build.disk_gb == build.disk_left_gb == pytest.approx(disk, rel=0.001)


def test_what_is_left_counts_the_time_of_the_model(own):
    tasks = real_tasks("full")
    build = Builds(lambda cases: (tasks, [tasks[-1].key]), {task.key for task in tasks[:2]}.__contains__)
    found = build.of([], own, CPU)
    assert found.minutes == pytest.approx((600 * 24 / 112 + 1 + 0.5) / 60, rel=0.001)
    assert found.hours > found.minutes / 60  # the cell that is there counts for the whole


def test_a_row_says_where_its_hours_are_spent(own):
    cases = [case for case in build_grid(own) if case.level == "small"][:3]
    tasks = real_tasks("full")
    builds = Builds(lambda some: (tasks, [tasks[-1].key]), lambda key: False)
    rows = {}
    for machine in (CPU, GPU):
        stream = io.StringIO()
        print_plan(cases, own, lambda case: True, builds, 1000.0, Console(file=stream), machine)
        (rows[machine],) = [line.split() for line in stream.getvalue().splitlines() if line.startswith("small")]
    assert rows[CPU][4:7] == ["1", "0.4", "CPU"]  # 1,224 + 129 seconds
    assert rows[GPU][4:7] == ["1", "<0.1", "GPU"]
    assert rows[CPU][8:] == ["2.1", "0"]  # GB of base and checkpoint in fp32; no judge


def test_answers_and_scores_count_with_the_time_of_the_model(own):
    """600 prompts, answers of 20 tokens that end with their line; rows of 35 tokens, read 4 or 2 times; 1,000 items."""
    base, cell, probe, *_ = real_tasks("lora")
    there = [base, cell, probe, Task("corpus", {"dataset": "own"}, seconds=0)]
    line = {"stop": "line"}
    answers = Task("responses", {"max_new_tokens": 64} | line, (base.key, probe.key), seconds=1.2)
    some = {
        answers: 600 * 20 / 112,
        Task("measure", {"measure": "shift"} | line, (base.key, probe.key, answers.key)): 4 * 600 * 35 / 235,
        Task("measure", {"measure": "seed-floor"} | line, (base.key, probe.key, answers.key)): 2 * 600 * 35 / 235,
        Task("measure", {"measure": "taught-loss"}, (base.key, there[-1].key, cell.key)): 1000 * 40 / 235,
        Task("measure", {"measure": "knowledge"}, (probe.key, answers.key), seconds=0.5): 0.5,
        Task("familiarity", {"atlas": "1"}, (base.key,), seconds=600): 22.7 * 60,  # 15 to 30 minutes
        Task("familiarity", {"atlas": "1", "table": "2"}, (base.key,), seconds=3): 3,
    }
    costs = task_costs([*there, *some], own, CPU)
    for task, seconds in some.items():
        assert costs[task.key].seconds == pytest.approx(seconds, rel=0.001), task
    on_gpu = task_costs([*there, *some], own, GPU)
    assert all(0 < on_gpu[task.key].seconds < costs[task.key].seconds for task in list(some)[:4])


def test_the_answers_of_the_tiny_models_take_what_they_took():
    base, probe = Task("base", {"model": "bios1m"}), Task("probe", {"probe": "bios-known"})
    answers = Task("responses", {"max_new_tokens": 60}, (base.key, probe.key), seconds=1.2)
    assert task_costs([base, probe, answers], CATALOG, CPU)[answers.key].seconds == 1.2


def printed(own, machine, disk_gb):
    tasks, stream = real_tasks("full"), io.StringIO()
    cases = [case for case in build_grid(own) if case.level == "small"][:3]
    builds = Builds(lambda some: (tasks, [tasks[-1].key]), lambda key: False)
    print_plan(cases, own, lambda case: True, builds, disk_gb, Console(file=stream), machine)
    return stream.getvalue()


def test_a_plan_says_where_the_whole_does_not_fit_on_the_disk(own):
    text = printed(own, CPU, 4.0)  # 2.14 GB, and as much beside them
    (line,) = [line for line in text.splitlines() if line.startswith("WARNING: ")]
    assert line.startswith("WARNING: all of it together needs 2.1 GB on the disk of the store for weights and 2.1 GB b")
    assert "4 GB are free" in line
    assert "WARNING" not in printed(own, CPU, 4.4)


def test_a_plan_says_where_a_gpu_cannot_be_used_and_what_is_reckoned(own):
    assert "WARNING: nvidia-smi [says]\n" in printed(own, replace(CPU, note="nvidia-smi [says]"), 100.0)
    assert "roughly (on a GPU: reckoned, not measured)." in printed(own, GPU, 100.0)
    assert "reckoned, not" not in printed(own, CPU, 100.0)


def rows_of(text):
    """The table of a plan, by model."""
    lines = [line.split() for line in text.splitlines()]
    return {words[1]: words for words in lines if words[:1] in (["bios"], ["small"], ["paper"])}


def test_rows_that_cannot_run_are_priced():
    cases = [case for case in build_grid(CATALOG) if case.level in ("small", "paper") and case.claim.id == "C10a"]
    stream, nothing = io.StringIO(), Builds(lambda some: ((), ()), lambda key: False)
    print_plan(cases, CATALOG, lambda case: False, nothing, 1000.0, Console(file=stream), CPU)
    rows = rows_of(stream.getvalue())
    some = [case for case in cases if case.model == "phi1.5"]
    full = {(cell.dataset, cell.method) for case in some for cell in case.cells if cell.method == "full"}
    assert rows["gemma270m"][5:7] == ["CPU", "-"]
    assert rows["phi1.5"][6:8] == ["GPU", "23"]
    assert float(rows["phi1.5"][8].replace(",", "")) == pytest.approx(5 * len(full) * 4 * 1.42, rel=0.02)


def test_levels_that_this_version_cannot_run_are_priced_and_others_counted():
    catalog = load_catalog()
    wanted = {"llama7b", "bios1m"}
    cases = [one for one in build_grid(catalog) if one.claim.id == "C10a" and one.model in wanted and one.arm == "fair"]
    stream = io.StringIO()
    builds = Builds(lambda some: (TASKS, TARGETS), lambda key: key == BASE.key)
    print_plan(cases, catalog, lambda case: case.level == "bios", builds, 1000.0, Console(file=stream), CPU)
    rows = rows_of(stream.getvalue())
    pairs = {(cell.dataset, cell.method) for case in cases if case.model == "llama7b" for cell in case.cells}
    assert rows["bios1m"][4:] == ["2", "<0.1", "CPU", "0", "0", "0"]  # tasks that name no model: declared seconds
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
