"""The command `itl-bench`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import itl_bench
from itl_bench.errors import ItlError, UsageError
from itl_bench.run.commands import atlas as cli_atlas
from itl_bench.run.commands import bios as cli_bios
from itl_bench.run.commands import data as cli_data
from itl_bench.run.commands import perf as cli_perf
from itl_bench.run.commands import store as cli_store
from itl_bench.run.commands import sweep as cli_sweep

if TYPE_CHECKING:
    from itl_bench.record import Record

app = typer.Typer(
    name="itl-bench", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Claims about instruction tuning as executable cases. `itl-bench run` is `pytest benchmark/`.",
)  # fmt: skip
baseline = typer.Typer(no_args_is_help=True, help="Recorded verdicts.")
app.add_typer(baseline, name="baseline")
app.add_typer(cli_store.app, name="store")
app.add_typer(cli_bios.app, name="bios")
app.add_typer(cli_atlas.app, name="atlas")
app.add_typer(cli_data.app, name="data")
app.add_typer(cli_perf.app, name="perf")
app.command()(cli_sweep.sweep)

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
RecordFile = Annotated[Path, typer.Argument(metavar="RECORD", help="record.json of a run")]


def _load(path: Path) -> "Record":
    from itl_bench.record import load

    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the record of a run in it, as {path / 'record.json'}")
    return load(path)


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


@app.command()
def report(
    record: RecordFile,
    to: Annotated[Path | None, typer.Option(help="folder to write to (default: the record's)")] = None,
) -> None:
    """Make report.md and report.html again from a record."""
    from itl_bench.report.write import write_reports

    folder = to or record.parent
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to: {folder} is a file; give a folder to write the reports to")
    write_reports(_load(record), folder)
    typer.echo(f"wrote {folder / 'report.md'} and {folder / 'report.html'}")


@baseline.command()
def accept(
    record: RecordFile,
    to: Annotated[Path, typer.Option(help="file to write")] = Path("cases/expected/published.yaml"),
    replace: Annotated[bool, typer.Option(help="write it although recorded cases would be lost")] = False,
) -> None:
    """Record the verdicts of a run, for --itl-expect.

    A record of a selection does not replace the verdicts of a larger one by accident.
    """
    from itl_bench.run.recording import expectations

    if to.is_dir():
        raise UsageError(f"--to: {to} is a folder; give the file to write, as {to / 'published.yaml'}")
    loaded = _load(record)
    accepted = expectations.from_record(loaded)
    if count := len(loaded.run.crashed):
        crashes = f"{count} case" + "s" * (count > 1)
        raise UsageError(f"{record}: {crashes} crashed, which is no baseline. Mend the crash and run again.")
    if not accepted.cases:
        raise UsageError(
            f"{record} holds no verdict; run the benchmark without --itl-plan, and with cases that can run here"
        )
    if to.exists() and not replace and (lost := expectations.load(to).cases.keys() - accepted.cases.keys()):
        raise UsageError(
            f"{to} has {len(lost)} cases that {record} does not, as {min(lost)}; record a run of all of them, "
            "or give --replace"
        )
    expectations.save(accepted, to)
    typer.echo(f"wrote {len(accepted.cases)} verdicts of run {loaded.run.id} to {to}")


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
