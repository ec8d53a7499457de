"""`itl-bench report` and `itl-bench baseline`: what is made of the record of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from itl_bench.errors import UsageError

if TYPE_CHECKING:
    from itl_bench.record import Record
    from itl_bench.run.recording.expectations import Expectations

baseline = typer.Typer(no_args_is_help=True, help="Recorded verdicts.")

RecordFile = Annotated[Path, typer.Argument(metavar="RECORD", help="record.json of a run")]


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
    accepted = baseline_of(loaded, record)
    if to.exists() and not replace and (lost := expectations.load(to).cases.keys() - accepted.cases.keys()):
        raise UsageError(
            f"{to} has {len(lost)} cases that {record} does not, as {min(lost)}; record a run of all of them, "
            "or give --replace"
        )
    expectations.save(accepted, to)
    typer.echo(f"wrote {len(accepted.cases)} verdicts of run {loaded.run.id} to {to}")


def baseline_of(record: "Record", path: Path) -> "Expectations":
    """The verdicts that a run gives to compare later ones with.

    Args:
        record: Of the run.
        path: Where the record is, for the message.

    Raises:
        UsageError: Something crashed, or no verdict is there.
    """
    from itl_bench.run.recording.expectations import from_record

    if count := len(record.run.crashed):
        crashes = f"{count} case" + "s" * (count > 1)
        raise UsageError(f"{path}: {crashes} crashed, which is no baseline. Mend the crash and run again.")
    accepted = from_record(record)
    if not accepted.cases:
        raise UsageError(
            f"{path} holds no verdict; run the benchmark without --itl-plan, and with cases that can run here"
        )
    return accepted


def _load(path: Path) -> "Record":
    from itl_bench.record import load

    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the record of a run in it, as {path / 'record.json'}")
    return load(path)
