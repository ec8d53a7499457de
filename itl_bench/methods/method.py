"""What a method may change about tuning; everything else is the one recipe."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import BaseModel
from torch import nn

from itl_bench.data.rows import Item
from itl_bench.methods.parameters import Given, checked


class Method:
    """Plain full tuning. A method overrides what it changes, and leaves the rest.

    Attributes:
        Parameters: What the method takes, as a subclass of `itl_bench.specs.Spec`: what is given is held to it. None
            for a method that looks at what it is given itself.
    """

    Parameters: ClassVar[type[BaseModel] | None] = None

    def __init__(self, parameters: Given) -> None:
        """Take the parameters of the method's entry in `methods.yaml`.

        Raises:
            UsageError: They are not what the method declares.
        """
        self.parameters = checked(parameters, self.Parameters) if self.Parameters else parameters

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
