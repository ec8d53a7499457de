"""Finding a source's files: a local copy first, then the hub's cache, then the hub."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from itl_bench.data.sources.spec import MissingDatasetError, SourceSpec, extra
from itl_bench.errors import UsageError

DATA_DIR = "ITL_DATA_DIR"
GLOB = "*?["
GATED = ("GAIR/lima",)  # whose terms have to be accepted before a download


@dataclass(frozen=True)
class Found:
    """Files of a source, in the order in which they are read.

    Attributes:
        files: Existing files.
        origin: "local", or the hub's id and commit.
    """

    files: tuple[Path, ...]
    origin: str


def find_files(dataset: str, source: SourceSpec, beside: Path | None = None, download: bool = True) -> Found:
    """Find the files of a source: `path` in $ITL_DATA_DIR, then beside the declaring file, then the hub.

    Args:
        dataset: Name, for messages.
        source: Where the rows come from.
        beside: Folder of the file that declares the source.
        download: Whether the hub may be asked; otherwise its cache alone is looked at.

    Raises:
        MissingDatasetError: The files are nowhere; the message says how to get them.
        UsageError: $ITL_DATA_DIR is no folder.
    """
    for place in _candidates(source, beside):
        if files := _files_at(place, source):
            return Found(files, "local")
    if source.hub is None:
        raise MissingDatasetError(f"{dataset}: missing dataset; {how_to_get(source, beside)}")
    folder = _snapshot(dataset, source, beside, download)
    if not (files := _inside(folder, source.files)):
        lacking = f"{source.hub} at {source.revision} lacks {', '.join(source.files)}"
        raise MissingDatasetError(f"{dataset}: missing dataset: {lacking}; {how_to_get(source, beside)}")
    return Found(files, f"{source.hub}@{folder.name}")


def how_to_get(source: SourceSpec, beside: Path | None = None) -> str:
    """The command that downloads a source, and the places where a local copy is looked for."""
    ways = []
    if source.hub:
        first = f"{_accept(source)}, then " if source.hub in GATED else ""
        ways.append(f"{first}get it with `{hub_command(source)}`")
    if source.path:
        unset = "" if os.environ.get(DATA_DIR) else f" ({DATA_DIR} is not set)"
        local = source.path if Path(source.path).is_absolute() else f"${DATA_DIR}/{source.path}{unset}"
        also = f" or {beside / source.path}" if beside and not Path(source.path).is_absolute() else ""
        within = f" (a folder with {', '.join(source.files)})" if source.files and not source.hub else ""
        ways.append(f"put it at {local}{also}{within}")
    return ", or ".join(ways)


def hub_command(source: SourceSpec) -> str:
    """The command that downloads the source's files into the hub's cache."""
    names = [name for name in source.files if not set(GLOB) & set(name)]
    globs = [part for name in source.files if name not in names for part in ("--include", name)]
    if globs:  # the command takes either names or patterns
        names, globs = [], [part for name in source.files for part in ("--include", name)]
    parts = ["hf", "download", str(source.hub), *names, "--repo-type", "dataset", "--revision", str(source.revision)]
    return shlex.join([*parts, *globs])


def _accept(source: SourceSpec) -> str:
    return f"accept its terms at https://huggingface.co/datasets/{source.hub} first, log in with `hf auth login`"


def _candidates(source: SourceSpec, beside: Path | None) -> Iterator[Path]:
    if source.path is None:
        return
    path = Path(source.path).expanduser()
    if path.is_absolute():
        yield path
        return
    if value := os.environ.get(DATA_DIR):
        if not Path(value).is_dir():
            raise UsageError(f"{DATA_DIR}={value}: no such folder; set it to the folder of your datasets, or unset it")
        yield Path(value) / path
    if beside is not None:
        yield beside / path


def _files_at(place: Path, source: SourceSpec) -> tuple[Path, ...]:
    if place.is_file():
        return (place,)
    return _inside(place, source.files) if place.is_dir() else ()


def _inside(folder: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    """Files that match, in order of name; none where one of the patterns matches nothing: a part is not the whole."""
    found: set[Path] = set()
    for pattern in patterns:
        matches = {path for path in folder.glob(pattern) if path.is_file()}
        if not matches:
            return ()
        found |= matches
    return tuple(sorted(found))


def _snapshot(dataset: str, source: SourceSpec, beside: Path | None, download: bool) -> Path:
    try:
        hub, errors = extra("huggingface_hub"), extra("huggingface_hub.errors")
        hub_constants = extra("huggingface_hub.constants")
    except UsageError as error:
        raise MissingDatasetError(f"{dataset}: missing dataset: {error}; then {how_to_get(source, beside)}") from error
    try:
        folder = hub.snapshot_download(
            source.hub,
            repo_type="dataset",
            revision=source.revision,
            allow_patterns=list(source.files),
            local_files_only=not download,
        )
        return Path(folder)
    except errors.GatedRepoError as error:
        told = "" if source.hub in GATED else f"{_accept(source)}, then "
        terms = f"{told}{how_to_get(source, beside)}"
        raise MissingDatasetError(f"{dataset}: missing dataset: {source.hub} is gated; {terms}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        what = f"the hub has no {source.hub} at {source.revision}, or you may not read it"
        raise MissingDatasetError(f"{dataset}: missing dataset: {what}; {how_to_get(source, beside)}") from error
    except errors.HFValidationError as error:
        raise UsageError(f"{dataset}: {source.hub!r} is no id of a dataset: {error}") from error
    except OSError as error:  # the hub's other errors are of this kind: offline, not cached, not reachable
        asked = download and not hub_constants.HF_HUB_OFFLINE
        what = "not in the hub's cache" + (f", and the hub was not reached ({type(error).__name__})" if asked else "")
        raise MissingDatasetError(f"{dataset}: missing dataset: {what}; {how_to_get(source, beside)}") from error
