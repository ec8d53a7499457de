"""Write the reports of a run into its folder, and let `latest` point to it."""

import shutil
import tempfile
from pathlib import Path

from itl_bench.errors import UsageError
from itl_bench.files import write_atomically
from itl_bench.record import Record, dump
from itl_bench.report import html, markdown


def write_reports(record: Record, folder: Path) -> None:
    """Write record.json, report.md, report.html and index.html (a link to report.html) into `folder`."""
    write_atomically(folder / "record.json", dump(record))
    write_atomically(folder / "report.md", markdown.render(record))
    write_atomically(folder / "report.html", html.render(record))
    _point(folder / "index.html", folder / "report.html")


def point_latest(folder: Path) -> None:
    """Make `latest`, beside `folder`, a relative link to it; a copy where links are impossible.

    Raises:
        UsageError: `latest` is something that no run of the benchmark has made.
    """
    folder = folder.absolute()
    latest = folder.parent / "latest"
    if folder.name == latest.name:
        return
    if latest.exists() and not latest.is_symlink() and not (latest / "record.json").is_file():
        raise UsageError(
            f"{latest} is in the way: it is no link and holds no record.json, so it is left as it is. "
            "Move it elsewhere, or give another report folder (--itl-report DIR)."
        )
    _point(latest, folder)


def _point(link: Path, target: Path) -> None:
    """Put a relative link to its sibling `target` at `link`, replacing what is there in one step."""
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=f".{link.name}.") as scratch:
        fresh = Path(scratch, "new")
        try:
            fresh.symlink_to(target.name, target_is_directory=target.is_dir())
        except OSError:  # a disk that has no links, or a system that allows none
            _copy(target, fresh)
        if link.is_dir() and not link.is_symlink():
            link.rename(Path(scratch, "old"))
        fresh.replace(link)


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination)
    else:
        shutil.copyfile(source, destination)
