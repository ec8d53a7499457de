"""How many GPUs a cell takes, and that one of several processes reaches the store as any other."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.rows import write_lines
from itl_bench.machine.devices import OF_RUN
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import Tuning, TuningRecipe
from itl_bench.stages import checkpoint as checkpoint_stage
from itl_bench.stages.checkpoint import build_checkpoint, gpus_of, parameters_in
from itl_bench.stages.training.bases import new_model
from itl_bench.store.artifact import ITEMS, TRAINING
from tests.helpers.methods_made import codes
from tests.helpers.tiny_items import ITEMS as ROWS
from tests.helpers.tiny_items import SMALL, WORLD

RECIPE = TuningRecipe(epochs=1, micro_batch=1, gradient_checkpointing=True)
SPEC = {
    "model": "llama7b", "method": {"id": "full", "parameters": {}}, "rate": 0.01, "seed": 3,
    "recipe": RECIPE.without_speed().model_dump(),
}  # fmt: skip
LORA = {"method": {"id": "lora", "parameters": {"rank": 8, "alpha": 16, "targets": "all-linear"}}}
HOW = Tuning(code=codes()["full"], trains="all", recipe=RECIPE)
HOW_LORA = HOW.model_copy(update={"code": codes()["lora"], "trains": "adapter"})
OTHER_ADAPTER = {"method": {"id": "other", "parameters": {"width": 4}}}
EIGHT = Machine((85.5,) * 8, "NVIDIA H100 80GB HBM3", 128, 2000.0)


@dataclass
class Kept:
    folder: Path
    spec: dict = field(default_factory=dict)
    place: object = None


@pytest.fixture
def parents(tmp_path):
    base, corpus = tmp_path / "base", tmp_path / "corpus"
    tokenizer = make_tokenizer(WORLD)
    for part in (new_model(SMALL, len(tokenizer)), tokenizer):
        part.save_pretrained(base)
    corpus.mkdir()
    write_lines(corpus / ITEMS, ROWS)
    return Kept(base), Kept(corpus)


@pytest.mark.parametrize(
    ("parameters", "method", "how", "machine", "count"),
    [
        (6_740_000_000, {}, HOW, EIGHT, 2), (13_020_000_000, {}, HOW, EIGHT, 4),
        (6_740_000_000, LORA, HOW_LORA, EIGHT, 1), (6_740_000_000, OTHER_ADAPTER, HOW_LORA, EIGHT, 1),
        (6_740_000_000, {}, HOW, Machine((151.0,) * 2, "NVIDIA H200", 16, 256.0), 1),
        (13_020_000_000, {}, HOW, Machine(), 1), (13_020_000_000, {}, HOW, Machine((85.5,)), 1),
        (1_000_000, {}, HOW, EIGHT, 1),
    ],
)  # fmt: skip
def test_gpus_by_weights(parents, monkeypatch, parameters, method, how, machine, count):
    base, corpus = parents
    monkeypatch.setattr(checkpoint_stage, "parameters_in", lambda folder: parameters)
    assert gpus_of(SPEC | method, how, base.folder, corpus.folder / ITEMS, machine) == count


def test_parameters_are_counted(parents):
    base, _ = parents
    model = new_model(SMALL, len(make_tokenizer(WORLD)))
    assert parameters_in(base.folder) == sum(weight.numel() for weight in model.parameters())


def test_a_cell_of_two_processes(parents, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_stage, "gpus_of", lambda *arguments: 2)
    monkeypatch.setenv(OF_RUN, "0,1")
    made = tmp_path / "made"
    made.mkdir()
    build_checkpoint(Kept(made, SPEC, HOW), dict(zip(("base", "corpus"), parents, strict=True)), made)
    assert json.loads((made / TRAINING).read_text())["processes"] == 2
    assert parameters_in(made) == parameters_in(parents[0].folder)
