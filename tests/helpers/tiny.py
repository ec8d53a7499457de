"""A world small enough to pre-train, tune and measure in seconds; what it says of claims means nothing."""

import gc
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios.shipped import MANIFEST, Bases, Recipe
from itl_bench.data.bios.world import WorldSpec
from itl_bench.plan import graph as tasks
from itl_bench.stages.training.bases import make_base
from itl_bench.verdicts import guards

WORLD = WorldSpec(seed=5, dialogue=4, known=8, taught_known=8, rarely=4, taught_new=6, new=4, people_per_name=4)
ROWS = 100
SIZES = {"1k": 40, "2k": 70, "4k": 100}
RATE = 0.01
TABLE = {
    "id": "tiny", "profile": "embedded", "model": "bios1m", "arm": "shared-rate", "headline": 0.01, "bases": [1, 2, 3],
    "seeds": [1, 2], "reason": "as small as can be",
    "cells": [
        {"datasets": ["bios-new30-short"], "methods": ["lora", "full", "full-neftune"], "rates": [0.01]},
        {"datasets": ["bios-new30-short"], "methods": ["full"], "rates": [0.03]},
    ],
}  # fmt: skip

ANSWER_TOKENS = 16
SHIPPED_ANSWER_TOKENS = tasks.MAX_NEW_TOKENS  # before anything here was quick
SHIPPED_FEWEST_UPDATES = guards.FEWEST_UPDATES


def be_quick() -> None:
    """From now on this process gives short answers, computes with one thread, and takes short tunings for full ones.

    Models as small as these gain nothing from a second one, and wait for it where other processes use the cores.
    What is imported by now is not looked through again by the collection of garbage after every training.
    """
    tasks.MAX_NEW_TOKENS = ANSWER_TOKENS
    guards.FEWEST_UPDATES = 1
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def make_bases(folder: Path, world: WorldSpec = WORLD) -> None:
    """Three bases that have learned to answer, but no facts; from then on this process is quick."""
    be_quick()
    shutil.copytree(_made(world).name, folder, dirs_exist_ok=True)


@cache
def _made(world: WorldSpec) -> TemporaryDirectory:
    """Pre-trained once in a process."""
    kept = TemporaryDirectory()
    folder, bases = Path(kept.name), []
    for number in (1, 2, 3):
        recipe = Recipe(
            seed=number, width=32, inner_width=48, layers=1, heads=2, steps=150, sequences=8, length=64, warmup=2,
            rate=0.02,
        )  # fmt: skip
        place, state = folder / f"base-{number}", folder / f"{number}.state"
        base, _ = make_base(world, recipe, number, place, state, lambda step, loss: None)
        bases.append(base)
    (folder / MANIFEST).write_text(Bases(world=world, bases=tuple(bases)).model_dump_json(), encoding="utf-8")
    return kept


def tiny_catalog(**changes: object) -> Catalog:
    """The shipped catalog with small datasets and one small table of cells."""
    catalog = load_catalog()
    datasets = {name: _tiny_dataset(spec) if spec.bios else spec for name, spec in catalog.datasets.items()}
    return replace(catalog, datasets=datasets, cells={"tiny": CellTable.model_validate(TABLE | changes)})


def _tiny_dataset(spec: DatasetSpec) -> DatasetSpec:
    """The dataset with few rows, also where it has several sizes."""
    return spec.model_copy(update={"sizes": SIZES} if spec.sizes else {"rows": ROWS})


def tiny_profiles() -> Catalog:
    """The shipped catalog with small datasets, and every shipped table of cells made tiny."""
    catalog = tiny_catalog()
    return replace(catalog, cells={name: tiny_table(table) for name, table in load_catalog().cells.items()})


def tiny_table(table: CellTable) -> CellTable:
    """The combinations of a table at rates that move tiny models, on two bases with two seeds at most."""
    scale = RATE / (table.headline or 0.003)
    groups = [
        group.model_copy(update={"rates": tuple(round(scale * rate, 6) for rate in group.rates)})
        for group in table.cells
    ]
    fewer = {name: tuple(range(1, min(2, len(getattr(table, name))) + 1)) for name in ("bases", "seeds")}
    headline = RATE if table.headline else None
    return table.model_copy(update={"headline": headline, "cells": tuple(groups), **fewer})
