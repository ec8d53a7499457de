"""How the cells behind the verdicts were made, in Markdown."""

from itl_bench.record import Record
from itl_bench.report.made import MEANING, SETTINGS_PAGE, SPEED_MEANS, WHY, Block, CellRow, DataRow, listed, made
from itl_bench.report.markdown_parts import code, escape, table


def made_section(record: Record) -> str:
    """Cells, recipes and data; nothing where the record says nothing of them."""
    found = made(record)
    if found is None:
        return ""
    parts = ["## How the cells were made", MEANING, _cells(found.cells), _notes(found.cells)]
    parts += [_recipe(one) for one in found.recipes]
    parts += [f"{WHY} `{SETTINGS_PAGE}` of the project.", "### Data", _data(found.data), _overlaps(found.data)]
    return "\n\n".join(part for part in parts if part)


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
