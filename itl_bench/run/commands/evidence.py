"""`itl-bench evidence`: what the verdicts of a run were computed from, in a file or a few, and back into a store."""

import re
from pathlib import Path
from typing import Annotated

import typer

from itl_bench.errors import UsageError
from itl_bench.run.commands.store import Root
from itl_bench.store.store import Store, default_root
from itl_bench.vocabulary import CELL

WEIGHTS = ("base", CELL)  # kinds of artifacts that packs leave out
SUFFIX = ".tar.xz"
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
    keys = {one.key for one in record.artifacts if one.kind not in WEIGHTS}
    if not keys:
        raise UsageError(f"{run} has no measured case, so there is no evidence to pack")
    if parts > len(keys):
        raise UsageError(f"--parts {parts}: the run has {len(keys)} artifacts to pack; give {len(keys)} at most")
    if to.is_dir() or not to.parent.is_dir():
        raise UsageError(f"--to: {to} is no file in a folder that is there; give one, as evidence.tar.xz")
    about = {"run": record.run.id, "finished": record.run.finished, "git": record.run.git,
             "version": record.run.version, "catalog": record.run.catalog}  # fmt: skip
    files = [to] if parts == 1 else [to.with_name(numbered(to.name, number)) for number in range(1, parts + 1)]
    for file, held in zip(files, export(Store(store or default_root()), keys, about, files), strict=True):
        size = f"{file.stat().st_size / 1e6:,.1f} MB"
        typer.echo(f"wrote {held} artifacts of run {record.run.id} to {file} ({size})")
    if others := others_beside(to, 0 if parts == 1 else parts):
        typer.echo(f"not of this export, but beside it: {', '.join(others)}")


def numbered(name: str, number: int | str) -> str:
    """The name of one of several packs, for example "evidence-2.tar.xz"."""
    ending = SUFFIX if name.removesuffix(SUFFIX) not in (name, "") else Path(name).suffix
    return f"{name.removesuffix(ending)}-{number}{ending}"


def others_beside(to: Path, parts: int) -> list[str]:
    """Names of packs with higher numbers than this export has, as an earlier one with more parts leaves them."""
    before, after = map(re.escape, numbered(to.name, "\0").split("\0"))
    found = ((re.fullmatch(rf"{before}([0-9]+){after}", path.name), path.name) for path in to.parent.iterdir())
    higher = [(int(match[1]), name) for match, name in found if match and int(match[1]) > parts]
    return [name for _, name in sorted(higher)]


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
    if taken.part:
        typer.echo(f"part {taken.part.number} of {taken.part.of}; {still_lacking(taken.lacking, len(taken.part.keys))}")


def still_lacking(lacking: int, artifacts: int) -> str:
    """What is to be done after one of several packs."""
    if not lacking:
        return f"all of the run's {artifacts:,} artifacts are in the store"
    return f"the store still lacks {lacking:,} of the run's {artifacts:,} artifacts: import the other parts"
