"""`itl-bench sweep`: choose the learning rates of the arm `fair`."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from itl_bench.errors import ItlError, UsageError, unknown


def sweep(
    table: Annotated[str, typer.Argument(metavar="CELLS", help="id of an entry of cells.yaml in the arm fair")],
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="the store (default: as for runs)")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="DIR", help="a folder of your own, as --itl-cases")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="file to write")] = Path("cases/rates.yaml"),
) -> None:
    """Try learning rates on seeds that give no verdict, and write the best of each method and dataset.

    The best rate has the lowest loss on the facts of the tuning data, asked for in unseen wordings. Start the command
    in as many terminals as there are cores: they share the work. What is in the store is not trained again.
    """
    from itl_bench.building import LocalExecutor
    from itl_bench.catalog import load_catalog
    from itl_bench.report.progress import BuildProgress
    from itl_bench.runnable import why_no_cells
    from itl_bench.stages import builders, provenance
    from itl_bench.store import Store, default_root
    from itl_bench.sweeping import choose, save, sweep_tasks
    from itl_bench.task_queue import Queue

    catalog = load_catalog(cases)
    fair = {one.id: one for one in catalog.cells.values() if one.arm == "fair"}
    if table not in fair:
        raise UsageError(unknown("cells in the arm fair", table, fair))
    if not to.parent.is_dir():
        raise UsageError(f"--to: there is no folder {to.parent}; give the file rates.yaml of a folder of cases")
    if reason := why_no_cells():
        raise UsageError(reason)
    place, (tasks, targets) = Store(store or default_root()), sweep_tasks(catalog, fair[table])
    run = f"sweep-{uuid4().hex}"  # a task that failed in one sweep is tried again by the next
    width = 79 if sys.stderr.isatty() else None
    progress = BuildProgress(Queue(place, tasks, run, targets), 1, _write, width)
    progress.start()
    try:
        report = LocalExecutor(place, builders(), provenance()).build(tasks, run, targets)
    finally:
        progress.stop()
    if report.failed:
        raise ItlError(f"{len(report.failed)} tasks failed, the first with {next(iter(report.failed.values()))}")
    chosen = choose(catalog, fair[table], place)
    save(chosen, catalog.rates.values(), to)
    for one in chosen:
        tried = ", ".join(f"{rate.rate:g}: {rate.loss:.4f}" for rate in one.tried)
        edge = " (at the edge: no verdict)" if one.at_edge else ""
        typer.echo(f"{one.method} on {one.dataset}: {one.rate:g}{edge}; loss by rate {tried}")
    typer.echo(f"wrote {to}")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
