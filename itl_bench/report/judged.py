"""What became of the answers of a case that a judge scored."""

from itl_bench.record import CaseRecord

WORDS = {
    "score": "scored", "na": "N/A", "refusal": "refused", "unparseable": "unreadable", "failed": "failed",
    "cut": "shown to it in part",
}  # fmt: skip


def outcomes_in_words(case: CaseRecord) -> str:
    """For example "5,380 scored, 12 N/A, 3 unreadable"; nothing where no judge scored."""
    return ", ".join(f"{count:,} {WORDS.get(name, name)}" for name, count in (case.outcomes or {}).items())
