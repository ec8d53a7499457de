"""A sweep over learning rates: what has to be built, and which rate it chooses."""

import math
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import yaml

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.rates import ChosenRate, TriedRate, rate_id
from itl_bench.data.rows import Table, read_table
from itl_bench.errors import UsageError
from itl_bench.files import write_atomically
from itl_bench.plan.graph import Graph, parents_of
from itl_bench.plan.rates import sweep_hash, sweep_losses
from itl_bench.store.artifact import TABLE
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

HEAD = """\
# Learning rates of the arm `fair`: of those that were tried, the one with the lowest loss on taught facts under unseen
# wordings, on seeds that give no verdict. Written by `itl-bench sweep`, not by hand.
"""


def sweep_tasks(catalog: Catalog, table: CellTable) -> tuple[list[Task], list[str]]:
    """All tasks of a sweep, and the keys of the losses that it compares."""
    graph, targets = Graph(catalog), []
    for dataset, method, _ in table.trained():
        for _, tasks in sweep_losses(graph, table, dataset, method):
            targets += [task.key for task in tasks]
    return list(graph.tasks.values()), targets


def choose(catalog: Catalog, table: CellTable, store: Store, diverged: Collection[str] = ()) -> list[ChosenRate]:
    """The best rate of every dataset and method of a table, from losses in the store.

    Args:
        catalog: The catalog of the sweep.
        table: Its cells.
        store: Where the losses are.
        diverged: Keys of tunings that diverged: at their rates the loss is infinite.

    Raises:
        KeyError: A loss is not in the store.
        UsageError: A method diverged at every rate.
    """
    return [_best(catalog, table, dataset, method, store, diverged) for dataset, method, _ in table.trained()]


def _best(
    catalog: Catalog, table: CellTable, dataset: str, method: str, store: Store, diverged: Collection[str]
) -> ChosenRate:
    tried = []
    for rate, tasks in sweep_losses(Graph(catalog), table, dataset, method):
        lost = any(parents_of(one)["checkpoint"] in diverged and not store.has(one.key) for one in tasks)
        tables = [] if lost else [read_table(store.open(one.key).folder / TABLE) for one in tasks]
        tried.append(TriedRate(rate=rate, loss=math.inf if lost else mean_loss(tables)))
    best = min(tried, key=lambda one: (one.loss, one.rate))
    if math.isinf(best.loss):
        raise UsageError(f"{method} on {dataset} diverged at every rate of the sweep; declare lower ones")
    return ChosenRate(
        id=rate_id(table.id, dataset, method), dataset=dataset, method=method, rate=best.rate,
        tried=tuple(tried), cells=table.id, bases=table.bases, seeds=table.sweep_seeds,
        sweep=sweep_hash(catalog, table, dataset, method),
    )  # fmt: skip


def mean_loss(tables: Sequence[Table]) -> float:
    """The mean over runs of the loss per response token, in nats; infinite where a run diverged."""
    losses = []
    for table in tables:
        values = [math.inf if value is None else value for value in table.columns["loss"]]
        losses.append(math.fsum(values) / math.fsum(value or 0.0 for value in table.columns["tokens"]))
    return math.fsum(losses) / len(losses)


def save(chosen: Sequence[ChosenRate], before: Iterable[ChosenRate], path: Path) -> None:
    """Write the rates that were chosen; those of other tables of cells stay.

    Args:
        chosen: Of one table of cells.
        before: What the file held.
        path: The file `rates.yaml` of a folder of cases.
    """
    tables = {one.cells for one in chosen}
    kept = [one for one in before if one.cells not in tables]
    entries = [one.model_dump(mode="json") for one in [*kept, *chosen]]
    write_atomically(path, HEAD + yaml.safe_dump(entries, sort_keys=False, width=120))
