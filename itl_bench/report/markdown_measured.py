"""Markdown of measured cases: rates, a few answers, how the cells were made; and the pieces that it is made of."""

import re
from collections.abc import Iterable, Mapping, Sequence

from itl_bench.record import CaseRecord, ExampleRecord, Record
from itl_bench.report import parity
from itl_bench.report.answers import answer_text, shift_counts
from itl_bench.report.grouping import RATES_HELD, rates_held
from itl_bench.report.made import MEANING, SETTINGS_PAGE, SPEED_MEANS, WHY, Block, CellRow, DataRow, listed, made
from itl_bench.report.maps import MapCell, RateMap, data_in_words, rate_in_words, rate_maps
from itl_bench.report.parity import parities
from itl_bench.report.wording import HOW_EXAMPLES, HOW_SHIFTED, printable

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
        legend += f" Behind the counts of a claim: {RATES_HELD[0].lower()}{RATES_HELD[1:]}"
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


def made_section(record: Record) -> str:
    """Cells, recipes and data; nothing where the record says nothing of them."""
    found = made(record)
    if found is None:
        return ""
    parts = ["## How the cells were made", MEANING, _cells(found.cells), _notes(found.cells)]
    parts += [_recipe(one) for one in found.recipes]
    parts += [f"{WHY} `{SETTINGS_PAGE}` of the project.", "### Data", _data(found.data), _overlaps(found.data)]
    parts += _parity(record)
    return "\n\n".join(part for part in parts if part)


def _parity(record: Record) -> list[str]:
    found = parities(record)
    if found is None:
        return []
    rows = ([escape(text) for text in row] for row in found.rows)
    left = "\n".join(f"- {escape(text)}." for text in found.left)
    shown = [parity.MEANING, table(parity.HEADER, rows, right=range(2, 4))] if found.rows else []
    return ["### vLLM's answers", *shown, left]


def _cells(rows: tuple[CellRow, ...]) -> str:
    header = [
        "model", "dataset", "method", "recipe", "rates", "cells", "updates", "target tokens", "tokens/s", "padding",
        "memory", "loss",
    ]  # fmt: skip
    return table(header, map(_cell, rows), right=range(5, 11))


def _cell(row: CellRow) -> list[str]:
    one = row.cell
    names = [code(name) for name in (one.model, one.dataset, one.method, one.recipe)]
    return [*names, row.rates, f"{one.cells:,}", row.updates, row.tokens, row.speed, row.padding, row.memory, row.loss]


def _notes(rows: tuple[CellRow, ...]) -> str:
    return "\n".join(
        f"- {code(row.cell.method)} on {code(row.cell.dataset)}, {code(row.cell.model)}: {escape(note)}"
        for row in rows
        for note in row.notes
    )


def _recipe(one: Block) -> str:
    lines = [f"- Settings: {escape(listed(one.settings))}"]
    lines += [f"- These {SPEED_MEANS}: {escape(listed(one.speed))}"] if one.speed else []
    lines += [f"- {code(method)}: {escape(parameters)}" for method, parameters in one.methods if parameters]
    return f"### Recipe {code(one.id)}{escape(': ' + one.title) if one.title else ''}\n\n" + "\n".join(lines)


def _data(rows: tuple[DataRow, ...]) -> str:
    """Columns that say nothing of any dataset are left out: data of a world are read from no file."""
    named = {
        "dataset": [code(row.dataset) for row in rows],
        "models": [", ".join(map(code, row.models)) for row in rows],
        "rows": [row.rows for row in rows],
        "seeds": [f"{row.seeds:,}" for row in rows],
        "sha256 of the rows": [escape(row.sha256) for row in rows],
        "of the files": [escape(row.files) for row in rows],
        "found in the files": [escape(row.loaded) for row in rows],
        "cut off": [row.cutoff for row in rows],
    }
    shown = {name: cells for name, cells in named.items() if any(cells)}
    return table([*shown], zip(*shown.values(), strict=True))


def _overlaps(rows: tuple[DataRow, ...]) -> str:
    return "\n".join(f"- {escape(text)}." for row in rows for text in row.overlaps)


def escape(text: str) -> str:
    """Foreign text as plain text on one line of Markdown, also inside a table."""
    flat = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*\[\]{}|#~$!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", flat)
    return re.sub(r"^([-+]|[0-9]+(?=[.)]))", r"&#8203;\1", flat)


def code(text: str) -> str:
    """An identifier as code where that is safe, as escaped text where it is not."""
    return f"`{text}`" if re.fullmatch(r"[\w.+:@=,/ -]+", text, re.ASCII) and text.strip() == text else escape(text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A Markdown table; cells must be escaped, columns numbered in `right` are aligned to the right."""
    aligned = set(right)
    rule = ["--:" if index in aligned else "---" for index in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))
