"""A training that diverged saves nothing, and says in one line what was wrong from when on."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from itl_bench.data.rows import write_lines
from itl_bench.errors import DivergedError
from itl_bench.machine.devices import OF_RUN
from itl_bench.methods.recipe import Tuning, TuningRecipe
from itl_bench.stages import checkpoint as checkpoint_stage
from itl_bench.stages.checkpoint import build_checkpoint
from itl_bench.stages.training import bases
from itl_bench.stages.training.diverged import check_not_diverged
from itl_bench.stages.training.log import TrainingLog
from itl_bench.stages.training.sharding import save_tuned
from itl_bench.stages.training.tuning import tune
from itl_bench.store.artifact import ITEMS as ITEMS_FILE
from tests.helpers.methods_made import codes, method_of
from tests.helpers.tiny_items import ITEMS, SMALL, TOKENIZER, WORLD

LORA = {"rank": 4, "alpha": 8, "targets": "all-linear"}
METHODS = {"full": {}, "lora": LORA, "full-neftune": {"noise_alpha": 5}}
RATE = 1e30


def spoilt(method, broken, first=4):
    """A training whose logits are spoilt from one update on."""
    model, passes = bases.new_model(SMALL, len(TOKENIZER)), []

    def spoil(module, inputs, output):
        passes.append(1)
        return output * broken if module.training and len(passes) >= first else output

    model.get_output_embeddings().register_forward_hook(spoil)
    return tune(model, TOKENIZER, ITEMS, method_of(method, METHODS[method]), TuningRecipe(batch=8, epochs=1), 0.01, 7)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", METHODS)
def test_weights_that_are_no_numbers_are_not_saved(tmp_path, method, broken):
    model, log = spoilt(method, broken)
    with pytest.raises(DivergedError) as error:
        save_tuned(model, tmp_path, log, 0.01)
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith("training at the learning rate 0.01 diverged: ")
    assert " weights to save hold NaN or infinity, first " in line
    assert "the loss was NaN or infinite first at update 4 of 5; nothing was saved, take a lower rate" in line
    assert not list(tmp_path.iterdir())
    counted = [one for one in model.parameters() if method != "lora" or one.requires_grad]
    wrong = sum(not bool(one.isfinite().all()) for one in counted)
    assert f"{wrong} of {len(counted)} weights" in line


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_what_overflows_in_the_precision_that_is_saved_is_not_saved(tmp_path, precision):
    model = bases.new_model(SMALL, len(TOKENIZER))
    with torch.no_grad():
        model.model.norm.weight[0] = 3.4e38
    model = model.to(precision)
    save = partial(save_tuned, model, tmp_path, TrainingLog(losses=[2.0, 1.0]), 0.1)
    if precision == torch.float32:
        save()
        return
    with pytest.raises(DivergedError, match=r"1 of \d+ weights .* first model.norm.weight, and the loss was"):
        save()


def test_a_frozen_base_is_not_what_an_adapter_saves():
    model, log = spoilt("lora", 1.0)
    with torch.no_grad():
        model.get_input_embeddings().weight[0] = float("nan")  # found when a base is loaded
    assert not any("embed" in name for name, _ in _kept(model))
    check_not_diverged(_kept(model), log.losses, 0.1)


def _kept(model):
    from itl_bench.stages.training.diverged import weights_to_keep

    return weights_to_keep(model)


@pytest.fixture
def parents(tmp_path):
    base, corpus = tmp_path / "base", tmp_path / "corpus"
    for part in (bases.new_model(SMALL, len(TOKENIZER)), TOKENIZER):
        part.save_pretrained(base)
    corpus.mkdir()
    write_lines(corpus / ITEMS_FILE, ITEMS)
    return {"base": SimpleNamespace(folder=base), "corpus": SimpleNamespace(folder=corpus)}


@pytest.mark.parametrize(("method", "processes"), [("full", 1), ("lora", 1), ("full", 2), ("lora", 2)])
def test_the_stage_says_so_however_many_processes_train(parents, tmp_path, monkeypatch, method, processes):
    monkeypatch.setattr(checkpoint_stage, "gpus_of", lambda *arguments: processes)
    monkeypatch.setenv(OF_RUN, "0,1")
    recipe = TuningRecipe(epochs=1, batch=8, warmup_ratio=0.0)
    spec = {"model": "tiny", "method": {"id": method, "parameters": METHODS[method]}, "rate": RATE, "seed": 3}
    how = Tuning(code=codes()[method], trains="all" if method == "full" else "adapter", recipe=recipe)
    made = tmp_path / "made"
    made.mkdir()
    with pytest.raises(DivergedError, match=r"training at the learning rate 1e\+30 diverged: .* take a lower rate$"):
        build_checkpoint(SimpleNamespace(spec=spec, place=how), parents, made)
    assert not list(made.iterdir())


def test_pretraining_that_diverges_ends_with_its_first_loss_that_is_no_number(tmp_path):
    steps = []
    high = SMALL.model_copy(update={"rate": RATE})
    with pytest.raises(DivergedError, match=r"pre-training .* 1e\+30 diverged: the loss of step 3 of 6 is nan; take "):
        bases.pretrain(WORLD, high, TOKENIZER, tmp_path / "state.pt", lambda step, loss: steps.append(step))
    assert steps == [1, 2]


def test_a_base_that_is_no_numbers_as_it_would_be_stored_is_not_stored(tmp_path, monkeypatch):
    model = bases.new_model(SMALL, len(TOKENIZER))
    with torch.no_grad():
        model.model.norm.weight[0] = 3.4e38  # a number in fp32, and none in bf16
    monkeypatch.setattr(bases, "build_world", lambda spec: WORLD)
    monkeypatch.setattr(bases, "pretrain", lambda *arguments: model)
    with pytest.raises(DivergedError, match=r"diverged: model.norm.weight is no number"):
        bases.make_base(WORLD.spec, SMALL, 1, tmp_path / "base", tmp_path / "state.pt", lambda step, loss: None)
    assert not list((tmp_path / "base").iterdir())
