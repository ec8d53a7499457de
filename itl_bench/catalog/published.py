"""The paper's own tables and figures, read from CSV and checked cell by cell.

Derived columns are computed here and named as the measures of `cases/measures.yaml` are, so that a claim asks a
published table and a measured one in the same words.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from itl_bench.catalog.explain import read_text
from itl_bench.errors import unknown

Values = Mapping[str, float]
ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")
TASKS = ("coding", "info-seek", "math", "procedure", "reasoning", "role-play", "writing")
HEADERS: dict[str, tuple[str, ...]] = {
    "aspect_scores": ("model", "method", "dataset", "size", "eval", *ASPECTS, "flag"),
    "task_scores": ("model", "method", "dataset", "size", *TASKS, "flag"),
    "token_shift": ("metric", "model", "method", "dataset", "size", "value"),
    "sentence_start_kl": ("model", "method", "size", "kl_first_5_percent", "kl_last_95_percent"),
    "other_figures": ("claim", "cell", "quantity", "value"),
    "judge_scores": ("item", *ASPECTS),
}
DUPLICATE = "duplicate-of-another-row"
DOUBTFUL = "label-in-doubt"
FLAGS = ("", DUPLICATE, DOUBTFUL, "judge-equals-contestant")
METRICS = {"kl": (1e-9, math.inf), "base_prob": (0.0, 1.0), "base_rank0": (0.0, math.inf)}  # with what is possible
LIMITS = {"percent": (0.0, 100.0), "chars": (1.0, math.inf)}  # of a quoted number, by the end of its quantity's name
ROUNDING = 0.005  # half of the last digit that Figure 4 prints


class Line(NamedTuple):
    """One line of a CSV file, with where it stands for error messages."""

    where: str
    cells: dict[str, str]


@dataclass(frozen=True)
class Row:
    """One published cell: what was tuned how, and its values by column."""

    table: str
    model: str
    method: str
    dataset: str  # name without size; empty for chat models
    size: str
    probe: str
    values: Values = field(hash=False)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)  # what rounding leaves open
    flag: str = ""
    where: str = field(default="", compare=False)  # file and line, for messages

    @property
    def doubtful(self) -> bool:
        """The row repeats another one digit for digit, or its label cannot be right: never evidence."""
        return self.flag in (DUPLICATE, DOUBTFUL)


class Figure(NamedTuple):
    """A single number quoted in the paper's text."""

    cell: str
    quantity: str
    value: float


@dataclass(frozen=True)
class Tables:
    """All published numbers."""

    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]
    judge_scores: Mapping[str, tuple[float, ...]]  # aspect -> scores of single answers; N/A left out

    def figure(self, cell: str, quantity: str) -> float | None:
        """The value of one quoted number, or None if the paper does not give it."""
        return next((one.value for one in self.figures if (one.cell, one.quantity) == (cell, quantity)), None)


def load_tables(find: Callable[[str], Path], problems: list[str]) -> Tables:
    """Read all tables; `find` gives the path of a file name, `problems` collects what is wrong with them."""
    lines = {name: read_csv(find(f"{name}.csv"), HEADERS[name], problems) for name in HEADERS}
    rows = [
        *_score_rows("aspect_scores", lines["aspect_scores"], ASPECTS, problems),
        *_score_rows("task_scores", lines["task_scores"], TASKS, problems),
        *_shift_rows(lines["token_shift"], problems),
        *_sentence_rows(lines["sentence_start_kl"], problems),
    ]
    figures = []
    for line in unrepeated(lines["other_figures"], ("cell", "quantity"), problems):
        quantity = line.cells["quantity"]
        value = number(line, "value", problems, *LIMITS.get(quantity.rpartition("_")[2], ()))
        figures.append(Figure(line.cells["cell"], quantity, value))
    judge = {
        aspect: tuple(number(line, aspect, problems, 1, 5) for line in lines["judge_scores"] if line.cells[aspect])
        for aspect in ASPECTS
    }
    for aspect, scores in judge.items():
        if lines["judge_scores"] and len(scores) < 2:
            problems.append(f"{find('judge_scores.csv')}: {aspect}: {len(scores)} scores; a spread needs 2 or more")
    return Tables(tuple(rows), tuple(figures), judge)


def _score_rows(table: str, lines: list[Line], columns: tuple[str, ...], problems: list[str]) -> list[Row]:
    rows = []
    names = tuple(name for name in HEADERS[table] if name not in (*columns, "flag"))
    for line in unrepeated(lines, names, problems):
        cells = line.cells
        if cells["flag"] and not any(cells[column] for column in columns):
            continue  # the paper prints this row incompletely: the flag says how
        if cells["flag"] not in FLAGS:  # a misspelt flag would make a copied row evidence
            problems.append(f"{line.where}: flag: {unknown('flag', cells['flag'], FLAGS)}")
        key = (cells["model"], cells["method"], cells["dataset"], cells["size"], cells.get("eval", "just-eval"))
        values = {column: number(line, column, problems, 1, 5) for column in columns}
        rows.append(Row(table, *key, values=values, flag=cells["flag"], where=line.where))
    return rows


def _shift_rows(lines: list[Line], problems: list[str]) -> list[Row]:
    """Figure 1 lists one metric per line; a row gathers the metrics of a cell.

    The paper does not say on which prompts the shift of a MedInstruct cell was measured; its score tables use
    MedInstruct-test for them, and so does this.
    """
    cells: dict[tuple[str, str, str, str], dict[str, float]] = {}
    places: dict[tuple[str, str, str, str], str] = {}
    for line in unrepeated(lines, HEADERS["token_shift"][:-1], problems):
        metric = line.cells["metric"]
        if metric not in METRICS:
            problems.append(f"{line.where}: metric: {unknown('metric', metric, METRICS)}")
            continue
        key = (line.cells["model"], line.cells["method"], line.cells["dataset"], line.cells["size"])
        places.setdefault(key, line.where)
        cells.setdefault(key, {})[metric] = number(line, "value", problems, *METRICS[metric])
    probes = {"medinstruct": "medinstruct-test"}
    return [
        Row("token_shift", *key, probes.get(key[2], "just-eval"), _shift_columns(values), where=places[key])
        for key, values in cells.items()
    ]


def _shift_columns(values: dict[str, float]) -> dict[str, float]:
    """Columns in the direction of a larger shift; ranks count from 1 (the paper's figure counts from 0)."""
    columns: dict[str, float] = {}
    if "kl" in values:
        columns |= {"kl": values["kl"], "log_kl": math.log(values["kl"])}
    if "base_prob" in values:
        columns["base_improbability"] = 1 - values["base_prob"]
    if "base_rank0" in values:
        columns["base_rank"] = values["base_rank0"] + 1
    return columns


def _sentence_rows(lines: list[Line], problems: list[str]) -> list[Row]:
    """Figure 4: means over models tuned on Alpaca, Tulu and MedInstruct, printed to two decimals."""
    rows = []
    for line in unrepeated(lines, HEADERS["sentence_start_kl"][:3], problems):
        first = number(line, "kl_first_5_percent", problems, 2 * ROUNDING)
        last = number(line, "kl_last_95_percent", problems, 2 * ROUNDING)
        cells = line.cells
        rows.append(
            Row(
                "sentence_start_kl", cells["model"], cells["method"], "all-datasets", cells["size"], "just-eval",
                values={"log_ratio": log_ratio(first, last), "drop": first - last},
                bounds={
                    "log_ratio": (
                        log_ratio(first - ROUNDING, last + ROUNDING),
                        log_ratio(first + ROUNDING, last - ROUNDING),
                    ),
                    "drop": (first - last - 2 * ROUNDING, first - last + 2 * ROUNDING),
                },
                where=line.where,
            )
        )  # fmt: skip
    return rows


def log_ratio(first: float, last: float) -> float:
    """Logarithm of first over last."""
    return math.log(first / last)


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
