"""`python -m itl_bench.stages.familiarity FOLDER --to FILE`: ask a model for all facts of atlas."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from itl_bench.errors import ItlError

SHOWN = 20.0  # seconds between two lines of progress


def main(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="with the model: safetensors and tokenizer")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="where the table goes, JSON lines")],
    check: Annotated[int, typer.Option(metavar="N", help="also sample answers to N facts, and compare")] = 0,
) -> None:
    """Ask a model for all facts of atlas, write the table, and show it by relation and class."""
    from itl_bench.data.atlas.facts import load_atlas
    from itl_bench.data.atlas.familiarity_table import write_familiarity
    from itl_bench.stages.familiarity.making import check_table, make_table

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


if __name__ == "__main__":
    try:
        typer.run(main)
    except ItlError as error:
        sys.exit(f"error: {error}")
