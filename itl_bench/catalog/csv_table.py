"""CSV with a declared header: every mistake is one line with file, line and column."""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from itl_bench.catalog.explain import read_text
from itl_bench.errors import unknown


class Line(NamedTuple):
    """One line of a CSV file, with where it stands for error messages."""

    where: str
    cells: dict[str, str]


def read_csv(path: Path, expected: tuple[str, ...], problems: list[str]) -> list[Line]:
    """Read a table whose header must be exactly the declared one; what is wrong is appended to `problems`."""
    lines = _split(path, expected, problems)
    if not lines:
        return []
    (_, header), *rest = lines
    if tuple(header) != expected or not rest:
        problems.append(f"{path}:1: expected the header {','.join(expected)} and rows; {_wrong(header, expected)}")
        return []
    if odd := [(number, len(cells)) for number, cells in rest if len(cells) != len(expected)]:
        more = f" (and {len(odd) - 1} more lines)" if len(odd) > 1 else ""
        problems.append(f"{path}:{odd[0][0]}: {odd[0][1]} cells where the header has {len(expected)}{more}")
    named = ((number, dict(zip(expected, cells, strict=False))) for number, cells in rest)
    return [Line(f"{path}:{number}", cells) for number, cells in named if not odd]


def _wrong(header: list[str], expected: tuple[str, ...]) -> str:
    if strangers := [name for name in header if name not in expected]:
        return unknown("column", strangers[0], expected)
    if missing := [name for name in expected if name not in header]:
        return f"the column {missing[0]!r} is missing"
    return "found no rows" if tuple(header) == expected else f"found {','.join(header)}"


def _split(path: Path, expected: tuple[str, ...], problems: list[str]) -> list[tuple[int, list[str]]]:
    """The lines of a CSV file with their numbers; nothing after a problem was noted."""
    text = read_text(path, problems)
    if text is None:
        return []
    if not text.strip():
        problems.append(f"{path}: the file is empty; expected the header {','.join(expected)} and rows")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    start = 1  # a quoted cell may run over several lines
    try:
        for cells in reader:
            lines.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        problems.append(f"{path}:{start}: not valid CSV: {error}; check the quotes")
        return []
    return lines


def number(line: Line, column: str, problems: list[str], low: float = -math.inf, high: float = math.inf) -> float:
    """One finite number within [low, high] from a line; NaN after a problem was noted."""
    text = line.cells[column]
    try:
        # Python would also read 1_000 and the digits of other scripts.
        value = float(text if text.isascii() and "_" not in text else "no number")
    except ValueError:
        value = math.nan
    if math.isfinite(value) and low <= value <= high:
        return value
    accepted = f"a number from {low:g} to {high:g}" if math.isfinite(low) else "a finite number"
    problems.append(f"{line.where}: {column}: {text!r} was given; accepted is {accepted}")
    return math.nan


def unrepeated(lines: Iterable[Line], columns: tuple[str, ...], problems: list[str]) -> list[Line]:
    """The lines whose cells in `columns` no earlier line has; the others are noted as problems."""
    first: dict[tuple[str, ...], Line] = {}
    for line in lines:
        key = tuple(line.cells[column] for column in columns)
        if first.setdefault(key, line) is not line:
            text, at = "/".join(cell for cell in key if cell), first[key].where.rpartition(":")[2]
            problems.append(f"{line.where}: {text} stands in line {at} already; one row each is accepted")
    return list(first.values())
