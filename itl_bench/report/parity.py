"""How vLLM's answers agree with those of transformers, in words for both reports."""

from collections import Counter
from dataclasses import dataclass

from itl_bench.record import Record
from itl_bench.record_cells import ParityRecord

MEANING = (
    "Before an engine of vLLM gives the answers of a base and of the models tuned from it, it answers a sample of the "
    "prompts of each of them, which transformers answers, too. Answers may differ where rounding turns two tokens "
    "round: the gap is how far, in nats, transformers' best token there is before its second, the largest of all first "
    "differences."
)
HEADER = ("base", "engine", "models", "prompts", "identical", "first difference", "largest gap")


@dataclass(frozen=True)
class Parities:
    """The rows of the table, and what was left to transformers, a sentence for each reason."""

    rows: tuple[tuple[str, ...], ...]
    left: tuple[str, ...]


def parities(record: Record) -> Parities | None:
    """What a record says of it; None where every answer is transformers' own, as it was meant to be."""
    reasons = Counter(case.left for case in record.cases if case.left)
    left = tuple(f"{_cases(many)} answered by transformers: {reason}" for reason, many in reasons.items())
    rows = tuple(map(_row, record.parity or ()))
    return Parities(rows, left) if rows or left else None


def _cases(many: int) -> str:
    return "1 case" if many == 1 else f"{many:,} cases"


def _row(one: ParityRecord) -> tuple[str, ...]:
    share = f"{one.identical:,} of {one.prompts:,} ({one.identical / one.prompts:.1%})"
    first = "" if one.first is None else f"token {one.first}"
    gap = "" if one.gap is None else f"{one.gap:.2g} nats"
    engine = one.engine.replace("vLLM", f"vLLM {one.version}".strip(), 1)
    return f"{one.model}, base {one.base}", engine, f"{one.models:,}", f"{one.prompts:,}", share, first, gap
