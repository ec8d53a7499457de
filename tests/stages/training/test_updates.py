"""An update in parts is the update: losses and weights are those of transformers' Trainer with all rows at once."""

import json
from functools import cache
from tempfile import TemporaryDirectory

import pytest
import torch
from transformers import Trainer, TrainingArguments

from itl_bench.data.tokens.template import IGNORED, Example
from itl_bench.methods.method import Method
from itl_bench.methods.neftune import Neftune
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training.arguments import training_arguments
from itl_bench.stages.training.log import peak_memory
from itl_bench.stages.training.tuning import collate
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_training import FAST, LORA, RATE, SEED, examples, gemma, llama, run

PARTS = {"micro_batch": 4}
PACKED = FAST | {"packing": True}


@cache
def trained(make=llama, method="full", rows=None, **changes):
    torch.manual_seed(SEED)
    made = method_of(method, {"lora": LORA, "full-neftune": {"noise_alpha": 5}}.get(method, {}))
    return run(made, made.wrap_model(make()), rows, **changes)


@cache
def by_plain_trainer(make, rows_at_once=32):
    """Transformers' own Trainer, as it comes."""
    with TemporaryDirectory() as scratch:
        named = training_arguments(TuningRecipe(epochs=1), RATE, SEED, scratch)
        named |= {"per_device_train_batch_size": rows_at_once, "gradient_accumulation_steps": 32 // rows_at_once}
        torch.manual_seed(SEED)
        trainer = Trainer(
            model=make(), args=TrainingArguments(**named), train_dataset=examples(),
            data_collator=lambda some: collate(some, 0),
        )  # fmt: skip
        trainer.train()
    weights = {name: weight.detach() for name, weight in trainer.model.named_parameters()}
    return weights, [one["loss"] for one in trainer.state.log_history if "loss" in one]


def same(one, other, tolerance=1e-5):
    assert one.keys() == other.keys()
    return all(torch.allclose(one[name], other[name], rtol=0, atol=tolerance) for name in one)


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (llama, {}), (llama, PARTS), (llama, {"micro_tokens": 64}), (llama, PARTS | {"grouped": True}),
        (llama, {"response_head": True}), (llama, FAST), (llama, PACKED), (gemma, FAST), (gemma, PACKED),
    ],
)  # fmt: skip
def test_updates_are_those_of_the_plain_trainer(make, changes):
    weights, losses = by_plain_trainer(make)
    mine, log = trained(make, **changes)
    assert log.losses == pytest.approx(losses, abs=1e-5)
    assert len(losses) == 3
    assert same(mine, weights)
    assert not same(mine, dict(make().named_parameters()))
    assert log.notes == []


def test_updates_in_parts_are_those_of_accumulated_batches():
    weights, losses = by_plain_trainer(llama, rows_at_once=4)
    mine, log = trained(**PARTS)
    assert log.losses == pytest.approx(losses, abs=1e-5)
    assert same(mine, weights)


@pytest.mark.parametrize("changes", [PARTS, FAST, PACKED, {"gradient_checkpointing": True}])
def test_adapters_are_trained_the_same_in_parts(changes):
    whole, parts = trained(method="lora"), trained(method="lora", **changes)
    assert parts[1].losses == pytest.approx(whole[1].losses, abs=1e-5)
    assert same(parts[0], whole[0])
    assert all(weight.any() for name, weight in parts[0].items() if "lora_B" in name)  # zero before the first update


def test_a_mean_of_means_would_be_another_update():
    rows = examples()
    counts = [sum(label != IGNORED for label in row.labels) for row in rows]
    assert max(counts) > 5 * min(counts)  # so that the tests above can fail


def test_what_is_written_down():
    _, log = trained(**FAST)
    lengths = [len(row.ids) for row in examples()]
    assert log.tokens == sum(lengths) == sum(log.step_tokens)
    assert log.response_tokens == sum(label != IGNORED for row in examples() for label in row.labels)
    assert len(log.step_seconds) == len(log.step_tokens) == len(log.losses) == 3
    assert 0 < sum(log.step_seconds) <= log.seconds["total"]
    assert log.tokens_per_second == pytest.approx(sum(lengths) / sum(log.step_seconds))
    assert log.response_head
    assert json.loads(json.dumps(log.__dict__)) == log.__dict__  # as the stage writes it
    assert 10 * 2**20 < log.peak_memory <= peak_memory()


def test_grouped_rows_need_less_padding_and_joined_rows_none():
    whole, grouped, packed = (trained(**changes)[1] for changes in ({}, FAST, PACKED))
    assert 0 < grouped.padding < whole.padding / 2
    assert packed.padding == 0
    assert packed.response_tokens == whole.response_tokens


class OwnLoss(Method):
    """Twice the loss, and something that is the same for all rows."""

    def loss(self, outputs, inputs, default):
        assert outputs.logits.shape[:2] == inputs["labels"].shape
        return 2 * default + 0.5


@pytest.mark.parametrize("changes", [PARTS, FAST])
def test_a_methods_own_loss_gets_all_logits_and_counts_once_an_update(changes):
    _, plain = trained(micro_batch=1)
    _, log = run(OwnLoss({}), llama(), **changes)
    assert log.losses[0] == pytest.approx(2 * plain.losses[0] + 0.5, abs=1e-5)
    assert not log.response_head
    assert bool(log.notes) == ("response_head" in changes)


def test_noise_on_embeddings_sees_each_rows_own_length(monkeypatch):
    seen = []

    def spy(embeddings, mask, alpha):
        seen.append((tuple(embeddings.shape[:2]), sorted(mask.sum(dim=1).tolist())))
        return torch.zeros_like(embeddings)

    monkeypatch.setattr("itl_bench.methods.neftune.noise", spy)
    rows = examples(32)
    model = Neftune({"noise_alpha": 5}).wrap_model(llama())
    _, log = run(Neftune({"noise_alpha": 5}), model, rows, **FAST, packing=True)
    assert sorted(length for _, lengths in seen for length in lengths) == sorted(len(row.ids) for row in rows)
    assert all(shape == (len(lengths), max(lengths)) for shape, lengths in seen)
    assert log.response_head
    assert log.notes == ["rows are padded, not packed: the method changes the input embeddings row by row"]


def test_rows_without_a_response_change_nothing():
    bare = Example((3, 4, 5, 6), (IGNORED,) * 4)
    rows = (*examples(20), bare, bare)
    whole, parts = trained(rows=rows), trained(rows=rows, micro_batch=1, response_head=True)
    assert parts[1].losses == pytest.approx(whole[1].losses, abs=1e-5)
    assert same(parts[0], whole[0])


def test_cosine_falls_otherwise_than_linear():
    assert trained(schedule="cosine")[1].losses[0] == trained()[1].losses[0]
    assert trained(schedule="cosine")[1].losses[-1] != trained()[1].losses[-1]


def test_bf16_rounds_the_passes_and_not_the_weights():
    weights, log = trained(precision="bf16")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    exact = trained(precision="fp32")[1].losses
    assert log.losses != exact
    assert log.losses == pytest.approx(exact, abs=0.02)
