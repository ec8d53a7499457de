"""One artifact: its manifest, how it is written durably, and whether its files are still what they were."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from itl_bench.errors import ItlError
from itl_bench.files import sha256, sync_file
from itl_bench.store.keys import Task

MANIFEST = "manifest.json"
ITEMS = "items.jsonl"  # of a corpus
REPORT = "report.json"  # of a corpus that was read from files: what was found there
FAMILIARITY = "familiarity.jsonl"  # what a base knows of atlas
PROMPTS = "prompts.jsonl"  # of a probe
RESPONSES = "responses.jsonl"
PARITY = "parity.json"  # beside responses of vLLM: how a sample of them agrees with those of transformers
TABLE = "table.json"  # of a measure
TOKENS = "tokens.jsonl"  # of a shift: some answers token by token
TRAINING = "training.json"  # of a checkpoint: what happened while tuning


class Manifest(BaseModel):
    """What an artifact is, and what its files must be."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer version may say more: that is no damage

    key: str
    kind: str
    spec: dict[str, object]
    parents: tuple[str, ...]
    version: int
    seconds: float  # that building took
    created: str  # ISO 8601, UTC
    provenance: dict[str, object]
    files: dict[str, str]  # path inside the artifact -> sha256

    @property
    def task(self) -> Task:
        """The task that gives this artifact."""
        return Task(self.kind, self.spec, self.parents, self.version, self.seconds)


@dataclass(frozen=True)
class Artifact:
    """A complete artifact: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum((self.folder / name).stat().st_size for name in self.manifest.files)


def describe(task: Task, head: Mapping[str, dict[str, object]], folder: Path, seconds: float) -> Manifest:
    """The manifest of files that were just written, after they have reached the disk.

    Args:
        task: What was built.
        head: Its spec and provenance in canonical form.
        folder: Where the files are.
        seconds: What building took.

    Raises:
        ItlError: There is no file, or something that is no plain file.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ItlError(f"{path.name}: an artifact holds plain files only")
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = sha256(path)
            sync_file(path)
    if not files:
        raise ItlError(f"building {task.kind} {task.key} wrote no file")
    return Manifest(
        key=task.key, kind=task.kind, spec=head["spec"], parents=task.parents, version=task.version,
        seconds=seconds, created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        provenance=head["provenance"], files=files,
    )  # fmt: skip


def check(artifact: Artifact) -> None:
    """Compare every file with the manifest.

    Raises:
        ValueError: A file is missing, has changed, or is not in the manifest.
    """
    present = {
        path.relative_to(artifact.folder).as_posix() for path in artifact.folder.rglob("*") if not path.is_dir()
    } - {MANIFEST}
    expected = artifact.manifest.files
    for name in sorted(present ^ set(expected)):
        raise ValueError(f"{name} is {'not in the manifest' if name in present else 'missing'}")
    for name, digest in expected.items():
        if sha256(artifact.folder / name) != digest:
            raise ValueError(f"{name} has changed")
