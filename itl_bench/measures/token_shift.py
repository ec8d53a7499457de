"""Token shift: how far tuning moved the next-token distributions, over the full vocabulary."""

import math
from collections.abc import Collection, Sequence

import torch

from itl_bench.errors import EvidenceError
from itl_bench.measures.shift_table import TokenShift
from itl_bench.measures.token_shift_logits import Base, Model, compare_logits, teacher_forced

VALUES = 1 << 25  # logits of one model in memory together: 128 MiB in fp32, of which there are some eight at once


def token_shifts(
    base: Base,
    tuned: Model,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    padding: int,
    *,
    ends: Collection[int],
    rows_per_chunk: int = 16,
    positions_per_chunk: int | None = None,
) -> list[TokenShift]:
    """Compare the distributions of base and tuned model before each token of given responses.

    Both models read the same token ids: at response position t the prompt and the response before t, whatever they
    would have answered themselves.

    Args:
        base: A causal language model in evaluation mode; None for `tuned`, a PEFT model, with its adapter switched off;
            or the name of another adapter of it, which then takes the place of the active one.
        tuned: A causal language model in evaluation mode, PEFT models included.
        prompts: Token ids of each prompt, everything before the response included.
        responses: Token ids of each response.
        padding: Id of the token for padding.
        ends: Ids of tokens that end a response: one that is a response's last is left out.
        rows_per_chunk: Responses that go through the models' backbones together.
        positions_per_chunk: Positions whose logits are in memory together, some eight fp32 values per token of the
            vocabulary; None for as many as 1 GiB of them holds.

    Returns:
        One per response, in their order.

    Raises:
        UsageError: The models cannot be compared, or a prompt has no tokens.
        EvidenceError: A model's logits are NaN or infinite.
    """
    rows = teacher_forced(prompts, responses, ends)
    if positions_per_chunk is None:
        positions_per_chunk = max(1, VALUES // int(tuned.config.get_text_config().vocab_size))
    values = compare_logits(shift_values, base, tuned, rows, padding, rows_per_chunk, positions_per_chunk)
    shifts = []
    for row, of_row in zip(rows, values, strict=True):
        if not all(math.isfinite(value) for of_token in of_row for value in of_token):
            raise EvidenceError("a token shift is NaN or infinite: a model's logits are not finite numbers")
        kl, reverse_kl, probability, rank = zip(*of_row, strict=True) if of_row else ((), (), (), ())
        shifts.append(TokenShift(kl, reverse_kl, probability, rank, row.tokens))
    return shifts


def shift_values(base: torch.Tensor, tuned: torch.Tensor) -> torch.Tensor:
    """KL(base || tuned), KL(tuned || base), and base probability and rank of the tuned model's most likely token.

    Args:
        base: Logits, fp32, shape (positions, vocabulary).
        tuned: The same.

    Returns:
        Shape (positions, 4), fp64.
    """
    log_base, log_tuned = base.log_softmax(-1), tuned.log_softmax(-1)
    of_base, of_tuned, difference = log_base.exp(), log_tuned.exp(), log_base - log_tuned
    # Both distributions add up to 1 but for rounding in fp32; taking off what their sums differ by takes off most of
    # the rounding's effect, which is large for nearly equal distributions and can make their divergence negative.
    excess = of_base - of_tuned
    kl = (of_base * difference - excess).sum(-1, dtype=torch.float64).clamp(min=0)
    reverse_kl = (excess - of_tuned * difference).sum(-1, dtype=torch.float64).clamp(min=0)
    choice = tuned.argmax(-1, keepdim=True)
    of_choice = base.gather(-1, choice)
    earlier = torch.arange(base.shape[-1], device=base.device) < choice
    rank = 1 + ((base > of_choice) | ((base == of_choice) & earlier)).sum(-1)
    probability = log_base.gather(-1, choice).squeeze(-1).double().exp()
    return torch.stack([kl, reverse_kl, probability, rank.double()], dim=-1)
