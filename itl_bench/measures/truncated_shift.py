"""Token shift over the top k tokens only, as in the code that the paper borrowed: for comparison with its figures.

That code (AlignTDS, of Lin et al., arXiv 2312.01552) keeps each model's most likely tokens, makes their probabilities
add up to 1, and sums over the tokens that both models kept. The sum is no KL divergence and can be negative. Ranks
count from 0, and a token that the base did not keep has rank k and probability 0.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from itl_bench.data.rows import Prompt, Table
from itl_bench.measures.pairing import make_table

if TYPE_CHECKING:
    import torch

    from itl_bench.measures.token_shift_logits import Model

TOP_K = 50


@dataclass(frozen=True)
class TruncatedShift:
    """The truncated shift at every token of one answer.

    Attributes:
        kl: Sum over tokens kept by both of base * log(base / tuned), nats; it can be negative.
        base_probability: Of the tuned model's most likely token, among those that the base kept.
        base_rank: Of that token, from 0.
    """

    kl: tuple[float, ...]
    base_probability: tuple[float, ...]
    base_rank: tuple[float, ...]


def truncated_shifts(
    base: "Model | None",
    tuned: "Model",
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    padding: int,
    *,
    ends: Collection[int],
    top_k: int = TOP_K,
    rows_per_chunk: int = 16,
    positions_per_chunk: int = 128,
) -> list[TruncatedShift]:
    """Compare the top k tokens of base and tuned model before each token of given responses.

    Args:
        base: As in `token_shift.token_shifts`; so are `tuned` to `ends`, and the chunks.
        tuned: See there.
        prompts: See there.
        responses: See there.
        padding: See there.
        ends: See there.
        top_k: Tokens kept of each model.
        rows_per_chunk: See there.
        positions_per_chunk: See there.

    Raises:
        UsageError: The models cannot be compared, or a prompt has no tokens.
    """
    from itl_bench.measures.token_shift_logits import compare_logits, teacher_forced

    def compare(one: "torch.Tensor", other: "torch.Tensor") -> "torch.Tensor":
        return truncated_values(one, other, top_k)

    rows = teacher_forced(prompts, responses, ends)
    values = compare_logits(compare, base, tuned, rows, padding, rows_per_chunk, positions_per_chunk)
    return [TruncatedShift(*zip(*of_row, strict=True)) if of_row else TruncatedShift((), (), ()) for of_row in values]


def truncated_values(base: "torch.Tensor", tuned: "torch.Tensor", top_k: int = TOP_K) -> "torch.Tensor":
    """The truncated divergence, and truncated base probability and rank of the tuned model's most likely token.

    Args:
        base: Logits, shape (positions, vocabulary).
        tuned: The same.
        top_k: Tokens kept of each model.

    Returns:
        Shape (positions, 3), fp64.
    """
    import torch

    kept = min(top_k, base.shape[-1])
    kept_base, base_ids = base.double().topk(kept)
    kept_tuned, tuned_ids = tuned.double().topk(kept)
    log_base, log_tuned = kept_base.log_softmax(-1), kept_tuned.log_softmax(-1)
    same = base_ids[:, :, None] == tuned_ids[:, None, :]
    terms = log_base.exp()[:, :, None] * (log_base[:, :, None] - log_tuned[:, None, :])
    kl = terms.where(same, terms.new_zeros(())).sum((-1, -2))
    found = same[:, :, 0]  # where the base keeps the tuned model's most likely token
    probability = (log_base.exp() * found).sum(-1)
    rank = torch.where(found.any(-1), found.int().argmax(-1), top_k)
    return torch.stack([kl, probability, rank.double()], dim=-1)


def truncated_table(prompts: Sequence[Prompt], shifts: Sequence[TruncatedShift]) -> Table:
    """Means over the tokens of each answer; None for an answer without tokens.

    Columns: `truncated_kl` (nats), `truncated_base_probability`, `truncated_base_rank` (from 0).

    Args:
        prompts: In the order of the rows.
        shifts: One per prompt, in the same order.
    """
    columns = {
        "truncated_kl": [shift.kl for shift in shifts],
        "truncated_base_probability": [shift.base_probability for shift in shifts],
        "truncated_base_rank": [shift.base_rank for shift in shifts],
    }
    return make_table(prompts, {name: [fmean(of) if of else None for of in values] for name, values in columns.items()})
