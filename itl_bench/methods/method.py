"""What a method may change about tuning; everything else is the one recipe."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from itl_bench.data.rows import Item

Parameters = Mapping[str, bool | int | float | str]


class Method:
    """Plain full tuning. A method overrides what it changes, and leaves the rest."""

    def __init__(self, parameters: Parameters) -> None:
        """Take the parameters that `cases/methods.yaml` declares."""
        self.parameters = parameters

    def prepare_data(self, items: list[Item]) -> list[Item]:
        """Choose or rewrite the items to tune on."""
        return items

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Add to the model, or freeze parts of it; torch's random state is seeded."""
        return model

    def training_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Change arguments of transformers' `TrainingArguments`."""
        return arguments

    def loss(self, outputs: Any, inputs: Mapping[str, torch.Tensor], default: torch.Tensor) -> torch.Tensor:
        """The loss of one batch; `default` is the mean cross-entropy over response tokens."""
        return default
