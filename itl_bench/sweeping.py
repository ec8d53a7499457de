"""A sweep over learning rates: what has to be built, and which rate it chooses."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from itl_bench.catalog import Catalog
from itl_bench.cell_specs import CellTable, ChosenRate, TriedRate
from itl_bench.chosen_rates import rate_id, sweep_hash, sweep_losses
from itl_bench.data.rows import Table, read_table
from itl_bench.errors import UsageError
from itl_bench.keys import Task
from itl_bench.record import write_atomically
from itl_bench.stage_files import TABLE
from itl_bench.store import Store
from itl_bench.tasks import Graph

HEAD = """\
# Learning rates of the arm `fair`: of those that were tried, the one with the lowest loss on taught facts under unseen
# wordings, on seeds that give no verdict. Written by `itl-bench sweep`, not by hand.
"""


def sweep_tasks(catalog: Catalog, table: CellTable) -> tuple[list[Task], list[str]]:
    """All tasks of a sweep, and the keys of the losses that it compares."""
    graph, targets = Graph(catalog, {}), []
    for dataset, method, _ in table.trained():
        for _, tasks in sweep_losses(graph, table, dataset, method):
            targets += [task.key for task in tasks]
    return list(graph.tasks.values()), targets


def choose(catalog: Catalog, table: CellTable, store: Store) -> list[ChosenRate]:
    """The best rate of every dataset and method of a table, from losses in the store.

    Raises:
        KeyError: A loss is not in the store.
        UsageError: A method diverged at every rate.
    """
    return [_best(catalog, table, dataset, method, store) for dataset, method, _ in table.trained()]


def _best(catalog: Catalog, table: CellTable, dataset: str, method: str, store: Store) -> ChosenRate:
    tried = []
    for rate, tasks in sweep_losses(Graph(catalog, {}), table, dataset, method):
        tried.append(
            TriedRate(rate=rate, loss=mean_loss([read_table(store.open(one.key).folder / TABLE) for one in tasks]))
        )
    best = min(tried, key=lambda one: (one.loss, one.rate))
    if math.isinf(best.loss):
        raise UsageError(f"{method} on {dataset} diverged at every rate of the sweep; declare lower ones")
    return ChosenRate(
        id=rate_id(table.model, dataset, method), model=table.model, dataset=dataset, method=method, rate=best.rate,
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


def save(chosen: Iterable[ChosenRate], others: Iterable[ChosenRate], path: Path) -> None:
    """Write the rates that were chosen; those of other tables of cells stay.

    Args:
        chosen: Of the table whose sweep was run.
        others: What was there before.
        path: The file `rates.yaml` of a catalog.
    """
    fresh = list(chosen)
    tables, ids = {one.cells for one in fresh}, {one.id for one in fresh}
    kept = [one for one in others if one.cells not in tables and one.id not in ids]
    entries = [one.model_dump(mode="python") for one in [*kept, *fresh]]
    write_atomically(path, HEAD + yaml.safe_dump(_lists(entries), sort_keys=False, width=120))


def _lists(value: object) -> object:
    """Tuples as lists, which YAML knows."""
    if isinstance(value, dict):
        return {key: _lists(one) for key, one in value.items()}
    return [_lists(one) for one in value] if isinstance(value, list | tuple) else value
