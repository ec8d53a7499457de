"""The head on response positions: the same logits and loss as all positions, or all positions."""

import math

import pytest
import torch
from torch import nn
from transformers import Gemma2Config, Gemma2ForCausalLM

from itl_bench.data.tokens.template import IGNORED
from itl_bench.stages.training.response_head import only_at, output_head, reason_against, response_loss
from itl_bench.stages.training.tuning import collate
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_training import EXAMPLES, LORA, SMALL, gemma, llama

IDS = tuple(range(3, 30))


def capped():
    """A Gemma 2 whose soft cap bends its logits by much."""
    torch.manual_seed(1)
    model = Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=0.5)).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(20)
    return model


def with_adapter():
    model = method_of("lora", LORA).wrap_model(llama())
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


EPSILON = torch.finfo(torch.bfloat16).eps  # two roundings of one number to bf16 differ by this share of it at most
PRODUCTS = 17  # of matrices one after the other: eight in each of two layers, and the head


def under_bf16(model, batch, all_positions=False):
    """Loss, logits at response positions, what the head was given (with its gradient), and gradients of weights."""
    head, given = output_head(model), []
    hook = head.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]) or inputs[0].retain_grad())
    with torch.autocast("cpu", torch.bfloat16):
        loss, outputs = whole_loss(model, batch) if all_positions else response_loss(model, head, batch)
    hook.remove()
    loss.backward()
    logits = outputs.logits[counted(batch)] if all_positions else outputs.logits
    gradients = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return loss.item(), logits.detach(), given[0], torch.cat(gradients)


def whole_loss(model, batch):
    outputs = model(**batch)
    return outputs.loss, outputs


def counted(batch):
    """Where a response token is predicted, shape (rows, length)."""
    return torch.cat([batch["labels"][:, 1:] != IGNORED, torch.zeros(len(batch["labels"]), 1, dtype=torch.bool)], dim=1)


def bounds(model, batch, logits, given):
    """How far rounding to bf16 alone can move logits, loss and the gradient of what the head was given.

    A logit is a sum in fp32, rounded; the loss moves by twice the farthest logit at most (its logarithm of a sum by
    once, its target by once), a probability p by p (exp(2 delta) - 1). The gradient of a logit is rounded, times the
    weights, summed and rounded again.
    """
    inputs, weight = given.detach()[counted(batch)].bfloat16().double(), output_head(model).weight.detach().double()
    of_logits = EPSILON * logits.double().abs() + 2**-22 * inputs.shape[1] * (inputs.abs() @ weight.abs().T)
    delta, shares = float(of_logits.max()), logits.double().softmax(-1)
    targets = torch.nn.functional.one_hot(batch["labels"][:, 1:][counted(batch)[:, :-1]], logits.shape[-1])
    moved = shares * math.expm1(2 * delta) + EPSILON * (shares - targets).abs()
    of_given = given.grad[counted(batch)].double().abs()
    return of_logits, 2 * delta, moved / len(targets) @ weight.abs() * (1 + EPSILON) + EPSILON * of_given


@pytest.mark.parametrize("make", [llama, gemma, with_adapter])
def test_under_bf16_only_rounding_differs_from_the_whole_model(make):
    batch, fewer = collate(EXAMPLES, 0), collate(EXAMPLES, 0)
    fewer["labels"][1, -1] = IGNORED  # another loss, which the bounds must tell from this one
    loss, logits, given, gradients = under_bf16(make(), batch)
    whole = under_bf16(model := make(), batch, all_positions=True)
    of_logits, of_loss, of_given = bounds(model, batch, whole[1], whole[2])
    assert whole[1].dtype == torch.bfloat16
    assert torch.equal(given, whole[2])  # up to the head it is the same computation
    assert bool(((logits.double() - whole[1].double()).abs() <= of_logits).all())
    assert abs(loss - whole[0]) <= of_loss
    apart = (given.grad - whole[2].grad).double().abs()
    assert bool((apart[counted(batch)] <= of_given).all())
    assert not apart[~counted(batch)].any()
    assert (gradients - whole[3]).norm() <= PRODUCTS * EPSILON * whole[3].norm()
    other = under_bf16(make(), fewer)
    assert not bool(((other[2].grad - whole[2].grad)[counted(batch)].abs() <= of_given).all())
    assert (other[3] - whole[3]).norm() > PRODUCTS * EPSILON * whole[3].norm()


@pytest.mark.parametrize("widened", [False, True])
@pytest.mark.parametrize(("share", "precision", "fits"), [(1, "bf16", True), (1, "fp32", False), (8, "bf16", False)])
def test_a_logit_rounded_to_its_neighbour_is_the_models_own_in_bf16(share, precision, fits, widened):
    def change(logits):
        given = logits if logits.dim() == 3 else (logits.float() * (1 + share * EPSILON)).to(logits.dtype)
        return given.float() if widened else given

    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        found = reason_against(Unusual(change), IDS)
    assert found is None if fits else "are not the model's own" in found


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
