"""A world small enough to pre-train, tune and measure in seconds; what it says of claims means nothing."""

from dataclasses import replace
from pathlib import Path

from itl_bench.catalog import load_catalog
from itl_bench.cell_specs import CellTable
from itl_bench.data.bios.recipe import Recipe
from itl_bench.data.bios.shipped import MANIFEST, Bases
from itl_bench.data.bios.world import WorldSpec
from itl_bench.training.bases import make_base

WORLD = WorldSpec(seed=5, dialogue=4, known=8, taught_known=8, rarely=4, taught_new=6, new=4, people_per_name=4)
ROWS = 40
TABLE = {
    "id": "tiny", "profile": "embedded", "model": "bios1m", "arm": "shared-rate", "headline": 0.01, "bases": [1, 2, 3],
    "seeds": [1, 2], "reason": "as small as can be",
    "cells": [
        {"datasets": ["bios-new30-short"], "methods": ["lora", "full", "full-neftune"], "rates": [0.01]},
        {"datasets": ["bios-new30-short"], "methods": ["full"], "rates": [0.03]},
    ],
}  # fmt: skip


def make_bases(folder: Path) -> None:
    """Three bases that have learned next to nothing."""
    bases = []
    for number in (1, 2, 3):
        recipe = Recipe(
            seed=number, width=16, inner_width=24, layers=1, heads=2, steps=30, sequences=8, length=64, warmup=2
        )
        base, _ = make_base(
            WORLD, recipe, number, folder / f"base-{number}", folder / f"{number}.state", lambda step, loss: None
        )
        bases.append(base)
    (folder / MANIFEST).write_text(Bases(world=WORLD, bases=tuple(bases)).model_dump_json(), encoding="utf-8")


def tiny_catalog(**changes: object):
    """The shipped catalog with small datasets and one small table of cells."""
    catalog = load_catalog()
    datasets = {
        name: spec.model_copy(update={"rows": ROWS}) if spec.bios else spec for name, spec in catalog.datasets.items()
    }
    return replace(catalog, datasets=datasets, cells={"tiny": CellTable.model_validate(TABLE | changes)})
