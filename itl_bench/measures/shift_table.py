"""How far tuning shifted the next-token distributions of each answer: per-token values, and their means as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from itl_bench.data.rows import Prompt, Table
from itl_bench.measures.pairing import make_table

LARGEST_MARGINAL_RANK = 3  # Lin et al., arXiv 2312.01552: rank 1 is unshifted, 2 and 3 marginal, the rest shifted


@dataclass(frozen=True)
class TokenShift:
    """The shift at every token of one answer; the next-token distributions are those before the token.

    Attributes:
        kl: KL divergence of the tuned model's distribution from the base's, KL(base || tuned), nats.
        reverse_kl: KL(tuned || base), nats.
        base_probability: That the base gives to the tuned model's most likely token.
        base_rank: That the base gives to it, 1 for its own most likely token. Of equally likely tokens the one with the
            smaller id ranks first, in both models.
        tokens: Ids of the answer's tokens.
    """

    kl: tuple[float, ...]
    reverse_kl: tuple[float, ...]
    base_probability: tuple[float, ...]
    base_rank: tuple[float, ...]
    tokens: tuple[int, ...]


def shift_table(prompts: Sequence[Prompt], shifts: Sequence[TokenShift]) -> Table:
    """Means over the tokens of each answer.

    Columns: `kl` and `reverse_kl` (nats), `base_probability`, `base_improbability` (1 minus it), `base_rank`,
    `unshifted`, `marginal` and `shifted` (shares of tokens of rank 1, of rank 2 or 3, and above), `tokens` (their
    number). Means are None for an answer without tokens.

    Args:
        prompts: In the order of the rows.
        shifts: One per prompt, in the same order.
    """
    rows = [_row(shift) for shift in shifts]
    return make_table(prompts, {name: [row.get(name) for row in rows] for name in COLUMNS})


COLUMNS = (
    "kl", "reverse_kl", "base_probability", "base_improbability", "base_rank", "unshifted", "marginal",
    "shifted", "tokens",
)  # fmt: skip


def _row(shift: TokenShift) -> dict[str, float | None]:
    count = len(shift.tokens)
    if not count:
        return {"tokens": 0.0}
    probability = fmean(shift.base_probability)
    unshifted = sum(rank == 1 for rank in shift.base_rank) / count
    shifted = sum(rank > LARGEST_MARGINAL_RANK for rank in shift.base_rank) / count
    marginal = sum(1 < rank <= LARGEST_MARGINAL_RANK for rank in shift.base_rank) / count
    return {
        "kl": fmean(shift.kl),
        "reverse_kl": fmean(shift.reverse_kl),
        "base_probability": probability,
        "base_improbability": 1 - probability,
        "base_rank": fmean(shift.base_rank),
        "unshifted": unshifted,
        "marginal": marginal,
        "shifted": shifted,
        "tokens": float(count),
    }
