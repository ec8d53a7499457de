"""What the Markdown report says of measured cases: verdicts over learning rates, and a few answers."""

from collections.abc import Mapping

from itl_bench.record import CaseRecord, ExampleRecord, Record
from itl_bench.report.answers import answer_text, shift_counts
from itl_bench.report.maps import MapCell, RateMap, data_in_words, rate_in_words, rate_maps
from itl_bench.report.markdown_parts import code, escape, table
from itl_bench.report.rates_held import MEANING, rates_held
from itl_bench.report.wording import HOW_EXAMPLES, HOW_SHIFTED

ANSWERS = 5
TABLES = 3  # named with a case; the page lists all


def rates_section(record: Record) -> str:
    """The maps of all claims as one table of letters; nothing where no case has points."""
    maps = tuple(rate_maps(record).values())
    if not maps:
        return ""
    found = {rate for one in maps for rate in one.rates}
    rates = tuple(sorted(found, key=lambda rate: (rate is None, rate or 0.0)))
    rows = [row for one in maps for row in _rows(one, rates)]
    legend = "S supported, R refuted, I inconclusive; bold: the headline rate, whose verdict is the case's."
    if rates_held(record.cases):
        legend += f" Behind the counts of a claim: {MEANING[0].lower()}{MEANING[1:]}"
    header = ["claim", "dataset", "compared", *map(rate_in_words, rates)]
    return f"## Measured verdicts by learning rate\n\n{legend}\n\n{table(header, rows)}"


def examples_section(record: Record) -> str:
    """A few answers in plain text; nothing where the record has none."""
    examples = record.examples or ()
    if not examples:
        return ""
    shown = "\n\n".join(_example(number, one) for number, one in enumerate(examples[:ANSWERS], 1))
    rest = len(examples) - ANSWERS
    more = f"\n\nAnd {rest:,} more in the record; the page (report.html) shows all, token by token." if rest > 0 else ""
    return f"## Example answers\n\n{HOW_EXAMPLES} {HOW_SHIFTED}\n\n{shown}{more}"


def tables_line(case: CaseRecord, words: Mapping[str, str]) -> str:
    """What the verdict was computed from: how many tables, and a few of them; nothing where none is known.

    Args:
        case: A case of the record.
        words: Key of an artifact -> what it is.
    """
    known = [words[key] for key in case.artifacts if key in words]
    if not known:
        return ""
    more = f"; and {len(case.artifacts) - TABLES:,} more" if len(case.artifacts) > TABLES else ""
    tables = "table" if len(case.artifacts) == 1 else "tables"
    return f"Computed from {len(case.artifacts):,} {tables}: {escape('; '.join(known[:TABLES]))}{more}."


def _rows(one: RateMap, rates: tuple[float | None, ...]) -> list[list[str]]:
    rows = []
    for row in one.rows:
        cells = dict(zip(one.rates, row.cells, strict=True))
        data = " ".join(filter(None, [code(row.case.dataset), escape(data_in_words(row.case.dataset))]))
        sanity = "sanity" if row.case.role == "sanity" else ""
        details = escape(", ".join(filter(None, [row.details, sanity])))
        rows.append([code(one.claim), data, details, *(_letter(cells.get(rate)) for rate in rates)])
    return rows


def _letter(cell: MapCell | None) -> str:
    if cell is None:
        return ""
    letter = cell.point.verdict[0]
    return f"**{letter}**" if cell.headline else letter


def _example(number: int, example: ExampleRecord) -> str:
    values = [f"Expected: {escape(example.expected)}."]
    if example.wrong:
        values.append(f"Wrong: {escape(', '.join(example.wrong))}.")
    if example.source:
        values.append(f"A training item with that value: {escape(example.source)}")
    lines = [
        f"{number}. {escape(example.cell)}",
        f"   - Asked: {escape(example.instruction)}",
        f"   - Answered: {escape(answer_text(example))} ({shift_counts(example)})",
        f"   - {' '.join(values)}",
    ]
    return "\n".join(lines)
