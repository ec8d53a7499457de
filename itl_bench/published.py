"""The paper's own tables and figures, read from CSV and checked cell by cell.

Derived columns are computed here and named as the measures of `cases/measures.yaml` are, so that a claim asks a
published table and a measured one in the same words.
"""

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

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
ROUNDING = 0.005  # half of the last digit that Figure 4 prints


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
    errors: Values = field(default_factory=dict, hash=False)  # half-width of what rounding leaves open, by column
    flag: str = ""

    @property
    def duplicate(self) -> bool:
        """The row repeats another one digit for digit: never evidence."""
        return self.flag == DUPLICATE


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


class Line(NamedTuple):
    """One line of a CSV file, with where it stands for error messages."""

    where: str
    cells: dict[str, str]


def read_csv(path: Path, problems: list[str]) -> list[Line]:
    """Read a table whose header must be exactly the declared one; what is wrong is appended to `problems`."""
    expected = HEADERS[path.stem]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, strict=True))
    except FileNotFoundError:
        problems.append(f"{path}: the table is missing; restore it from the repository")
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path}: not a readable CSV file: {error}")
        return []
    if len(lines) < 2 or tuple(lines[0]) != expected:
        found = "nothing" if not lines else ("no rows" if tuple(lines[0]) == expected else ",".join(lines[0]))
        problems.append(f"{path}: expected the header {','.join(expected)} and rows, found {found}")
        return []
    result = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(expected):
            problems.append(f"{path}:{number}: {len(cells)} cells where the header has {len(expected)}")
        else:
            result.append(Line(f"{path}:{number}", dict(zip(expected, cells, strict=True))))
    return result


def number(line: Line, column: str, problems: list[str], low: float = -math.inf, high: float = math.inf) -> float:
    """One finite number within [low, high] from a line; NaN after a problem was noted."""
    text = line.cells[column]
    try:
        value = float(text)
    except ValueError:
        problems.append(f"{line.where}: {column}: {text!r} is not a number")
        return math.nan
    if not math.isfinite(value) or not low <= value <= high:
        problems.append(f"{line.where}: {column}: {text} is outside [{low:g}, {high:g}]")
        return math.nan
    return value


def load_tables(find: Callable[[str], Path], problems: list[str]) -> Tables:
    """Read all tables; `find` gives the path of a file name, `problems` collects what is wrong with them."""
    lines = {name: read_csv(find(f"{name}.csv"), problems) for name in HEADERS}
    rows = [
        *_score_rows("aspect_scores", lines["aspect_scores"], ASPECTS, problems),
        *_score_rows("task_scores", lines["task_scores"], TASKS, problems),
        *_shift_rows(lines["token_shift"], problems),
        *_sentence_rows(lines["sentence_start_kl"], problems),
    ]
    figures = tuple(
        Figure(line.cells["cell"], line.cells["quantity"], number(line, "value", problems))
        for line in lines["other_figures"]
    )
    judge = {
        aspect: tuple(number(line, aspect, problems, 1, 5) for line in lines["judge_scores"] if line.cells[aspect])
        for aspect in ASPECTS
    }
    return Tables(tuple(rows), figures, judge)


def _score_rows(table: str, lines: list[Line], columns: tuple[str, ...], problems: list[str]) -> list[Row]:
    rows: dict[tuple[str, ...], Row] = {}
    for line in lines:
        cells = line.cells
        present = [column for column in columns if cells[column]]
        if not present and cells["flag"]:
            continue  # the paper prints this row incompletely: the flag says how
        key = (cells["model"], cells["method"], cells["dataset"], cells["size"], cells.get("eval", "just-eval"))
        if key in rows:
            problems.append(f"{line.where}: a second row for {'/'.join(key)}; one row per cell is accepted")
        values = {column: number(line, column, problems, 1, 5) for column in columns}
        rows[key] = Row(table, *key, values=values, flag=cells["flag"])
    return list(rows.values())


def _shift_rows(lines: list[Line], problems: list[str]) -> list[Row]:
    """Figure 1 lists one metric per line; a row gathers the metrics of a cell.

    The paper does not say on which prompts the shift of a MedInstruct cell was measured; its score tables use
    MedInstruct-test for them, and so does this.
    """
    cells: dict[tuple[str, str, str, str], dict[str, float]] = {}
    limits = {"kl": (1e-9, math.inf), "base_prob": (0.0, 1.0), "base_rank0": (0.0, math.inf)}
    for line in lines:
        metric = line.cells["metric"]
        if metric not in limits:
            problems.append(f"{line.where}: metric: unknown metric {metric!r}. Accepted: {', '.join(limits)}.")
            continue
        key = (line.cells["model"], line.cells["method"], line.cells["dataset"], line.cells["size"])
        values = cells.setdefault(key, {})
        if metric in values:
            problems.append(f"{line.where}: a second {metric} for {'/'.join(key)}; one per cell is accepted")
        values[metric] = number(line, "value", problems, *limits[metric])
    return [
        Row("token_shift", *key, "medinstruct-test" if key[2] == "medinstruct" else "just-eval", _shift_columns(values))
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
    for line in lines:
        first = number(line, "kl_first_5_percent", problems, 1e-9)
        last = number(line, "kl_last_95_percent", problems, 1e-9)
        cells = line.cells
        rows.append(
            Row(
                "sentence_start_kl", cells["model"], cells["method"], "all-datasets", cells["size"], "just-eval",
                values={"log_ratio": math.log(first / last), "drop": first - last},
                errors={"log_ratio": ROUNDING / first + ROUNDING / last, "drop": 2 * ROUNDING},
            )
        )  # fmt: skip
    return rows
