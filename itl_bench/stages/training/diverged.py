"""A training that diverged leaves nothing behind: weights that are no numbers are never kept."""

from collections.abc import Iterable, Sequence
from math import isfinite

import torch
from torch import nn

from itl_bench.errors import DivergedError
from itl_bench.stages.finite import kept_tensors, not_finite


def weights_to_keep(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """What is saved of a model that is whole in this process: all of it, or what is trained beside a frozen base."""
    if hasattr(model, "peft_config"):
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    return list(kept_tensors(model))


def check_not_diverged(weights: Iterable[tuple[str, torch.Tensor]], losses: Sequence[float], rate: float) -> None:
    """Refuse to keep weights that are no numbers.

    Args:
        weights: That are to be saved, by name.
        losses: Of every update.
        rate: The learning rate, for the message.

    Raises:
        DivergedError: A weight is NaN or infinite; says since when the loss was, and what to do.
    """
    if found := not_finite(weights):
        raise DivergedError(
            f"training at the learning rate {rate:g} diverged: {found.broken} of {found.total} weights to save hold "
            f"NaN or infinity, first {found.first}, and {_since(losses)}; nothing was saved, take a lower rate"
        )


def _since(losses: Sequence[float]) -> str:
    """At which update the loss first was no number."""
    first = next((update for update, loss in enumerate(losses, start=1) if not isfinite(loss)), None)
    if first is None:
        return f"the loss was a number in all of {len(losses)} updates"
    return f"the loss was NaN or infinite first at update {first} of {len(losses)}"
