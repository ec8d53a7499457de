"""The head on response positions: the same logits and loss as all positions, or all positions."""

import math

import pytest
import torch
from torch import nn
from transformers import Gemma2Config, Gemma2ForCausalLM

from itl_bench.data.template import IGNORED
from itl_bench.methods.registry import load_method
from itl_bench.training.response_head import only_at, output_head, reason_against, response_loss
from itl_bench.training.tuning import collate
from tests.test_training_batching import EXAMPLES, SMALL, gemma, llama

LORA = {"rank": 4, "alpha": 8, "targets": "all-linear"}
IDS = tuple(range(3, 30))


def capped():
    """A Gemma 2 whose soft cap bends its logits by much."""
    torch.manual_seed(1)
    model = Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=0.5)).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(20)
    return model


def with_adapter():
    model = load_method("lora", LORA).wrap_model(llama())
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
    return model.eval()


def plain_loop(model, examples):
    total, count = 0.0, 0
    for example in examples:
        logits = model(input_ids=torch.tensor([example.ids])).logits[0].double()
        for position in range(1, len(example.ids)):
            if example.labels[position] != IGNORED:
                row = logits[position - 1]
                total += math.log(float(row.exp().sum())) - float(row[example.labels[position]])
                count += 1
    return total / count


@pytest.mark.parametrize("make", [llama, gemma, capped, with_adapter])
@torch.no_grad()
def test_loss_and_logits_are_those_of_the_whole_model(make):
    model, batch = make(), collate(EXAMPLES, 0)
    assert reason_against(model, IDS) is None
    loss, outputs = response_loss(model, output_head(model), batch)
    assert float(loss) == pytest.approx(plain_loop(model, EXAMPLES), abs=1e-5)
    assert outputs.logits.shape == (1 + 5 + 2 + 1, 40)  # response tokens only
    assert model(input_ids=batch["input_ids"]).logits.shape == (4, 7, 40)  # no hook stays behind


def test_gradients_are_those_of_the_whole_model():
    one, other, batch = llama(), llama(), collate(EXAMPLES, 0)
    response_loss(one, output_head(one), batch)[0].backward()
    other(**batch).loss.backward()
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6)


def test_the_hook_is_removed_when_the_model_fails():
    model = llama()
    with pytest.raises(ZeroDivisionError), only_at(output_head(model), torch.ones(1, 3, dtype=torch.bool)):
        raise ZeroDivisionError
    assert model(input_ids=torch.tensor([[3, 4, 5]])).logits.dim() == 3


class Unusual(nn.Module):
    """A model around another, that does something of its own with logits."""

    def __init__(self, change, head=True):
        super().__init__()
        self.inner, self.change, self.with_head = llama(), change, head

    def get_output_embeddings(self):
        return self.inner.get_output_embeddings() if self.with_head else None

    def forward(self, **inputs):
        outputs = self.inner(**inputs)
        outputs.logits = self.change(outputs.logits)
        return outputs


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Unusual(lambda logits: logits), None),
        (Unusual(lambda logits: logits, head=False), "names no output head"),
        (Unusual(lambda logits: logits[:, :, :-1]), "does not run with fewer positions"),
        (Unusual(lambda logits: logits - logits.mean(dim=0)), "are not the model's own"),
        (Unusual(lambda logits: logits * math.nan), "are not the model's own"),
    ],
)
def test_a_model_that_needs_all_positions_is_found(model, reason):
    found = reason_against(model.train(), IDS)
    assert found is None if reason is None else reason in found
    assert model.training
