"""`itl-bench evidence`: what the verdicts of a run were computed from, in one file, and back into a store."""

from pathlib import Path
from typing import Annotated

import typer

from itl_bench.errors import UsageError
from itl_bench.run.commands.store import Root
from itl_bench.store.store import Store, default_root
from itl_bench.vocabulary import CELL

WEIGHTS = ("base", CELL)  # kinds of artifacts that packs leave out
app = typer.Typer(no_args_is_help=True, help="Evidence packs: tables, answers and training logs, without weights.")


@app.command("export")
def export_evidence(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="folder of a run, or its record.json")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="the pack to write, as evidence.tar.xz")],
    parts: Annotated[int, typer.Option(metavar="N", min=1, help="packs of about equal size, numbered")] = 1,
    store: Root = None,
) -> None:
    """Pack what a run's verdicts were computed from: megabytes, where its weights are gigabytes."""
    from itl_bench.record import load
    from itl_bench.store.pack import export

    record = load(run / "record.json" if run.is_dir() else run)
    if not record.artifacts:
        raise UsageError(f"{run} has no measured case, so there is no evidence to pack")
    if to.is_dir() or not to.parent.is_dir():
        raise UsageError(f"--to: {to} is no file in a folder that is there; give one, as evidence.tar.xz")
    about = {"run": record.run.id, "finished": record.run.finished, "git": record.run.git,
             "version": record.run.version, "catalog": record.run.catalog}  # fmt: skip
    opened = Store(store or default_root())
    keys = sorted(one.key for one in record.artifacts if one.kind not in WEIGHTS)  # hashes: every part is a fair draw
    for number in range(parts):
        file = to if parts == 1 else to.with_name(numbered(to.name, number + 1))
        packed = export(opened, keys[number::parts], about, file)
        size = f"{file.stat().st_size / 1e6:,.1f} MB"
        typer.echo(f"wrote {packed.artifacts} artifacts of run {record.run.id} to {file} ({size})")


def numbered(name: str, number: int) -> str:
    """The name of one of several packs, for example "evidence-2.tar.xz"."""
    stem, dot, ending = name.partition(".")
    return f"{stem}-{number}{dot}{ending}"


@app.command("import")
def import_evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a pack that `itl-bench evidence export` wrote")],
    store: Root = None,
) -> None:
    """Put a pack into the store: its tables count as built, and verdicts are computed from them anew."""
    from itl_bench.store.pack import take

    if not file.is_file():
        raise UsageError(f"no evidence pack at {file}; itl-bench evidence export RUN --to FILE writes one")
    opened = Store(store or default_root())
    taken = take(file, opened)
    typer.echo(f"{taken.artifacts} artifacts, {taken.known} of them there before, are in {opened.root}")
