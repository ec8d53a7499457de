"""Whether tuning shifts the start of a sentence more than its rest."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from itl_bench.data.rows import Prompt, Table
from itl_bench.measures.pairing import make_table
from itl_bench.measures.shift_table import TokenShift

PARTS = 20  # the start of a sentence is one part of so many: 5%


def sentence_start_table(
    prompts: Sequence[Prompt], shifts: Sequence[TokenShift], ends_sentence: Callable[[int], bool]
) -> Table:
    """Compare the first 5% of each sentence's tokens, rounded up, with the others.

    Columns, means over the sentences of an answer: `first` and `rest` (mean KL(base || tuned) of the tokens, nats),
    `drop` (`first` minus `rest`). All are None for an answer without a sentence of two tokens.

    Args:
        prompts: In the order of the rows.
        shifts: One per prompt, in the same order.
        ends_sentence: Whether a token id is the last of a sentence; what follows the last one is a sentence too.
    """
    rows = [_row(shift, ends_sentence) for shift in shifts]
    return make_table(prompts, {name: [row.get(name) for row in rows] for name in ("first", "rest", "drop")})


def _row(shift: TokenShift, ends_sentence: Callable[[int], bool]) -> dict[str, float | None]:
    pairs = [_first_and_rest(kl) for kl in _sentences(shift, ends_sentence) if len(kl) > 1]
    if not pairs:
        return {}
    first, rest = (fmean(values) for values in zip(*pairs, strict=True))
    return {"first": first, "rest": rest, "drop": first - rest}


def _sentences(shift: TokenShift, ends_sentence: Callable[[int], bool]) -> Iterator[tuple[float, ...]]:
    """The KL divergences of each sentence."""
    start = 0
    for position, token in enumerate(shift.tokens, start=1):
        if ends_sentence(token) or position == len(shift.tokens):
            yield shift.kl[start:position]
            start = position


def _first_and_rest(kl: tuple[float, ...]) -> tuple[float, float]:
    first = -(-len(kl) // PARTS)  # rounded up, in whole numbers
    return fmean(kl[:first]), fmean(kl[first:])
