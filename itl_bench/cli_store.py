"""`itl-bench store`: look at artifacts, check them, and remove what is not needed."""

import time
from pathlib import Path
from typing import Annotated

import typer

from itl_bench.artifact import MANIFEST
from itl_bench.errors import UsageError
from itl_bench.store import MARK, Store, default_root

app = typer.Typer(no_args_is_help=True, help="Artifacts that runs have built.")

Root = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="the store (default: ITL_STORE, else the user's cache)")
]


def _open(root: Path | None) -> Store:
    folder = root or default_root()
    if not (folder / MARK).exists():
        raise UsageError(f"no store at {folder}; give the folder of one with --store (runs make it)")
    return Store(folder)


@app.command("ls")
def list_artifacts(store: Root = None) -> None:
    """List the artifacts: key, kind, size, seconds of building, days since the last use."""
    opened = _open(store)
    total = 0
    for key in opened.keys():  # noqa: SIM118  (a method of the store, not of a mapping)
        try:
            manifest = opened.manifest(key)
            size = sum((opened.folder(key) / name).stat().st_size for name in manifest.files)
        except (OSError, ValueError) as error:
            typer.echo(f"{key}  damaged: {error}")
            continue
        days = (time.time() - (opened.folder(key) / MANIFEST).stat().st_mtime) / 86_400
        typer.echo(f"{key}  {manifest.kind:12} {_megabytes(size):>10}  {manifest.seconds:8.1f} s  {days:6.1f} days")
        total += size
    typer.echo(f"{len(opened.keys())} artifacts, {_megabytes(total)} in {opened.root}")


@app.command()
def verify(store: Root = None) -> None:
    """Read every file again; what is damaged is set aside and will be built again. Exit code 1 if anything was."""
    opened = _open(store)
    count = len(opened.keys())
    damaged = 0
    for _, message in opened.verify():
        typer.echo(message)
        damaged += 1
    typer.echo(f"{count} artifacts read, {damaged} damaged")
    raise typer.Exit(1 if damaged else 0)


@app.command("gc")
def collect_garbage(
    store: Root = None,
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="remove what was not opened for so long")
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go, remove nothing")] = False,
) -> None:
    """Remove leftovers, damaged artifacts, and artifacts that were not used lately."""
    from itl_bench.cleaning import garbage, remove

    opened = _open(store)
    freed = 0
    for found in garbage(opened, older_than):
        if dry_run or remove(opened, found, older_than):
            typer.echo(f"{'would remove' if dry_run else 'removed'} {found.path.name}: {found.reason}")
            freed += found.size
    typer.echo(f"{_megabytes(freed)} {'would be freed' if dry_run else 'freed'}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
