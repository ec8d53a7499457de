"""`itl-bench reference`: run profiles again, and write what is committed of them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from itl_bench.errors import ItlError, UsageError, unknown
from itl_bench.files import write_atomically

if TYPE_CHECKING:
    from itl_bench.record import Record
    from itl_bench.run.recording.expectations import Expectations

PROFILES = ("published", "embedded", "bios-full")
TABLES = ("bios-full", "embedded")  # whose verdicts the README shows: the first that has a record
PILOT = "small-quick"  # whose effects are its last column, where there is a record of it
ENDED = (0, 1)  # exit codes of a run: nothing refuted, something refuted


class Checkout(NamedTuple):
    """A clean checkout: its top folder, and the commit that the records name."""

    top: Path
    commit: str

    def record(self, profile: str) -> Path:
        """The committed record of a profile."""
        return self.top / "reports" / "reference" / profile / "record.json"


class Made(NamedTuple):
    """What a profile gave."""

    profile: str
    record: "Record"
    verdicts: "Expectations"


def reference(
    profiles: Annotated[
        list[str] | None, typer.Argument(metavar="PROFILE", help=f"default: {' '.join(PROFILES)}")
    ] = None,
    workers: Annotated[int, typer.Option("-n", metavar="N", min=1, help="processes that share a run")] = 2,
) -> None:
    """Run profiles again and write what is committed of them: records, reports, recorded verdicts, the README's parts.

    Some two hours on two cores, six minutes without bios-full. On a clean checkout, because the records name its
    commit: nothing tracked is written before all profiles have run. The record of the pilot stays as it is.

    For example: itl-bench reference published embedded
    """
    chosen, checkout = _declared(profiles or PROFILES), _clean_checkout()
    made = [_run(profile, checkout, workers) for profile in chosen]
    for one in made:
        _write(one, checkout)
    _write_table(checkout)
    typer.echo("look at the difference (git diff) before you commit it")


def _declared(profiles: Sequence[str]) -> list[str]:
    """The profiles, each once.

    Raises:
        UsageError: There is no such profile.
    """
    from itl_bench.catalog.loading import load_catalog

    accepted = load_catalog().profiles
    for name in profiles:
        if name not in accepted:
            raise UsageError(unknown("profile", name, accepted))
    return list(dict.fromkeys(profiles))


def _clean_checkout() -> Checkout:
    """The checkout that this package is of, around the current folder.

    Raises:
        UsageError: The current folder is outside, it is no checkout, or its tracked files have changes.
    """
    from itl_bench.catalog.loading import shipped
    from itl_bench.machine.this_machine import git_commit

    top, here = shipped("cases").parent.resolve(), Path.cwd()
    if not here.is_relative_to(top):
        install = "run the command in a clone of the repository, installed there with `pip install -e '.[train]'`"
        raise UsageError(f"{here} is not in {top}, which this itl-bench is of; {install}")
    commit = git_commit(top)
    if commit is None:
        raise UsageError(f"git knows no commit of {top}, and the records name it; run the command in a git clone")
    if commit.endswith("-dirty"):
        todo = "the records name a commit, so commit or stash what `git status` lists"
        raise UsageError(f"tracked files of {top} are changed; {todo}")
    return Checkout(top, commit)


def _run(profile: str, checkout: Checkout, workers: int) -> Made:
    """Run a profile in a process of its own.

    Raises:
        ItlError: It ended otherwise than with verdicts, or the checkout was changed meanwhile.
    """
    from itl_bench.record import load
    from itl_bench.run.commands.records import baseline_of

    reports = f"build/{profile}"
    options = ["--itl-profile", profile, "--itl-report", reports, "-q", "--tb=no", "-n", str(workers)]
    ended = subprocess.run([sys.executable, "-m", "pytest", "benchmark/", *options], cwd=checkout.top, check=False)
    if ended.returncode not in ENDED:
        raise ItlError(
            f"{profile} ended with exit code {ended.returncode}, so nothing that is committed was written; "
            "mend what is said above and run the command again: what was built is kept"
        )
    path = checkout.top / reports / "latest" / "record.json"
    record = load(path)
    if record.run.git != checkout.commit:
        raise ItlError(
            f"the checkout was changed while {profile} ran: its record names {record.run.git}, not {checkout.commit}; "
            "nothing that is committed was written, so run the command again and leave the checkout alone"
        )
    return Made(profile, record, baseline_of(record, path))


def _write(made: Made, checkout: Checkout) -> None:
    from itl_bench.report.write import write_reports
    from itl_bench.run.recording import expectations

    folder, recorded = checkout.record(made.profile).parent, checkout.top / "cases/expected" / f"{made.profile}.yaml"
    write_reports(made.record, folder)
    expectations.save(made.verdicts, recorded)
    typer.echo(f"wrote record and reports to {folder}, and {len(made.verdicts.cases)} verdicts to {recorded}")


def _write_table(checkout: Checkout) -> None:
    from itl_bench.record import load
    from itl_bench.report.readme import with_story, with_table

    page, pilot = checkout.top / "README.md", checkout.record(PILOT)
    effects = load(pilot) if pilot.exists() else None
    record = asked_today(load(shown_in_readme(checkout.top / "reports" / "reference")))
    write_atomically(page, with_table(with_story(page.read_text(encoding="utf-8"), record), record, effects))
    typer.echo(f"wrote the first screen and the table of {page}")


def shown_in_readme(folder: Path) -> Path:
    """The record whose verdicts the README shows, in the folder of the committed ones."""
    records = [folder / profile / "record.json" for profile in TABLES]
    return next((record for record in records if record.exists()), records[-1])


def asked_today(record: "Record") -> "Record":
    """A committed record with the headlines of this catalog: the README asks what the catalog asks now."""
    from itl_bench.catalog.loading import load_catalog
    from itl_bench.run.recording.mechanisms import mechanism_records

    mechanisms = mechanism_records(load_catalog(), [case.id for case in record.cases])
    return record.model_copy(update={"mechanisms": mechanisms})
