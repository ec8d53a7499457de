"""The whole chain where the right answer is known: no effect, a planted one, and no similar people."""

from dataclasses import replace

import pytest

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.methods import MethodSpec
from itl_bench.data.bios import shipped
from itl_bench.data.rows import read_table
from itl_bench.plan.cells import Replicate
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import side_tables, tasks_of
from itl_bench.stages.builders import builders
from itl_bench.store.artifact import TABLE
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import RatePoint
from itl_bench.verdicts.difference import verdict_on_difference
from itl_bench.verdicts.measured import sample_of, verdict_from_store
from tests.helpers.tiny import WORLD, make_bases, tiny_catalog

pytestmark = pytest.mark.slow
BASES = load_catalog().cells["embedded"].bases


def table_of(methods, seeds, datasets=("bios-new30-short",), rate=0.001):
    return CellTable.model_validate(
        {
            "id": "here", "profile": "embedded", "model": "bios1m", "arm": "shared-rate", "headline": rate,
            "bases": BASES, "seeds": seeds, "reason": "a test",
            "cells": [{"datasets": datasets, "methods": methods, "rates": [rate]}],
        }
    )  # fmt: skip


def the_case(catalog, claim, measure, dataset="bios-new30-short"):
    return next(
        case
        for case in build_grid(catalog)
        if (case.claim.id, case.level, case.arm, case.dataset, case.measure.measure)
        == (claim, "bios", "shared-rate", dataset, measure)
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("end") / "store")


@pytest.mark.parametrize(("claim", "measure"), [("C10b", "knowledge"), ("C19", "borrowing"), ("C02", "token-shift")])
def test_full_tuning_is_not_better_than_itself_with_other_seeds(store, claim, measure):
    catalog = load_catalog()
    case = the_case(catalog, claim, measure)
    side = Side(model="bios1m", method="full", dataset="bios-new30-short")
    graph = Graph(catalog)
    samples = []
    halves = [side_tables(graph, case, side, 0.001, table_of(["full"], seeds)) for seeds in ((21, 22), (31, 32))]
    LocalExecutor(store, builders()).build(list(graph.tasks.values()), f"null-{claim}")
    for half, seeds in zip(halves, ((21, 22), (31, 32)), strict=True):
        sample = sample_of(half, store)
        names = {
            Replicate(one.base, seed): Replicate(one.base, seeds.index(seed))
            for one in sample.tables
            for seed in [one.seed]
        }
        samples.append(
            replace(
                sample,
                tables={names[one]: table for one, table in sample.tables.items()},
                losses={names[one]: loss for one, loss in sample.losses.items()},
            )
        )
    for left, right in (samples, samples[::-1]):
        record = verdict_on_difference(case, catalog, [RatePoint(0.001, left, right)], 0.001)
        assert record.n_replicates == 6
        assert record.p_value is not None  # the rule decided, nothing blocked it
        assert record.verdict != "SUPPORTED"


def test_planted_errors_are_found(store):
    """Known people are tuned on with wrong values: answers about them become wrong, and the chain says so."""
    catalog = load_catalog()
    planted = MethodSpec(id="planted", title="wrong on purpose", trains="all", code="tests.helpers.planted:Planted")
    table = table_of(["planted", "full"], (21, 22), ("bios-new0-short",))
    catalog = replace(catalog, methods={**catalog.methods, "planted": planted}, cells={"here": table})
    case = the_case(catalog, "C18", "hallucination", "bios-new0-short")
    sides = [
        Side(model="bios1m", method=name, dataset="bios-new0-short", probe="bios-taught")
        for name in ("planted", "full")
    ]
    cells = frozenset(replace(cell, method=name) for cell in case.cells for name in ("planted", "full"))
    case = replace(case, left=sides[0], right=sides[1], cells=cells)
    tasks, targets = tasks_of([case], catalog, None)
    assert not LocalExecutor(store, builders()).build(tasks, "planted", targets).failed
    record = verdict_from_store(case, catalog, None, store)
    assert record.verdict == "SUPPORTED"
    assert record.effect > 0.3


def test_without_shared_names_nothing_is_borrowed(tmp_path, monkeypatch):
    """In the control world nobody resembles anybody: the excess is 0, whatever the answers."""
    monkeypatch.setattr("tests.helpers.tiny.WORLD", WORLD.model_copy(update={"people_per_name": 1}))
    make_bases(tmp_path / "bases")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "bases")
    shipped.shipped_bases.cache_clear()
    try:
        catalog = tiny_catalog()
        case = the_case(catalog, "C19", "borrowing")
        store = Store(tmp_path / "store")
        tasks, targets = tasks_of([case], catalog, None)
        assert not LocalExecutor(store, builders()).build(tasks, "control", targets).failed
        tables = [task for task in tasks if task.spec.get("measure") == "borrowing"]
        assert tables
        for task in tables:
            assert set(read_table(store.open(task.key).folder / TABLE).columns["excess"]) == {0.0}
    finally:
        shipped.shipped_bases.cache_clear()
