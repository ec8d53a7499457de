"""Full fine-tuning with NEFTune noise (the paper's NFT): Jain et al. 2023, arXiv 2310.05914."""

from typing import Any

import torch
from torch import nn

from itl_bench.methods.method import Method


class Neftune(Method):
    """Add uniform noise of size alpha / sqrt(L d) to the input embeddings while training.

    L is each sequence's own length without padding, and padding gets no noise, as in the authors' code. The hook that
    transformers ships takes the padded length and adds noise to padding too.
    """

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Attach the noise to the input embeddings."""
        alpha = float(self.parameters["noise_alpha"])
        mask: list[torch.Tensor | None] = [None]

        def remember(module: nn.Module, arguments: Any, keywords: dict[str, Any]) -> None:
            mask[0] = keywords.get("attention_mask")

        def disturb(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            return output + noise(output, mask[0], alpha) if module.training else output

        model.register_forward_pre_hook(remember, with_kwargs=True)
        model.get_input_embeddings().register_forward_hook(disturb)  # type: ignore[operator]
        return model


def noise(embeddings: torch.Tensor, mask: torch.Tensor | None, alpha: float) -> torch.Tensor:
    """NEFTune's noise.

    Args:
        embeddings: Shape (batch, length, width).
        mask: Shape (batch, length), 1 where there is a token; None if all are tokens.
        alpha: The method's only parameter.

    Returns:
        Shape of the embeddings: uniform in [-s, s] with s = alpha / sqrt(length of the sequence x width), 0 on padding.
    """
    present = torch.ones(embeddings.shape[:2]) if mask is None else mask
    present = present.to(embeddings)
    size = alpha / torch.sqrt(present.sum(dim=1) * embeddings.shape[-1])
    uniform = torch.empty_like(embeddings).uniform_(-1, 1)
    return uniform * (size[:, None] * present)[:, :, None]
