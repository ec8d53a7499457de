"""`itl-bench sweep`: choose the learning rates of the arm `fair`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from itl_bench.errors import ItlError, UsageError, unknown

if TYPE_CHECKING:
    from itl_bench.catalog.catalog import Catalog
    from itl_bench.catalog.cells import CellTable
    from itl_bench.run.building import Work
    from itl_bench.store.store import Store

RATES = "rates.yaml"


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
    from itl_bench.run.sweeping import choose, save, sweep_tasks
    from itl_bench.store.store import Store, default_root

    catalog, target = load_catalog(cases), _target(cases)
    declared, built_in = _declared(catalog, table), Store(store or default_root())
    tasks, targets = sweep_tasks(catalog, declared)
    if reason := why_no_room_for(tasks, targets, catalog, built_in.root):
        raise UsageError(f"{table}: {reason}")
    diverged = _build(Work(tuple(tasks), tuple(targets)), built_in)
    chosen = choose(catalog, declared, built_in, diverged)
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


def _build(work: "Work", store: "Store") -> dict[str, str]:
    """Build what is missing, and say how far it is.

    Returns:
        Keys of tunings that diverged, with what was said of each.

    Raises:
        ItlError: Something else could not be built; a later sweep tries it again.
    """
    from itl_bench.run.building import build, in_words
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
    if broken := [one for key, one in built.failed.items() if key not in built.diverged]:
        raise ItlError(f"{len(broken)} tasks failed, the first with {broken[0]}")
    for task in (task for task in work.tasks if task.key in built.diverged):
        typer.echo(f"WARNING: {in_words(task)}: {built.diverged[task.key]}", err=True)
    return built.diverged


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
