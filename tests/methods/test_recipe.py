"""The recipe: what a key sees of it, and how it reads in the words of transformers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from transformers import TrainingArguments

from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.recipe import ALWAYS_WRITTEN, TuningRecipe
from itl_bench.stages.training.arguments import check_master_weights, runs_in_bf16, training_arguments
from itl_bench.store.keys import canonical

CHANGES = {
    "warmup_ratio": 0.1, "template": "alpaca", "cutoff": 512, "micro_batch": 4, "micro_tokens": 2048, "grouped": True,
    "packing": True, "response_head": True, "gradient_checkpointing": True, "liger": True, "precision": "fp32",
    "stop_after": 0.5,
}  # fmt: skip


def test_the_default_recipe_is_written_as_it_was_before_it_could_do_more():
    assert canonical(TuningRecipe()) == (
        '{"batch":32,"clip":1,"epochs":3,"optimizer":"adamw_torch","schedule":"linear","warmup_steps":0,"weight_decay":0}'
    )


def test_every_later_setting_is_known_here():
    assert set(TuningRecipe.model_fields) == set(ALWAYS_WRITTEN) | set(CHANGES)


@given(st.sets(st.sampled_from(sorted(CHANGES))))
def test_what_differs_is_written_and_read_again(names):
    recipe = TuningRecipe(**{name: CHANGES[name] for name in names})
    written = recipe.model_dump(mode="json")
    assert set(written) == set(ALWAYS_WRITTEN) | names
    assert TuningRecipe.model_validate(written) == recipe
    assert TuningRecipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"warmup_steps": 3, "warmup_ratio": 0.1}, "not both"),
        ({"warmup_ratio": 1.0}, "less than 1"),
        ({"micro_batch": 0}, "greater than 0"),
        ({"cutoff": True}, "a number"),
        ({"schedule": "cosin"}, "'linear' or 'cosine'"),
        ({"precision": "fp16"}, "'auto', 'fp32' or 'bf16'"),
        ({"micro_batches": 4}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_rejected(wrong, words):
    with pytest.raises(ValidationError, match=words):
        TuningRecipe(**wrong)


@pytest.mark.parametrize(("recipe", "updates"), [({"warmup_ratio": 0.03}, 3), ({"warmup_steps": 7}, 7), ({}, 0)])
def test_warmup_is_counted_in_updates(recipe, updates, tmp_path):
    arguments = TrainingArguments(**training_arguments(TuningRecipe(**recipe), 1e-3, 1, str(tmp_path)))
    assert arguments.get_warmup_steps(100) == updates


@pytest.mark.parametrize(
    ("precision", "gpu", "bf16"),
    [("auto", False, False), ("auto", True, True), ("fp32", True, False), ("bf16", False, True)],
)
def test_bf16_is_for_gpus_unless_asked_for(precision, gpu, bf16, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: gpu)
    assert runs_in_bf16(TuningRecipe(precision=precision)) is bf16


@pytest.mark.parametrize(("gpu", "words"), [(False, "need a GPU"), (True, "pip install liger-kernel")])
def test_liger_says_what_it_lacks(gpu, words, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr("itl_bench.stages.training.arguments.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=words):
        training_arguments(TuningRecipe(liger=True), 1e-3, 1, str(tmp_path))


def test_weights_in_bf16_are_not_trained():
    model = torch.nn.Linear(2, 2).bfloat16()
    with pytest.raises(ItlError, match=r"weight is trained in torch\.bfloat16"):
        check_master_weights(model)
    check_master_weights(model.requires_grad_(False))
    check_master_weights(model.requires_grad_(True).float())


def test_what_changes_only_speed_does_not_name_a_cell():
    slow = TuningRecipe(cutoff=64, template="plain")
    fast = slow.model_copy(update={"micro_batch": 4, "grouped": True, "response_head": True, "liger": True})
    assert fast.without_speed() == slow.without_speed() == slow
    assert fast.without_speed().model_dump() == slow.model_dump()
