"""The output head on response positions only: with a large vocabulary it costs more than the rest of a small model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from itl_bench.data.tokens.template import IGNORED

CHECKED_TOKENS = 16
TOLERANCE = 1e-3  # of the largest logit, in fp32
ROUNDINGS = 4  # of a logit: by the head and the three steps of a soft cap


def output_head(model: nn.Module) -> nn.Module | None:
    """The layer that makes logits; None where a model has none."""
    whole: Any = model
    inner = whole.get_base_model() if hasattr(whole, "get_base_model") else whole
    head: nn.Module | None = inner.get_output_embeddings()
    return head


@contextmanager
def only_at(head: nn.Module, positions: torch.Tensor) -> Iterator[None]:
    """Let the head see only some positions.

    The model itself is called as ever, so that hooks, adapters, wrappers for several devices, and whatever it does to
    logits (as Gemma's soft cap) stay in place.

    Args:
        head: From `output_head`.
        positions: True where logits are wanted, shape (rows, length). The model's logits are then of shape
            (positions, vocabulary).
    """

    def choose(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return inputs[0][positions.to(inputs[0].device)], *inputs[1:]

    hook = head.register_forward_pre_hook(choose)
    try:
        yield
    finally:
        hook.remove()


def response_loss(model: nn.Module, head: nn.Module, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, Any]:
    """Mean cross-entropy over the response tokens, in nats, and the model's outputs.

    Args:
        model: Called without labels.
        head: Its output head.
        inputs: As for the model, with labels of shape (rows, length).
    """
    targets = pad(inputs["labels"][:, 1:], (0, 1), value=IGNORED)
    counted = targets != IGNORED
    with only_at(head, counted):
        outputs = model(**{name: values for name, values in inputs.items() if name != "labels"})
    wanted = targets[counted].to(outputs.logits.device)
    return cross_entropy(outputs.logits.float(), wanted), outputs


@torch.no_grad()
def reason_against(model: nn.Module, ids: tuple[int, ...]) -> str | None:
    """Why a model needs all positions, or None: some models do more around the head than is known here.

    Args:
        model: A causal language model, whatever is wrapped around it.
        ids: Some tokens.
    """
    head = output_head(model)
    if head is None:
        return "the model names no output head"
    row = torch.tensor([ids[:CHECKED_TOKENS]], device=next(model.parameters()).device)
    positions = torch.ones_like(row, dtype=torch.bool)
    positions[:, 1::2] = False
    training = model.training
    model.eval()
    try:
        whole = model(input_ids=row).logits[positions]
        with only_at(head, positions):
            own = model(input_ids=row).logits
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        return f"the model does not run with fewer positions ({error})"
    finally:
        model.train(training)
    if own.shape != whole.shape or not bool((own - whole).abs().max() <= tolerance_of(whole) * whole.abs().max()):
        return "the logits of fewer positions are not the model's own"
    return None


def tolerance_of(logits: torch.Tensor, least: float = TOLERANCE) -> float:
    """How far logits of the same may be apart, as a share of the largest: so many roundings, or the least in fp32."""
    return max(least, ROUNDINGS * _epsilon(logits))


def _epsilon(logits: torch.Tensor) -> float:
    """How far apart neighbours are in the precision that logits were computed in, as a share of them.

    Beside other positions, a logit may be rounded to a neighbour: kernels add up in an order that depends on their
    number. Under autocast to bf16 a neighbour is 1/128 away, also where a model then makes fp32 of it.
    """
    device = logits.device.type
    computed = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else logits.dtype
    return max(torch.finfo(computed).eps, torch.finfo(logits.dtype).eps)
