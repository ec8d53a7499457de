"""`itl-bench store`: look at artifacts, check them, and remove what is not needed."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from itl_bench.errors import UsageError
from itl_bench.report.in_words import in_words
from itl_bench.report.wording import printable
from itl_bench.store.artifact import MANIFEST, Manifest
from itl_bench.store.store import MARK, Store, default_root

app = typer.Typer(no_args_is_help=True, help="Artifacts that runs have built.")

FEW = 3  # keys that a message names

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
    """List the artifacts: key, kind, size, seconds of building, days since the last use, and what each is."""
    opened = _open(store)
    total, keys, known = 0, opened.keys(), _Known(opened)
    for key in keys:
        try:
            manifest = known(key) or opened.manifest(key)  # the second says what is wrong
            size = sum((opened.folder(key) / name).stat().st_size for name in manifest.files)
            days = (time.time() - (opened.folder(key) / MANIFEST).stat().st_mtime) / 86_400
        except (OSError, ValueError) as error:
            typer.echo(f"{key}  damaged: {error}")
            continue
        numbers = f"{_megabytes(size):>10}  {manifest.seconds:8.1f} s  {days:6.1f} days"
        typer.echo(f"{key}  {manifest.kind:12} {numbers}  {in_words(manifest, known)}")
        total += size
    typer.echo(f"{len(keys)} artifacts, {_megabytes(total)} in {opened.root}")


@app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="the key of an artifact, or as much of it as no other has")],
    store: Root = None,
) -> None:
    """Show one artifact: where and what it is, what it was built from, when, how long it took, and with what."""
    opened = _open(store)
    found = _one_key(opened, key)
    try:
        manifest = opened.manifest(found)
    except (OSError, ValueError) as error:
        raise UsageError(f"{found} is damaged ({error}); itl-bench store verify sets it aside") from None
    known = _Known(opened)
    typer.echo(f"{in_words(manifest, known)}\n")
    packages, imported = (manifest.provenance.get(name) for name in ("packages", "imported"))
    for name, lines in (
        ("key", [manifest.key]),
        ("path", [str(opened.folder(found))]),
        ("kind", [f"{manifest.kind}, version {manifest.version} of its stage"]),
        ("spec", _lines(manifest.spec)),
        ("parents", [_parent(parent, known) for parent in manifest.parents]),
        ("seconds", [f"{manifest.seconds:,.1f}"]),
        ("created", [manifest.created]),
        ("packages", _lines(packages) if isinstance(packages, Mapping) else []),
        *([("imported", _lines(imported))] if isinstance(imported, Mapping) else []),
    ):
        for number, line in enumerate(lines or ["none"]):
            typer.echo(f"{'' if number else name:10}{printable(line)}")


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
    weights: Annotated[
        bool, typer.Option("--weights", help="also weights of models tuned in full that were measured: the bulk")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go, remove nothing")] = False,
) -> None:
    """Remove leftovers, damaged artifacts, and artifacts that were not used lately.

    Verdicts need no weights: a later run builds those again that something new is to be measured of.
    """
    from itl_bench.store.cleaning import MEASURED, garbage, remove

    opened = _open(store)
    freed = 0
    for found in garbage(opened, older_than, weights):
        if dry_run or remove(opened, found, 0 if found.reason == MEASURED else older_than):
            typer.echo(f"{'would remove' if dry_run else 'removed'} {found.path.name}: {found.reason}")
            freed += found.size
    typer.echo(f"{_megabytes(freed)} {'would be freed' if dry_run else 'freed'}")


class _Known:
    """What a store says of artifacts, each read once; None of those that it does not have."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.read: dict[str, Manifest | None] = {}

    def __call__(self, key: str) -> Manifest | None:
        if key not in self.read:
            self.read[key] = None
            with suppress(OSError, ValueError):
                self.read[key] = self.store.manifest(key)
        return self.read[key]


def _one_key(store: Store, beginning: str) -> str:
    """The one key that begins so.

    Raises:
        UsageError: There is none, or there are several.
    """
    found = [key for key in store.keys() if key.startswith(beginning)]  # noqa: SIM118  (a method of the store)
    if not found:
        raise UsageError(f"no key begins with {beginning!r} in {store.root}; itl-bench store ls lists them")
    if len(found) > 1:
        more = ", ..." if len(found) > FEW else ""
        raise UsageError(f"{len(found)} keys begin with {beginning!r}: {', '.join(found[:FEW])}{more}; give more of it")
    return found[0]


def _parent(key: str, known: _Known) -> str:
    parent = known(key)
    return f"{key}  {in_words(parent, known) if parent else 'not in this store'}"


def _lines(values: Mapping[str, object], before: str = "") -> list[str]:
    """One line for each plain value, under its path: "method.id: lora"."""
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            lines += _lines(value, f"{before}{name}.")
        else:
            lines.append(f"{before}{name}: {json.dumps(value, ensure_ascii=False) if _nested(value) else value}")
    return lines


def _nested(value: object) -> bool:
    return value is None or isinstance(value, bool | list | Mapping)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
