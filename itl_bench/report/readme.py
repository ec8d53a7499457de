"""What stands in the README of records: the sentences and effects of its first screen, and the table of verdicts."""

from collections.abc import Sequence

from itl_bench.errors import UsageError
from itl_bench.record import Record
from itl_bench.report.apart import claims_apart
from itl_bench.report.markdown_measured import escape, table
from itl_bench.report.markdown_story import apart_mark, apart_section, forest_table, sentences
from itl_bench.report.matrix import is_own, statements
from itl_bench.report.verdicts import MeasuredKind, claim_verdicts, measured_kinds
from itl_bench.report.wording import counts_in_words, decimals_for, signed, summed_counts, verdict_in_words

START = "<!-- verdicts: written by `make reference`, do not edit -->"
END = "<!-- end of verdicts -->"
STORY_START = "<!-- story: written by `make reference`, do not edit -->"
STORY_END = "<!-- end of story -->"


def verdict_table(record: Record, pilot: Record | None = None) -> str:
    """One row for each claim: first the paper's, then our own (X..).

    Without measured verdicts it has the claims of published evidence; with them, also those that only were measured,
    and two columns for each kind of measured evidence.

    Args:
        record: Whose verdicts the table shows.
        pilot: A run that gives no verdict; its effects get the last column.
    """
    kinds, apart = measured_kinds(record), claims_apart(record)
    paper: list[list[str]] = []
    own: list[list[str]] = []
    for claim, statement in statements(record).items():
        if row := _row(record, claim, kinds):
            last = [pilot_effects(pilot, claim)] if pilot else []
            mark = apart_mark(apart.get(claim, ()))
            (own if is_own(claim) else paper).append([f"{claim}{mark}", escape(statement), *row, *last])
    named = [text for kind in kinds for text in (f"measured: {kind.in_words()}", "cases")]
    shown = [f"pilot, no verdict: {_models(pilot)}"] if pilot else []
    head = ["published" if kinds else "verdict", "cases", *named, *shown]
    asked = "asked by us" if kinds else "asked by us of the same tables"
    parts = [table(["claim", "the paper's claim, as tested here", *head], paper)]
    parts += [table(["claim", asked, *head], own)] if own else []
    return "\n\n".join(filter(None, [*parts, apart_section(record)]))


def _row(record: Record, claim: str, kinds: Sequence[MeasuredKind]) -> list[str]:
    """Verdicts and cases of a claim on each kind of evidence; nothing where it has no evidence of these kinds."""
    families = [one for one in record.claims if (one.id, one.role) == (claim, "evidence")]
    published = [one for one in families if one.evidence == "published"]
    measured = [[one for one in families if kind.holds(one)] for kind in kinds]
    if not published and not any(measured):
        return []
    row = [verdict_in_words(published), counts_in_words(summed_counts(published))] if published else ["", ""]
    for side, chosen in zip(claim_verdicts(record)[claim].by_kind, measured, strict=True):
        row += [side.in_words(), counts_in_words(summed_counts(chosen)) if chosen and not side.sanity else ""]
    return row


def pilot_effects(pilot: Record, claim: str) -> str:
    """The effects that a pilot found for a claim, one for each measure; nothing where it measured nothing."""
    found: dict[str, list[float]] = {}
    for case in pilot.cases:
        measured = case.evidence != "published" and case.role == "evidence"
        if case.claim == claim and measured and case.effect is not None:
            name = f"{case.measure} ({case.deciding_column})" if case.deciding_column else case.measure
            found.setdefault(name, []).append(case.effect)
    return escape("; ".join(f"{name} {_range(effects)}" for name, effects in found.items()))


def _range(effects: Sequence[float]) -> str:
    low, high = (signed(end, decimals_for(effects)) for end in (min(effects), max(effects)))
    return low if low == high else f"{low} to {high}"


def _models(pilot: Record) -> str:
    measured = (case.model for case in pilot.cases if case.evidence != "published" and case.verdict)
    return escape(", ".join(dict.fromkeys(measured)))


def with_table(text: str, record: Record, pilot: Record | None = None) -> str:
    """The README's text with the table between its two marks.

    Raises:
        UsageError: The marks are not there.
    """
    return _between(text, START, END, verdict_table(record, pilot))


def with_story(text: str, record: Record) -> str:
    """The README's text with the sentences on the mechanisms and their effects between two marks.

    Raises:
        UsageError: The marks are not there.
    """
    return _between(text, STORY_START, STORY_END, f"{sentences(record)}\n\n{forest_table(record)}".strip())


def _between(text: str, first: str, last: str, written: str) -> str:
    before, start, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not start or not end:
        raise UsageError(f"the text has no {first} and {last}; put both where it belongs")
    return f"{before}{first}\n\n{written}\n\n{last}{after}"
