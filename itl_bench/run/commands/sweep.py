"""`itl-bench sweep`: choose the learning rates of the arm `fair`."""

import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
import yaml

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.rates import ChosenRate, TriedRate, rate_id
from itl_bench.data.rows import Table, read_table
from itl_bench.errors import ItlError, UsageError, unknown
from itl_bench.files import write_atomically
from itl_bench.plan.graph import Graph
from itl_bench.plan.rates import sweep_hash, sweep_losses
from itl_bench.store.artifact import TABLE
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

if TYPE_CHECKING:
    from itl_bench.catalog.catalog import Catalog
    from itl_bench.catalog.cells import CellTable
    from itl_bench.run.building import Work
    from itl_bench.store.store import Store

RATES = "rates.yaml"
HEAD = """\
# Learning rates of the arm `fair`: of those that were tried, the one with the lowest loss on taught facts under unseen
# wordings, on seeds that give no verdict. Written by `itl-bench sweep`, not by hand.
"""


def sweep(
    table: Annotated[str, typer.Argument(metavar="CELLS", help="id of an entry of cells.yaml in the arm fair")],
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="the store (default: as for runs)")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="DIR", help="a folder of your own, as --itl-cases")
    ] = None,
) -> None:
    """Try learning rates on seeds that give no verdict, and write the best of each method and dataset to rates.yaml.

    The best rate has the lowest loss on the facts of the tuning data, asked for in unseen wordings. The file is that of
    the folder given with --cases, else of the checkout. Started in several terminals, the command shares its work.

    For example: itl-bench sweep bios-full-fair
    """
    from itl_bench.catalog.loading import load_catalog
    from itl_bench.plan.disk import why_no_room_for
    from itl_bench.run.building import Work
    from itl_bench.store.store import Store, default_root

    catalog, target = load_catalog(cases), _target(cases)
    declared, built_in = _declared(catalog, table), Store(store or default_root())
    tasks, targets = sweep_tasks(catalog, declared)
    if reason := why_no_room_for(tasks, targets, catalog, built_in.root):
        raise UsageError(f"{table}: {reason}")
    _build(Work(tuple(tasks), tuple(targets)), built_in)
    chosen = choose(catalog, declared, built_in)
    before = [one for one in catalog.rates.values() if Path(catalog.source(one)).resolve() == target.resolve()]
    save(chosen, before, target)
    for one in chosen:
        tried = ", ".join(f"{rate.rate:g}: {rate.loss:.4f}" for rate in one.tried)
        edge = " (edge of sweep: no verdict; declare rates beyond)" if one.at_edge else ""
        typer.echo(f"{one.method} on {one.dataset}: {one.rate:g}{edge}; loss by rate {tried}")
    typer.echo(f"wrote {target}")


def _declared(catalog: "Catalog", name: str) -> "CellTable":
    """The cells to try rates on, of one model and with every dataset by its name; nothing that they need is lacking."""
    from itl_bench.catalog.grid.asked_cells import bound
    from itl_bench.plan.lacking import lacking_for_table

    fair = {one.id: one for one in catalog.cells.values() if one.arm == "fair"}
    if name not in fair:
        raise UsageError(unknown("cells in the arm fair", name, fair))
    if fair[name].model not in catalog.models:
        each = f"the cells {name} are of every model of level {fair[name].model}"
        raise UsageError(f"{each}, and rates are chosen for one; declare cells of their own for it in cells.yaml")
    table = bound(fair[name], fair[name].model, catalog)
    if reason := lacking_for_table(table, catalog):
        raise UsageError(f"{name}: {reason}")
    return table


def _target(cases: Path | None) -> Path:
    from itl_bench.catalog.loading import shipped

    if cases is None and shipped("cases").parent.name == "_shipped":
        raise UsageError("an installed package is not written to; give --cases DIR, whose rates.yaml is written")
    return (cases or shipped("cases")) / RATES


def _build(work: "Work", store: "Store") -> None:
    """Build what is missing, and say how far it is.

    Raises:
        ItlError: Something could not be built; a later sweep tries it again.
    """
    from itl_bench.run.building import build
    from itl_bench.run.progress import BuildProgress
    from itl_bench.store.queue import Queue

    shown: list[BuildProgress] = []

    def start(all_of_it: "Work") -> None:
        queue = Queue(store, all_of_it.tasks, run_id, all_of_it.targets)
        shown.append(BuildProgress(queue, 1, _write, 79 if sys.stderr.isatty() else None))
        shown[0].start()

    run_id = f"sweep-{uuid4().hex}"
    try:
        built = build(work, store, run_id, on_start=start)
    finally:
        for progress in shown:
            progress.stop()
    for message in built.damaged:
        typer.echo(f"WARNING: {message}", err=True)
    if built.failed:
        raise ItlError(f"{len(built.failed)} tasks failed, the first with {next(iter(built.failed.values()))}")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def sweep_tasks(catalog: Catalog, table: CellTable) -> tuple[list[Task], list[str]]:
    """All tasks of a sweep, and the keys of the losses that it compares."""
    graph, targets = Graph(catalog), []
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
    for rate, tasks in sweep_losses(Graph(catalog), table, dataset, method):
        tried.append(
            TriedRate(rate=rate, loss=mean_loss([read_table(store.open(one.key).folder / TABLE) for one in tasks]))
        )
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
