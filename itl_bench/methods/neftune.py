"""Full fine-tuning with NEFTune noise (the paper's NFT): Jain et al. 2023, arXiv 2310.05914."""

from inspect import signature
from typing import Any

import torch
from torch import nn

from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.method import Method
from itl_bench.methods.parameters import NeftuneParameters

LOOKED_AT = 1000  # rows of the embeddings, for their scale
ASIDE = 0.02  # of what a layer puts out: bf16 rounds to 1/256
TINY = torch.finfo(torch.float32).tiny


class Neftune(Method):
    """Add uniform noise of size alpha / sqrt(L d) to the input embeddings while training.

    L is each sequence's own length without padding, and padding gets no noise, as in the authors' code. The size is
    relative to the rows of the embeddings' table: where the layer multiplies these (Gemma's by sqrt(d)), it multiplies
    the noise as well, so that one alpha is one share of noise on every architecture. `NeftuneLibrary` differs in both.
    """

    Parameters = NeftuneParameters

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Attach the noise to the input embeddings, before or after an adapter is put around the model."""
        alpha, masks = float(self.parameters["noise_alpha"]), list[torch.Tensor | None]()  # type: ignore[arg-type]
        embeddings: nn.Module = model.get_input_embeddings()  # type: ignore[operator]
        scale = scale_of(embeddings)

        def remember(module: nn.Module, arguments: Any, keywords: dict[str, Any]) -> None:
            given = signature(module.forward).bind_partial(*arguments, **keywords).arguments
            mask = (given.get("kwargs", {}) | given).get("attention_mask")
            if not masks or (isinstance(mask, torch.Tensor) and mask.ndim == 2):
                masks[:] = [mask]

        def disturb(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            known, masks[:] = list(masks), []
            if not module.training:
                return output
            if not known:
                raise ItlError(f"NEFTune does not see which positions of {type(model).__name__} are padding")
            return output + scale * noise(output, known[0], alpha)

        for part in _around(embeddings, model):
            part.register_forward_pre_hook(remember, with_kwargs=True)
        embeddings.register_forward_hook(disturb)
        return model


class NeftuneLibrary(Method):
    """NEFTune as transformers' `neftune_noise_alpha` has it, for comparison with results of other programs.

    The noise is added to what the embedding layer puts out, scaled or not; L is the padded length, and padding gets
    noise, too. So what comes out depends on which rows go through the model together, `micro_batch` included.
    """

    Parameters = NeftuneParameters

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """Attach transformers' own hook."""
        from transformers.integrations.neftune import activate_neftune

        activate_neftune(model, float(self.parameters["noise_alpha"]))  # type: ignore[arg-type]
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


@torch.no_grad()
def scale_of(embeddings: nn.Module) -> float:
    """How much longer what an embedding layer puts out is than the rows of its table; exactly 1 where it is they.

    Measured, not read from an attribute: layers scale by one of several names, or normalise.

    Args:
        embeddings: A layer with a table `weight`, of shape (tokens, width).

    Raises:
        UsageError: It does more than that, so that noise relative to the rows would be of some other size.
    """
    table: torch.Tensor = embeddings.weight  # type: ignore[assignment]
    ids = torch.linspace(0, len(table) - 1, min(len(table), LOOKED_AT)).long().to(table.device)
    rows, made = table[ids].float(), embeddings(ids[None])[0].float()
    if not rows.any():
        return 1.0
    if made.shape != rows.shape or _aside(rows, made) > ASIDE:
        raise UsageError(
            f"the embedding layer {type(embeddings).__name__} does more than multiply the rows of its table, and "
            "NEFTune's noise is relative to these; take full-neftune-library, whose noise is relative to nothing"
        )
    return float(made.norm() / rows.norm())


def _aside(rows: torch.Tensor, made: torch.Tensor) -> float:
    """How much of what a layer puts out is no multiple of the row that it belongs to, as a share of all."""
    along = (rows * made).sum(dim=1, keepdim=True).clamp_min(0) / rows.square().sum(dim=1, keepdim=True).clamp_min(TINY)
    return float((made - along * rows).norm() / made.norm().clamp_min(TINY))


def _around(part: nn.Module, model: nn.Module) -> list[nn.Module]:
    """The modules that a part is in: which of them is called with the mask is the architecture's own affair."""
    return [one for one in model.modules() if one is not part and any(inner is part for inner in one.modules())]
