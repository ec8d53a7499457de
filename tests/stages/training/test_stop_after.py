"""A run that ends on its way has the weights that the whole run has there."""

import hashlib
import json
from types import SimpleNamespace

import pytest
import torch

from itl_bench.catalog.loading import load_catalog
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.stages.training.log import StepTimer, StopAfter
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_training import LORA, SEED, examples, llama, run

UPDATES = 12  # 96 rows in batches of 8


def trained(name, **changes):
    method = method_of(name, {"lora": LORA, "full-neftune": {"noise_alpha": 5}}.get(name, {}))
    torch.manual_seed(SEED)
    return run(method, method.wrap_model(llama()), examples(96), batch=8, **changes)


@pytest.fixture
def saved(monkeypatch):
    """The weights after every update, by its number."""
    kept = {}

    def keep(self, args, state, control, model, **others):
        kept[state.global_step] = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    monkeypatch.setattr(StepTimer, "on_step_end", keep)
    return kept


@pytest.mark.parametrize(
    ("name", "changes"), [("lora", {}), ("full", {"schedule": "cosine", "response_head": True}), ("full-neftune", {})]
)
def test_stopped_weights_are_those_of_the_whole_run_at_that_update(saved, name, changes):
    _, whole = trained(name, **changes)
    on_its_way = dict(saved)
    assert set(on_its_way) == set(range(1, UPDATES + 1))
    for share, updates in ((0.25, 3), (0.26, 4), (0.01, 1)):
        weights, log = trained(name, stop_after=share, **changes)
        assert log.losses == whole.losses[:updates]
        assert len(log.step_tokens) == updates
        assert same(weights, on_its_way[updates])
        assert not same(weights, on_its_way[updates + 1])


def same(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(weight, others[one]) for one, weight in weights.items())


@pytest.mark.parametrize(
    ("share", "updates", "last"),
    [(0.5, 94, 47), (0.125, 94, 12), (0.25, 95, 24), (0.07, 100, 7), (0.55, 100, 55), (0.001, 94, 1), (0.999, 94, 94)],
)
def test_a_share_of_the_updates_is_rounded_up(share, updates, last):
    stop, stopped = StopAfter(share), []
    for step in range(1, updates + 1):
        control = SimpleNamespace(should_training_stop=False)
        stop.on_step_end(None, SimpleNamespace(global_step=step, max_steps=updates), control)
        stopped.append(control.should_training_stop)
    assert stopped.index(True) + 1 == last
    assert all(stopped[last - 1 :])


def test_who_has_asked_to_stop_is_not_overruled():
    control = SimpleNamespace(should_training_stop=True)
    StopAfter(0.5).on_step_end(None, SimpleNamespace(global_step=1, max_steps=10), control)
    assert control.should_training_stop is True


def test_a_whole_run_is_not_stopped_and_its_recipe_says_nothing_of_it():
    recipe = TuningRecipe()
    assert recipe.stopped(1.0) is recipe
    assert "stop_after" not in recipe.model_dump()
    assert recipe.stopped(0.5).model_dump() == {**recipe.model_dump(), "stop_after": 0.5}
    assert recipe.stopped(0.5).stopped(0.75).stop_after == 0.5
    assert recipe.stopped(0.5).without_speed().stop_after == 0.5


def test_the_key_of_a_whole_cell_knows_nothing_of_stopping():
    """The key is spelled out here: what has been trained stays where it is."""
    graph = Graph(load_catalog())
    cell = TunedCell("bios1m", "bios-new30-short", "lora", 0.003, Replicate(1, 21))
    recipe = {
        "epochs": 3, "batch": 32, "optimizer": "adamw_torch", "schedule": "linear", "warmup_steps": 0,
        "weight_decay": 0, "clip": 1,
    }  # fmt: skip
    source = "dba1e9b5d79c05fc0d61f03acb421ec0b0fc277a511e7ef9548a314e311ad8c4"
    parameters = {"rank": 8, "alpha": 16, "targets": "all-linear"}
    spec = {
        "model": "bios1m", "dataset": "bios-new30-short", "rate": 0.003, "seed": 1021,
        "method": {"id": "lora", "parameters": parameters, "source": source},
    }  # fmt: skip
    parents = [graph.base("bios1m", 1).key, graph.corpus("bios-new30-short", 1021).key]

    def key(recipe):
        text = json.dumps(["checkpoint", spec | {"recipe": recipe}, parents, 1], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    assert graph.checkpoint(cell).key == graph.checkpoint(cell._replace(stopped_after=1.0)).key == key(recipe)
    assert graph.checkpoint(cell._replace(stopped_after=0.5)).key == key(recipe | {"stop_after": 0.5})
