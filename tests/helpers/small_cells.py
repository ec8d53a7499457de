"""Small cells through the real stages, of methods of which it is known what a comparison must say."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.claims import Side
from itl_bench.catalog.datasets import BiosSpec
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.catalog.methods import MethodSpec
from itl_bench.catalog.recipes import RecipeSpec
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.plan.cells import Replicate
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import Place, SideTables, side_tables
from itl_bench.record import CaseRecord
from itl_bench.stages.builders import builders
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.difference import verdict_on_difference
from itl_bench.verdicts.learning import learning_of
from tests.helpers.shipped_catalog import catalog as shipped
from tests.helpers.shipped_catalog import grid

MODEL, DATASET, RATE, RECIPE = "bios1m", "bios-mixed", 0.003, "brief"
BASES, SEEDS = (1, 2, 4, 5, 6), (301, 302)
LORA = {"rank": 8, "alpha": 16, "targets": "all-linear"}
MADE = {
    name: MethodSpec(id=name, title=name, trains=trains, code=f"tests.helpers.planted:{kind}", parameters=parameters)
    for name, trains, kind, parameters in (
        ("planted", "all", "Planted", {}), ("idle", "adapter", "Idle", LORA), ("still", "all", "Still", {}),
        ("still-lora", "adapter", "StillLora", LORA),
    )
}  # fmt: skip


def small_catalog(
    methods: Sequence[str], seeds: Sequence[int], bases: Sequence[int] = BASES, rows: int = 100, new_percent: int = 70,
    rate: float = RATE, epochs: int = 3, batch: int = 16,
) -> Catalog:  # fmt: skip
    """The shipped catalog with one more dataset, of few rows, and with nothing but cells of these methods on it."""
    catalog = shipped()
    bios = BiosSpec(new_percent=new_percent, style="short")
    dataset = catalog.datasets["bios-new30-short"].model_copy(update={"name": DATASET, "rows": rows, "bios": bios})
    tuning = TuningRecipe(epochs=epochs, batch=batch, optimizer="adamw_torch_fused", response_head=True)
    table = CellTable.model_validate(
        {
            "id": "here", "profile": "embedded", "model": MODEL, "arm": "shared-rate", "recipe": RECIPE,
            "headline": rate, "bases": bases, "seeds": seeds, "reason": "a test",
            "cells": [{"datasets": [DATASET], "methods": methods, "rates": [rate]}],
        }
    )  # fmt: skip
    return replace(
        catalog, datasets={**catalog.datasets, DATASET: dataset}, methods={**catalog.methods, **MADE},
        recipes={**catalog.recipes, RECIPE: RecipeSpec(id=RECIPE, title=RECIPE, tuning=tuning)}, cells={"here": table},
    )  # fmt: skip


def case_of(claim: str, measure: str, left: str, right: str, probe: str = "bios-taught") -> Case:
    """What a claim asks of a measure, asked of these two methods, with the prompts of this probe."""
    asked = (claim, measure, "bios", "shared-rate", None)
    case = next(
        one
        for one in grid().values()
        if (one.claim.id, one.measure.measure, one.level, one.arm, one.over) == asked and one.text != "common"
    )
    sides = [Side(model=MODEL, method=method, dataset=DATASET) for method in (left, right)]
    cells = frozenset(Cell(MODEL, DATASET, method) for method in (left, right))
    return replace(case, dataset=DATASET, probe=probe, left=sides[0], right=sides[1], cells=cells)


def build(store: Store, tasks: Sequence[Task], targets: Sequence[str] | None = None) -> Store:
    """Build tasks with the real stages, together with whoever else builds them; what is there is not built again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)  # a tenth of the time; no test pulls the plug
        report = LocalExecutor(store, builders()).build(tasks, "run", targets)
    assert not report.failed
    return store


def tables_of(graph: Graph, case: Case, side: Side) -> SideTables:
    """What one side of a case reads, in all replicates."""
    (table,) = graph.catalog.cells.values()
    return side_tables(graph, case, side, Place(table.headline), table)


def part(sample: Sample, seeds: Mapping[int, int]) -> Sample:
    """The replicates of a sample that have these seeds on their bases, each as the only one of its base."""
    chosen = {Replicate(base, 0): Replicate(base, seed) for base, seed in seeds.items()}

    def of(some):
        return {name: some[one] for name, one in chosen.items()}

    return Sample(of(sample.tables), of(sample.losses), {}, of(sample.taught), of(sample.untaught))


def compared(case: Case, catalog: Catalog, left: Sample, right: Sample) -> CaseRecord:
    """The verdict on a difference between two samples, with its mark of learning."""
    (table,) = catalog.cells.values()
    record = verdict_on_difference(case, catalog, [RatePoint(table.headline, left, right)], table.headline)
    return record.model_copy(update={"learning": learning_of(left, right)})
