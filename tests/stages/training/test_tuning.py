"""The recipe: the loss is what a plain loop gives, seeds decide everything, and nothing else trains."""

import math

import pytest
import torch

from itl_bench.data.tokens.template import IGNORED, training_example
from itl_bench.errors import ItlError
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training.bases import batches, new_model, pretrain
from itl_bench.stages.training.tuning import collate, tune
from itl_bench.verdicts.guards import trained
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_items import ITEMS, SMALL, TOKENIZER, WORLD

LORA = {"rank": 4, "alpha": 8, "targets": "all-linear"}


def tuned(method="full", parameters=None, rate=0.01, seed=7, epochs=1):
    model = new_model(SMALL, len(TOKENIZER))
    return tune(
        model, TOKENIZER, ITEMS, method_of(method, parameters or {}), TuningRecipe(batch=8, epochs=epochs), rate, seed
    )


def cross_entropy(model, examples):
    """Mean over response tokens, one token at a time."""
    total, count = 0.0, 0
    for example in examples:
        logits = model(input_ids=torch.tensor([example.ids])).logits[0].double().log_softmax(-1)
        for position, label in enumerate(example.labels):
            if label != IGNORED:
                total -= float(logits[position - 1, label])
                count += 1
    return total / count, count


def test_the_first_loss_is_the_base_models_on_the_first_batch():
    _, log = tuned(rate=1e-9, epochs=1)
    base = new_model(SMALL, len(TOKENIZER)).eval()
    examples = [training_example(TOKENIZER, item) for item in ITEMS]
    with torch.inference_mode():
        whole, count = cross_entropy(base, examples)
    assert len(log.losses) == 5
    assert log.response_tokens == count
    assert log.tokens == sum(len(example.ids) for example in examples)
    assert sum(log.losses) / 5 == pytest.approx(whole, rel=0.01)  # the rate moves nothing; batches differ in tokens


def test_updates_follow_epochs_and_batch():
    _, log = tuned(epochs=3)
    assert len(log.losses) == 3 * 40 // 8
    assert log.losses[-1] < log.losses[0]
    assert set(log.seconds) == {"forward", "backward", "step", "total"}
    assert 0 < sum(log.seconds[part] for part in ("forward", "backward", "step")) <= log.seconds["total"]


def test_padding_is_on_the_right_and_bears_no_loss():
    examples = [training_example(TOKENIZER, item) for item in ITEMS[:6]]
    batch = collate(examples, TOKENIZER.pad_token_id)
    for row, example in enumerate(examples):
        length = len(example.ids)
        assert batch["input_ids"][row, :length].tolist() == list(example.ids)
        assert set(batch["labels"][row, length:].tolist()) <= {IGNORED}
        assert batch["attention_mask"][row].sum() == length


@pytest.mark.parametrize(("method", "parameters"), [("full", {}), ("lora", LORA), ("full-neftune", {"noise_alpha": 5})])
def test_one_seed_one_result(method, parameters):
    one, two, other = (tuned(method, parameters, seed=seed)[1].losses for seed in (7, 7, 8))
    assert one == two
    assert one != other


def test_lora_leaves_the_base_as_it_was():
    model, _ = tuned("lora", LORA, rate=0.05)
    with model.disable_adapter():
        ids = torch.tensor([[1, 5, 9, 12]])
        assert torch.equal(model(input_ids=ids).logits, new_model(SMALL, len(TOKENIZER)).eval()(input_ids=ids).logits)
    assert not torch.allclose(model(input_ids=ids).logits, new_model(SMALL, len(TOKENIZER))(input_ids=ids).logits)


def test_a_misspelt_target_of_lora_is_one_line_with_what_there_is():
    with pytest.raises(ItlError, match=r"'q_prj' of the adapter's targets; did you mean .*q_proj'\? A pattern "):
        tuned("lora", LORA | {"targets": "q_prj"})


def test_an_interrupted_pretraining_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("itl_bench.stages.training.bases.SAVE_EVERY", 2)
    whole = pretrain(WORLD, SMALL, TOKENIZER, tmp_path / "whole.pt")

    class StopHereError(Exception):
        pass

    def stop(step, loss):
        if step == 5:
            raise StopHereError

    with pytest.raises(StopHereError):
        pretrain(WORLD, SMALL, TOKENIZER, tmp_path / "parts.pt", stop)
    steps = []
    rest = pretrain(WORLD, SMALL, TOKENIZER, tmp_path / "parts.pt", lambda step, loss: steps.append(step))
    assert steps == [5, 6]
    for one, two in zip(whole.parameters(), rest.parameters(), strict=True):
        assert torch.equal(one, two)


def test_batches_do_not_depend_on_who_reads_them():
    first, second = (batches(WORLD, SMALL, TOKENIZER) for _ in range(2))
    for _ in range(3):
        one, two = next(first), next(second)
        assert one.shape == (SMALL.sequences, SMALL.length)
        assert torch.equal(one, two)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_logged_as_it_is(broken):
    model, passes = new_model(SMALL, len(TOKENIZER)), []

    def spoil(module, inputs, output):
        passes.append(1)
        return output * broken if module.training and len(passes) >= 4 else output

    model.get_output_embeddings().register_forward_hook(spoil)
    _, log = tune(model, TOKENIZER, ITEMS, method_of("full", {}), TuningRecipe(batch=8, epochs=1), 0.01, 7)
    assert [math.isfinite(loss) for loss in log.losses] == [True, True, True, False, False]
    assert not trained(log.losses[0], log.losses[-1])
