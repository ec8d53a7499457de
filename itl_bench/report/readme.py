"""The README's table of verdicts, from a record: `python -m itl_bench.report.readme RECORD README`."""

import sys
from pathlib import Path

from itl_bench.errors import UsageError
from itl_bench.record import Record, load, write_atomically
from itl_bench.report.markdown import escape, table
from itl_bench.report.matrix import statements
from itl_bench.report.wording import counts_in_words, summed_counts, verdict_in_words

START = "<!-- verdicts: written by `make reference`, do not edit -->"
END = "<!-- end of verdicts -->"


def verdict_table(record: Record) -> str:
    """One row for each claim that has published evidence: first the paper's, then our own (X..)."""
    paper: list[list[str]] = []
    own: list[list[str]] = []
    for claim, statement in statements(record).items():
        chosen = [one for one in record.claims if (one.id, one.evidence, one.role) == (claim, "published", "evidence")]
        if chosen:
            row = [claim, escape(statement), verdict_in_words(chosen), counts_in_words(summed_counts(chosen))]
            (paper if claim.startswith("C") else own).append(row)
    head = ["verdict", "cases"]
    parts = [table(["claim", "the paper's claim, as tested here", *head], paper)]
    return "\n\n".join([*parts, *([table(["claim", "asked by us of the same tables", *head], own)] if own else [])])


def with_table(text: str, record: Record) -> str:
    """The README's text with the table between its two marks.

    Raises:
        UsageError: The marks are not there.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise UsageError(f"the text has no {START} and {END}; put both where the table belongs")
    return f"{before}{START}\n\n{verdict_table(record)}\n\n{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[2])
    write_atomically(target, with_table(target.read_text(encoding="utf-8"), load(Path(sys.argv[1]))))
