"""What verdicts read: tables and training losses in the store."""

import json
from collections.abc import Iterable
from math import isfinite, nan
from statistics import fmean

from itl_bench.catalog.grid.cases import Case
from itl_bench.data.rows import Table, read_table
from itl_bench.store.artifact import TABLE, TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import unit_means
from itl_bench.verdicts.stats.pseudo import derive, sources

ON_COMMON_TEXT = "reference_"  # begins the columns of a shift on the base's answers
END = 10  # steps over which the training loss at the end is averaged


def columns_needed(case: Case) -> list[str]:
    """The columns of a measure's table that the case's columns are made of, by name."""
    return sorted({source for column in case.columns for source in columns_read(case, column)})


def columns_read(case: Case, column: str) -> tuple[str, ...]:
    """The columns of a measure's table that one column of a case is made of, on the text that the case reads."""
    text = ON_COMMON_TEXT if case.text == "common" else ""
    return tuple(text + source for source in sources(case.measure.measure, column))


def column_mean(case: Case, table: Table, column: str = "") -> float:
    """The mean of a column over units of prompts; prompts without a value are left out.

    Args:
        case: With the measure.
        table: Of that measure.
        column: Of the case; its first where none is named.

    Raises:
        EvidenceError: No prompt has a value.
    """
    measure, column = case.measure.measure, column or case.columns[0]
    needed = columns_read(case, column)
    rows = zip(*(table.columns[name] for name in needed), strict=True)
    prompts = {
        prompt: unit for prompt, unit, row in zip(table.prompts, table.units, rows, strict=True) if None not in row
    }
    return float(derive(measure, column, [[unit_means(table, name, prompts)] for name in needed]).mean())


def training_loss(training: Task, store: Store) -> tuple[float, float]:
    """Training loss at the start and at the end, in nats per response token.

    The start is the first step alone, before weights have moved: a few steps later a high rate has raised it itself.
    The end is NaN where the loss of any update was no number: the weights were moved by it, whatever came later.
    """
    losses = losses_of(training, store)
    if not losses or not all(map(isfinite, losses)):
        return next(iter(losses), nan), nan
    return losses[0], fmean(losses[-END:])


def losses_of(training: Task, store: Store) -> list[float]:
    """The training loss of every optimizer update, in nats per response token."""
    log = json.loads((store.open(training.key).folder / TRAINING).read_text(encoding="utf-8"))
    return list(log["losses"])


def mean(tables: Iterable[Table], column: str) -> float | None:
    """The mean over tables of their means over prompts; a table without any value does not count.

    Returns:
        None where no table has a value.
    """
    known = [[value for value in table.columns[column] if value is not None] for table in tables]
    return fmean(fmean(values) for values in known if values) if any(known) else None


def table_of(task: Task, store: Store) -> Table:
    """A measure's table from the store.

    Raises:
        KeyError: It is not in the store.
        DamagedArtifactError: It is damaged.
    """
    return read_table(store.open(task.key).folder / TABLE)
