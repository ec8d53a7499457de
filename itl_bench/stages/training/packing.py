"""Whether rows that are joined into one leave each other alone: not every model knows where one begins."""

from collections.abc import Sequence

import torch
from torch import nn

from itl_bench.stages.training.response_head import CHECKED_TOKENS, tolerance_of

APART = 1e-4  # of the largest logit, in fp32: a short convolution moves the first tokens of a row only, and little


@torch.no_grad()
def rows_mix(model: nn.Module, first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether a row's logits are others after another row than alone.

    Transformers knows by positions that begin anew where a row does. What keeps a state of all that it has read, as
    Mamba does, goes on past that.

    Args:
        model: A causal language model, whatever is wrapped around it.
        first: Some tokens of one row.
        second: Some tokens of another.
    """
    before, row = list(first[-CHECKED_TOKENS:]), list(second[:CHECKED_TOKENS])
    device = next(model.parameters()).device
    positions = torch.tensor([[*range(len(before)), *range(len(row))]], device=device)
    training = model.training
    model.eval()
    try:
        whole = torch.tensor([before + row], device=device)
        # Without a cache, as in training: with one, transformers does not look for beginnings.
        alone = model(input_ids=whole[:, len(before) :], use_cache=False).logits[0]
        joined = model(input_ids=whole, position_ids=positions, use_cache=False).logits[0]
    except TypeError:  # the model takes no positions
        return True
    finally:
        model.train(training)
    return not bool((joined[len(before) :] - alone).abs().max() <= tolerance_of(alone, APART) * alone.abs().max())
