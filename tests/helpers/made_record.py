"""A small made-up record that says how its cells were made: of a world, and of two datasets from elsewhere."""

from itl_bench.record_cells import CellRecord, DataRecord, DrawRecord, OverlapRecord, TrainingRecord
from tests.helpers.measured_record import swept_record

SETTINGS = {
    "epochs": 3, "batch": 32, "optimizer": "adamw_torch_fused", "schedule": "cosine", "warmup_steps": 0,
    "weight_decay": 0.0, "clip": 1.0, "warmup_ratio": 0.03, "template": "alpaca", "cutoff": 2048,
    "micro_tokens": 16384, "grouped": True, "packing": False, "response_head": True, "gradient_checkpointing": True,
    "liger": False, "precision": "auto",
}  # fmt: skip
LOADED = {"rows": 52002, "kept": 51974, "duplicates": 22, "duplicates_dropped": 0, "empty_responses": 28}
LORA = {"rank": 8, "alpha": 16, "targets": "all-linear"}


def training(rate=5e-5, **changes):
    values = {
        "rate": rate, "cells": 2, "updates": 4873, "target_tokens": 9_876_543, "tokens_per_second": 12345.6,
        "padding": 0.021, "truncated": 12, "dropped": 1, "peak_memory": 61_400_000_000, "loss_first": 1.412,
        "loss_last": 0.9731,
    }  # fmt: skip
    return TrainingRecord(**{**values, **changes})


def data(**changes):
    values = {
        "draws": tuple(DrawRecord(seed=seed, rows=51974, sha256=f"{seed:02x}" * 32) for seed in (11, 12)),
        "files": ("2e" * 32,), "loaded": LOADED,
        "overlaps": (OverlapRecord(probe="just-eval", prompts=800, exact=1, shared=3, ngram=13),),
    }  # fmt: skip
    return DataRecord(**{**values, **changes})


def cell(**changes):
    values = {
        "model": "llama7b", "dataset": "alpaca-52k", "method": "lora", "parameters": LORA, "recipe": "paper",
        "recipe_title": "the paper's settings", "settings": SETTINGS, "rates": (5e-5, 2e-4), "cells": 4,
        "data": data(), "training": (training(), training(2e-4, loss_last=0.81)),
    }  # fmt: skip
    return CellRecord(**{**values, **changes})


def world_cell(**changes):
    draw = DrawRecord(seed=1011, rows=1000, sha256="7c" * 32)
    values = {
        "model": "bios1m", "dataset": "bios-new30-short", "method": "full", "parameters": {}, "recipe": "default",
        "recipe_title": "that of the bios world", "settings": {"epochs": 3, "batch": 32, "precision": "auto"},
        "rates": (0.003,), "cells": 1, "data": DataRecord(draws=(draw,)),
        "training": (training(0.003, cells=1, updates=96, truncated=0, dropped=0),),
    }  # fmt: skip
    return cell(**{**values, **changes})


def made_record(*cells, **changes):
    full = cell(method="full", parameters={}, rates=(5e-5,), cells=2, training=(training(notes=("no liger here",)),))
    return swept_record(cells=cells or (world_cell(), cell(), full), **changes)
