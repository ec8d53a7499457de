"""What cases, cells and sweeps need and a machine lacks: the same checks, in one line, before anything is built."""

from dataclasses import replace

import pytest

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.loading import load_catalog
from itl_bench.machine.this_machine import Machine
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.disk import why_no_room
from itl_bench.plan.graph import Graph
from itl_bench.plan.lacking import lacking_for_table
from itl_bench.plan.runnable import recipe_for, why_not, why_not_cell
from itl_bench.store.store import Store
from tests.helpers.shipped_catalog import catalog, grid

LAPTOP, H200 = Machine(cores=2, ram_gb=24.0), Machine((151.0,), "NVIDIA H200", 16, 256.0)
BIOS = "C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-shared-rate"
CASE, DATASET = grid()[BIOS], "bios-new30-short"
CHECKPOINT_GB = 4 * 1e6 / 1e9


@pytest.fixture
def store(tmp_path):
    """Where a store would be."""
    return tmp_path / "store"


@pytest.fixture
def on(monkeypatch):
    """Puts a machine, and the free space of its disk in GB, in the place of this one."""

    def put(machine, free=1000.0):
        for room in ("lacking", "disk"):
            monkeypatch.setattr(f"itl_bench.plan.{room}.this_machine", lambda: machine)
        monkeypatch.setattr("itl_bench.plan.disk.free_gb", lambda folder: free)

    return put


def table_of(methods=("lora", "full"), **changes):
    group = {"datasets": [DATASET], "methods": list(methods), "rates": [0.001, 0.003]}
    fields = {
        "id": "own", "profile": "embedded", "model": "bios1m", "arm": "shared-rate", "headline": 0.003,
        "bases": [1, 2], "seeds": [1, 2, 3], "cells": [group], "reason": "for this test",
    }  # fmt: skip
    return CellTable.model_validate(fields | changes)


FULL_GB = 2 * 2 * 3 * CHECKPOINT_GB  # of two rates, two bases and three seeds
ADAPTERS_GB = FULL_GB * 19 * 8 * 4 * 128 / 1e6


@pytest.mark.parametrize(("free", "fits"), [(2.1, True), (1.9, False)])
def test_a_case_needs_the_sum_of_its_checkpoints_and_as_much_beside(store, on, free, fits):
    needed = FULL_GB + ADAPTERS_GB
    on(LAPTOP, free=free * needed)
    found = why_no_room(CASE, catalog(), table_of(), store)
    assert (found is None) == fits
    if not fits:
        assert found.startswith(f"needs {needed:.2g} GB on the disk of the store for weights")


def test_what_is_in_the_store_needs_no_room(store, on):
    table, graph = table_of(), Graph(catalog(), {})
    on(LAPTOP, free=0.0)
    assert "0 GB are free" in why_no_room(CASE, catalog(), table, store)
    tasks = [graph.checkpoint(cell) for cell in cells_of(table)]
    opened = Store(store)
    for task in tasks[1:]:
        with opened.writing(task) as folder:
            (folder / "weights").write_text("some", encoding="utf-8")
    assert why_no_room(CASE, catalog(), table, store).startswith(
        "needs 0.004 GB"
    )  # of the one that is left, tuned in full
    with opened.writing(tasks[0]) as folder:
        (folder / "weights").write_text("some", encoding="utf-8")
    assert why_no_room(CASE, catalog(), table, store) is None


def cells_of(table):
    """All cells of a table, one tuned in full first."""
    for method in ("full", "lora"):
        for rate in (0.001, 0.003):
            for base in table.bases:
                for seed in table.seeds:
                    yield TunedCell("bios1m", DATASET, method, rate, Replicate(base, seed))


def test_a_case_without_room_is_not_run(store, on):
    on(LAPTOP)
    assert why_not(CASE, catalog(), None, store) is None
    on(LAPTOP, free=0.001)
    assert why_not(CASE, catalog(), None, store).startswith("not run: needs ")
    assert "GB on the disk of the store" in why_not(CASE, catalog(), None, store)


def test_looking_for_room_makes_no_store(store, on):
    on(LAPTOP, free=0.0)
    assert why_no_room(CASE, catalog(), table_of(), store) is not None
    assert not store.exists()


def a_cell(**changes):
    fields = {"model": "bios1m", "dataset": DATASET, "method": "lora", "rate": 0.003, "replicate": Replicate(1, 11)}
    return TunedCell(**(fields | changes))


def test_a_cell_that_fits_lacks_nothing(store, on):
    on(LAPTOP)
    assert why_not_cell(a_cell(), catalog(), store) is None
    assert why_not_cell(a_cell(method="base"), catalog(), store) is None


def test_a_cell_lacks_what_a_case_lacks(store, on):
    on(LAPTOP, free=0.001)
    assert why_not_cell(a_cell(method="full"), catalog(), store).startswith(
        "not run: needs 0.004 GB on the disk of the store"
    )
    assert why_not_cell(a_cell(method="base"), catalog(), store) is None  # the shipped base is copied, in some MB
    on(LAPTOP)
    large = why_not_cell(a_cell(model="llama7b", dataset="alpaca-1k", method="full", recipe="paper"), catalog(), store)
    assert large.startswith("not run: needs 108 GB of GPU memory before activations for full fine-tuning of llama7b")
    assert "hf download meta-llama/Llama-2-7b-hf --revision" in large
    assert "hf download tatsu-lab/alpaca" in large
    assert "\n" not in large
    base = why_not_cell(a_cell(model="llama7b", dataset="alpaca-1k", method="base"), catalog(), store)
    assert "needs 27 GB of memory to answer with llama7b" in base
    assert "GPU memory before activations" not in base
    on(H200)
    gated = why_not_cell(a_cell(model="llama7b", dataset="alpaca-1k", method="base"), catalog(), store)
    assert gated.startswith("not run: meta-llama/Llama-2-7b-hf@01c7f73 is not on this machine; accept its licence at ")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "bios2m"}, {"dataset": "bios"}, {"method": "lroa"}, {"recipe": "papers"}, {"dataset": "alpaca-1k"},
        {"replicate": Replicate(99, 1)}, {"replicate": Replicate(1, "x")}, {"rate": "0.1"}, {"rate": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_names_and_numbers_are_for_others_to_refuse(store, on, changes):
    on(LAPTOP)
    assert why_not_cell(a_cell(**changes), catalog(), store) is None


def test_the_recipe_of_a_cell_is_its_datasets_or_that_of_its_models_cells(tmp_path):
    assert recipe_for("bios1m", DATASET, catalog()) == ""
    assert recipe_for("llama7b", "alpaca-1k", catalog()) == "paper"
    assert recipe_for("gemma270m", "atlas-new50-short", catalog()) == "facts"
    assert recipe_for("llama77b", "alpaca-1k", catalog()) == ""
    datasets = {**catalog().datasets}
    own: DatasetSpec = datasets["alpaca"].model_copy(update={"recipe": "facts"})
    assert recipe_for("llama7b", "alpaca-1k", replace(catalog(), datasets=datasets | {"alpaca": own})) == "facts"


def test_a_sweep_lacks_what_its_cells_lack(on, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("ITL_DATA_DIR", raising=False)
    on(LAPTOP)
    shipped = load_catalog().cells
    found = lacking_for_table(shipped["llama7b-fair"], catalog())
    assert found.startswith("needs 108 GB of GPU memory before activations for full fine-tuning of llama7b")
    for name in ("meta-llama/Llama-2-7b-hf", "tatsu-lab/alpaca", "allenai/tulu-v2-sft-mixture"):
        assert f"hf download {name}" in found
    assert "\n" not in found
    assert lacking_for_table(shipped["bios-full-fair"], catalog()) is None
