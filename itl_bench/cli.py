"""The command `itl-bench`."""

import sys
from typing import Annotated

import typer

import itl_bench
from itl_bench.errors import ItlError
from itl_bench.run.commands import atlas as cli_atlas
from itl_bench.run.commands import bios as cli_bios
from itl_bench.run.commands import data as cli_data
from itl_bench.run.commands import evidence as cli_evidence
from itl_bench.run.commands import judge as cli_judge
from itl_bench.run.commands import perf as cli_perf
from itl_bench.run.commands import records as cli_records
from itl_bench.run.commands import reference as cli_reference
from itl_bench.run.commands import store as cli_store
from itl_bench.run.commands import sweep as cli_sweep

app = typer.Typer(
    name="itl-bench", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Claims about instruction tuning as executable cases. `itl-bench run` is `pytest benchmark/`.",
)  # fmt: skip
app.add_typer(cli_records.baseline, name="baseline")
app.add_typer(cli_store.app, name="store")
app.add_typer(cli_evidence.app, name="evidence")
app.add_typer(cli_bios.app, name="bios")
app.add_typer(cli_atlas.app, name="atlas")
app.add_typer(cli_data.app, name="data")
app.add_typer(cli_perf.app, name="perf")
app.add_typer(cli_judge.app, name="judge")
app.command()(cli_sweep.sweep)

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"itl-bench {itl_bench.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(context_settings=PASS_THROUGH)
def run(context: typer.Context) -> None:
    """Run the benchmark: takes every option of pytest, -k to select, and --itl-... (listed by `pytest --help`).

    For example: itl-bench run -k llama7b --itl-profile smoke
    """
    _pytest(context.args)


@app.command(context_settings=PASS_THROUGH)
def plan(context: typer.Context) -> None:
    """Print what a selection needs and costs, and run nothing; takes the options of `itl-bench run`.

    For example: itl-bench plan -k "llama7b and C10a" --itl-arm fair
    """
    _pytest(["--itl-plan", "-qq", *context.args])


def _pytest(arguments: list[str]) -> None:
    import pytest

    from itl_bench.catalog.loading import shipped

    raise typer.Exit(int(pytest.main([str(shipped("benchmark")), "-p", "itl_bench.plugin", *arguments])))


app.command()(cli_records.report)
app.command()(cli_reference.reference)


def main() -> None:
    """Entry point: a mistake of the user ends in one clear line and exit code 2."""
    try:
        app()
    except ItlError as error:
        for line in str(error).splitlines():
            typer.echo(f"ERROR: {line}", err=True)
        sys.exit(2)
    except OSError as error:
        # Files are written under a temporary name first; the second name is the one that the user knows.
        name = error.filename2 or error.filename
        typer.echo(f"ERROR: {f'{name}: {error.strerror}' if name else error}", err=True)
        sys.exit(2)
