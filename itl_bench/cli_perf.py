"""`itl-bench perf`: the speed of the suite itself, as ratios and shares within one run."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Speed of the suite itself.")


@app.command()
def collect(
    repeats: Annotated[int, typer.Option(min=1, help="runs of each; medians count")] = 5,
) -> None:
    """How much longer collecting the whole grid takes than an empty test file."""
    from itl_bench.perf import collect_times

    times = collect_times(repeats)
    typer.echo(f"empty test file   {times.empty:6.2f} s")
    typer.echo(f"{times.cases:6d} cases      {times.grid:6.2f} s")
    typer.echo(f"difference        {times.grid - times.empty:6.2f} s (medians of {repeats})")


@app.command()
def shift(
    responses: Annotated[int, typer.Option(min=1, help="answers to score")] = 32,
    tokens: Annotated[int, typer.Option(min=2, help="of each answer")] = 64,
) -> None:
    """The token shift against one full forward pass per token without a cache, as the paper's borrowed code does it."""
    from itl_bench.perf_shift import compare_shift_speed

    times = compare_shift_speed(responses, tokens)
    typer.echo(f"ours, chunked              {times['chunked']:8.2f} s")
    for name, title in (("full_logits", "all logits, every token"), ("last_position", "last logits, every token")):
        typer.echo(f"{title:26} {times[f'{name}_loop']:8.2f} s, {times[f'{name}_ratio']:.0f} times as long")
    typer.echo(f"largest difference of any value: {times['largest_difference']:.1g}")


@app.command()
def cells(
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="the store (default: as for runs)")
    ] = None,
) -> None:
    """Where the time of tuned cells went: forward, backward and optimizer step, as shares of the whole artifact."""
    from itl_bench.perf import cell_times
    from itl_bench.store import Store, default_root

    times = cell_times(Store(store or default_root()))
    typer.echo(f"{times.cells} cells, {times.seconds:.1f} s each (mean, from loading the base to the saved weights)")
    for part, share in times.shares.items():
        typer.echo(f"{part:10} {share:6.1%}")
    typer.echo(f"{'training':10} {sum(times.shares.values()):6.1%} of the time of a cell")
