"""What a verdict says of its artifacts: with what they were built, where that differs, and how long they were tuned."""

import json
import math
from dataclasses import replace

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog, shipped
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import untuned_tables
from itl_bench.record import load
from itl_bench.store.artifact import TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts import guards
from itl_bench.verdicts.guards import too_few_updates
from itl_bench.verdicts.measured import mixture, verdict_from_store
from itl_bench.verdicts.tables import table_of
from tests.helpers.tiny import ROWS, SHIPPED_FEWEST_UPDATES, tiny_catalog

REFERENCE = shipped("cases").parent / "reports" / "reference"

CELLS = {}  # by key


def artifact(store, number, **provenance):
    task = Task("measure", {"number": number})
    with store.writing(task, provenance) as folder:
        (folder / "table.json").write_text("{}", encoding="utf-8")
    return task.key


def test_artifacts_of_one_environment_need_no_word(tmp_path):
    store = Store(tmp_path)
    packages = {"torch": "2.13.0", "transformers": "5.19.0", "rich": "15"}
    keys = [artifact(store, number, packages=packages, device="cpu", threads=number) for number in range(3)]
    assert mixture(keys, store) == ""
    assert mixture([artifact(store, 9)], store) == ""


def test_a_mixture_is_said(tmp_path):
    store = Store(tmp_path)
    keys = [
        artifact(store, 1, packages={"torch": "2.13.0", "rich": "14"}, device="cpu"),
        artifact(store, 2, packages={"torch": "2.11.0", "rich": "15"}, device="cuda"),
        artifact(store, 3, packages={"torch": "2.13.0"}),
    ]
    assert (
        mixture(keys, store) == "its artifacts were built with different torch 2.11.0 and 2.13.0, device cpu and cuda"
    )


def tuning(store, updates, stop_after=1.0):
    """A cell of so many updates, as the measure `training` holds it."""
    cell = Task("checkpoint", {"updates": updates, "recipe": TuningRecipe(stop_after=stop_after)})
    CELLS[cell.key] = cell
    task = Task("measure", {"measure": "training"}, (cell.key,))
    with store.writing(task) as folder:
        (folder / TRAINING).write_text(json.dumps({"losses": [1.0] * updates}), encoding="utf-8")
    return task


@pytest.mark.parametrize(
    ("updates", "fewest"),
    [([], None), ([94], None), ([94, 4689], None), ([93], 93), ([4689, 23, 94, 93], 23), ([1], 1), ([0, 96], 0)],
)
def test_the_shortest_tuning_decides_whether_there_is_a_verdict(tmp_path, monkeypatch, updates, fewest):
    monkeypatch.setattr(guards, "FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    store = Store(tmp_path)
    others = [Task("measure", {"measure": "knowledge"}), Task("checkpoint", {})]  # neither is opened
    plural = "" if fewest == 1 else "s"
    said = [] if fewest is None else [f"pilot: cells of {fewest} update{plural}; a verdict needs 94"]
    assert too_few_updates([*others, *(tuning(store, one) for one in updates)], store, CELLS) == said


def test_a_run_that_is_looked_at_on_its_way_counts_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(guards, "FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    store = Store(tmp_path)
    assert too_few_updates([tuning(store, 12, stop_after=0.125)], store, CELLS) == []  # of 96
    assert too_few_updates([tuning(store, 23, stop_after=0.25)], store, CELLS) != []  # of 92


@pytest.fixture(scope="module")
def tuned(bases, build):
    """A comparison of methods on the tiny world."""
    cells = [{"datasets": ["bios-new30-short"], "methods": ["lora", "full"], "rates": [0.01]}]
    catalog = tiny_catalog(cells=cells)
    name = "C10b-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-shared-rate"
    case = next(one for one in build_grid(catalog) if one.id == name)
    return case, catalog, build([case], catalog)[0]


def test_a_difference_between_cells_of_few_updates_is_shown_and_decides_nothing(tuned, monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.FEWEST_PROMPTS", 1)
    monkeypatch.setattr("itl_bench.verdicts.guards.TRAINED_SHARE", -math.inf)
    full = verdict_from_store(tuned[0], tuned[1], None, tuned[2])
    assert (full.pilot, "pilot" in full.reason) == (None, False)
    assert full.p_value is not None
    monkeypatch.setattr(guards, "FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    short = verdict_from_store(tuned[0], tuned[1], None, tuned[2])
    updates = 3 * math.ceil(ROWS / 32)  # epochs, rows, batch
    assert short.pilot is True
    assert short.reason.startswith(f"pilot: cells of {updates} updates; a verdict needs 94; ")
    assert {short.verdict, *(one.verdict for one in (*short.columns, *short.points))} == {"INCONCLUSIVE"}
    assert (short.p_value, short.verdict_at_half_margin) == (None, "INCONCLUSIVE")
    numbers = ("effect", "ci_low", "ci_high", "n_prompts", "n_replicates", "n_bases", "rates")
    assert [getattr(short, name) for name in numbers] == [getattr(full, name) for name in numbers]


def test_a_pilot_of_few_updates_says_both(tuned, monkeypatch):
    monkeypatch.setattr(guards, "FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    case, catalog, store = tuned
    profile = catalog.profiles["embedded"].model_copy(update={"pilot": True})
    record = verdict_from_store(case, catalog, profile, store)
    assert record.reason.startswith("pilot: no verdict; pilot: cells of 12 updates; a verdict needs 94; ")


@pytest.mark.skipif(not REFERENCE.exists(), reason="only a checkout has the committed record")
@pytest.mark.parametrize("name", ["embedded", "bios-full"])
def test_no_recorded_verdict_rests_on_a_pilot(name):
    rows = load_catalog().dataset_rows
    cells = [one for one in load(REFERENCE / name / "record.json").artifacts if one.kind == "checkpoint"]
    assert cells
    for cell in cells:
        recipe = cell.spec["recipe"]
        updates = recipe["epochs"] * math.ceil(rows[cell.spec["dataset"]] / recipe["batch"])
        assert updates >= SHIPPED_FEWEST_UPDATES, cell.spec


def test_the_untuned_base_is_a_row_beside_the_sides_and_changes_no_verdict(tuned, bases, build):
    case, catalog, store = tuned
    cells = {name: one.model_copy(update={"untuned": ("base",)}) for name, one in catalog.cells.items()}
    own = replace(catalog, cells=cells)
    store = build([case], own)[0]
    alone, beside = (verdict_from_store(case, one, None, store) for one in (catalog, own))
    assert alone.untuned is None
    assert beside.model_copy(update={"untuned": None, "artifacts": ()}) == alone.model_copy(update={"artifacts": ()})
    (row,) = beside.untuned
    assert row.method == "base"
    graph, table = Graph(own), cells["tiny"]
    answered = [table_of(one, store) for one in untuned_tables(graph, case, table)["base"]]
    assert len(answered) == 3
    of_units = []
    for one in answered:  # slowly: units of prompts first, then their mean, then that of the bases
        units = {unit: [] for unit in one.units}
        for unit, value in zip(one.units, one.columns["accuracy"], strict=True):
            units[unit].append(value)
        of_units.append(sum(sum(values) / len(values) for values in units.values()) / len(units))
    assert row.value == pytest.approx(sum(of_units) / 3)
