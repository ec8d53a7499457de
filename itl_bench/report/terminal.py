"""The claims of a run as a table for the terminal: readable at 80 columns and without colour."""

from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from itl_bench.record import CaseRecord, ClaimRecord, Record
from itl_bench.report.apart import MARK, claims_apart
from itl_bench.report.grouping import RATES_HELD, rates_held
from itl_bench.report.matrix import count, pooling, statements, totals, with_role
from itl_bench.report.verdicts import claim_verdicts, families, heads, measured_kinds, measured_verdict
from itl_bench.report.wording import (
    DIFFER,
    counts_in_words,
    pilot_in_words,
    pooling_in_words,
    printable,
    verdict_in_words,
)

STYLES = {"SUPPORTED": "blue", "REFUTED": "bold red", "INCONCLUSIVE": "yellow"}
LEGEND = (
    "S supported, R refuted, I inconclusive, n not run. (point): rests on comparisons of single runs. "
    "incomplete: not all cases of the claim were selected. differ: kinds of evidence do not agree."
)


def claims_table(record: Record, width: int = 80) -> RenderableType:
    """One line per claim: the verdict and counts on published and on measured evidence.

    Args:
        record: The record of a run.
        width: Columns of the terminal; the statement is shortened to fit.
    """
    grouped: dict[str, list[ClaimRecord]] = defaultdict(list)
    for family in families(record):
        grouped[family.id].append(family)
    cases = with_role(record, "evidence")
    sides = {"published": ("published",), "measured": ("measured", "expert")}
    with_verdict = {case.evidence for case in cases if case.verdict}
    shown = {side: kinds for side, kinds in sides.items() if with_verdict.intersection(kinds)}
    table = Table(box=None, width=width, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("statement", no_wrap=True, overflow="ellipsis", ratio=1)
    for side in shown:
        table.add_column(side, no_wrap=True)
        table.add_column("cases", no_wrap=True)
    with_rates = rates_held(cases) is not None
    if with_rates:
        table.add_column("rates", no_wrap=True)
    for claim, statement in statements(record).items():
        if not any(case.claim == claim for case in cases):
            continue  # -k left it out
        cells: list[Text] = []
        for side, kinds in shown.items():
            chosen = [family for family in grouped[claim] if family.evidence in kinds and heads(family)]
            selected = [case for case in cases if case.claim == claim and case.evidence in kinds]
            cells += _verdict_and_counts(side, chosen, selected)
        if with_rates:
            cells.append(_rates([case for case in cases if case.claim == claim]))
        table.add_row(Text(printable(claim)), Text(printable(statement)), *cells)
    return table


def print_claims(record: Record, console: Console) -> None:
    """Print the claims table, what its letters mean, and the totals of the run."""
    console.print(claims_table(record, console.width))
    console.print()
    console.print(Text(LEGEND, style="dim"))
    if rates_held(record.cases):
        console.print(Text(f"rates: {RATES_HELD}", style="dim"))
    for line in _measured_lines(record):
        console.print(Text(line))
    pooled = pooling_in_words(pooling(record))
    console.print(Text("; ".join(filter(None, [f"All cases: {counts_in_words(totals(record))}", pooled]))))
    sanity = with_role(record, "sanity")
    if sanity:
        console.print(Text(f"Sanity cases, in no count above: {counts_in_words(count(sanity))}."))
    if record.run.crashed:
        console.print(Text(f"{len(record.run.crashed)} crashed: these are errors, not verdicts.", style="bold red"))


def _rates(cases: Sequence[CaseRecord]) -> Text:
    held = rates_held(cases)
    return Text(f"{held.held}/{held.points}" if held else "")


def _measured_lines(record: Record) -> list[str]:
    """On what kinds of evidence was measured, and the claims on which these do not agree."""
    kinds = [kind.in_words() for kind in measured_kinds(record)]
    lines = [f"Measured: {'; '.join(kinds)}."] if kinds else []
    lines += filter(None, [pilot_in_words(record)])
    lines += [f"{MARK} {printable(claim)}: {one.words}." for claim, some in claims_apart(record).items()
              for one in some if one.of == "texts"]  # fmt: skip
    for claim, verdicts in claim_verdicts(record).items():
        if verdicts.measured and verdicts.measured.word == DIFFER:
            each = [f"{kind} {side.in_words()}" for kind, side in zip(kinds, verdicts.by_kind, strict=True)]
            lines.append(f"They differ on {printable(claim)}: {'; '.join(each)}.")
    return lines


def _verdict_and_counts(side: str, chosen: Sequence[ClaimRecord], selected: Sequence[CaseRecord]) -> tuple[Text, Text]:
    if side == "measured":
        word = measured_verdict(chosen).in_words()
    else:
        word = verdict_in_words([one for one in chosen if one.role == "evidence"]) if selected else "-"
    counts = count(selected)
    named = [(verdict[0], many) for verdict, many in counts.by_verdict()] + [("n", counts.not_run)]
    style = STYLES.get(word.partition(" ")[0], "")
    return Text(word, style=style), Text(" ".join(f"{many}{letter}" for letter, many in named if many))
