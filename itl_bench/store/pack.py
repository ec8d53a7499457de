"""Evidence in a file or a few: what verdicts are computed from, without weights, to be kept and taken elsewhere."""

import io
import json
import lzma
import re
import secrets
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from itl_bench.errors import UsageError
from itl_bench.files import sha256
from itl_bench.store.artifact import MANIFEST, Manifest
from itl_bench.store.keys import KEY_LENGTH
from itl_bench.store.store import DamagedArtifactError, Store

ABOUT = "pack.json"  # the first member: the head
VERSION = 1
ORIGIN = "imported"  # in the provenance of an artifact: the pack and the run that it came from
MEMBER = re.compile(rf"([0-9a-f]{{{KEY_LENGTH}}})/((?!\.)[\w.\-]+)")  # a file of an artifact
LARGEST = 1 << 30  # bytes of one file: a pack is not trusted


class Part(BaseModel):
    """Which of several packs one is, and what all of them hold together."""

    model_config = ConfigDict(frozen=True, strict=True)

    number: Annotated[int, Field(ge=1)]
    of: int
    keys: frozenset[Annotated[str, Field(pattern=rf"^[0-9a-f]{{{KEY_LENGTH}}}$")]]  # of the artifacts of all parts


class Head(BaseModel):
    """What a pack says of itself, as far as taking it needs."""

    model_config = ConfigDict(frozen=True, strict=True)

    artifacts: Annotated[int, Field(ge=0)]
    run: str | None = None
    part: Part | None = None  # also None in a part that was written before parts said so

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.part and self.part.number > self.part.of:
            raise ValueError(f"part {self.part.number} of {self.part.of}")
        if self.part and self.artifacts > len(self.part.keys):
            raise ValueError(f"{self.artifacts} artifacts of {len(self.part.keys)}")
        return self


class Taken(NamedTuple):
    """How many artifacts were taken, how many of them the store had, and how many of all parts it still lacks."""

    artifacts: int
    known: int
    part: Part | None = None
    lacking: int = 0


def export(store: Store, keys: Iterable[str], about: Mapping[str, object], files: Sequence[Path]) -> tuple[int, ...]:
    """Write artifacts into packs of about equal size: the same bytes each time, also from a store that took them.

    Args:
        store: Where they are.
        keys: Of the artifacts; at least as many as files.
        about: The run that they are the evidence of; plain data.
        files: The packs, one or several; each is replaced if it is there.

    Returns:
        How many artifacts each pack holds.

    Raises:
        UsageError: One is not in the store, or is damaged there; then no file was written.
    """
    folders = {key: _folder(store, key) for key in sorted(keys)}
    packs = [list(folders)[first :: len(files)] for first in range(len(files))]  # keys are hashes: a fair draw
    for number, (file, held) in enumerate(zip(files, packs, strict=True), 1):
        part = {"part": {"number": number, "of": len(files), "keys": list(folders)}} if len(files) > 1 else {}
        head = {"pack": VERSION, "artifacts": len(held), **part, **about}
        _write(file, head, {key: folders[key] for key in held})
    return tuple(len(held) for held in packs)


def _write(file: Path, head: Mapping[str, object], folders: Mapping[str, Path]) -> None:
    scratch = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        with tarfile.open(scratch, "w:xz", format=tarfile.PAX_FORMAT) as pack:
            _add_bytes(pack, ABOUT, json.dumps(head, sort_keys=True, indent=1).encode())
            for key, folder in folders.items():
                for path in sorted(folder.iterdir()):
                    if path.name == MANIFEST:
                        _add_bytes(pack, f"{key}/{MANIFEST}", _without_origin(path.read_bytes()))
                        continue
                    with path.open("rb") as stream:
                        _add(pack, f"{key}/{path.name}", stream, path.stat().st_size)
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


def _without_origin(manifest: bytes) -> bytes:
    """A manifest as every store packs it, wherever the artifact came from."""
    found = json.loads(manifest)
    found["provenance"].pop(ORIGIN, None)
    return _text(found)


def _with_origin(manifest: bytes, origin: Mapping[str, object]) -> bytes:
    """A manifest that says where the artifact came from; the first origin stays."""
    Manifest.model_validate_json(manifest)  # says what is wrong with it
    found = json.loads(manifest)
    if not isinstance(found["provenance"].get(ORIGIN), dict):
        found["provenance"][ORIGIN] = origin
    return _text(found)


def _text(manifest: object) -> bytes:
    return json.dumps(manifest, indent=1).encode()


def _folder(store: Store, key: str) -> Path:
    try:
        return store.open(key).folder
    except (KeyError, DamagedArtifactError) as error:
        said = str(error) if isinstance(error, DamagedArtifactError) else f"the artifact {key} is not in {store.root}"
        raise UsageError(f"{said}; run the benchmark again, so that all of the run's evidence is there") from None


def _add_bytes(pack: tarfile.TarFile, name: str, content: bytes) -> None:
    _add(pack, name, io.BytesIO(content), len(content))


def _add(pack: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    pack.addfile(member, stream)


def take(file: Path, store: Store) -> Taken:
    """Put the artifacts of a pack into a store; each counts as built, and says in its provenance where it came from.

    Args:
        file: Written by `export`; not trusted: every file must be what its manifest says.
        store: Artifacts that it has already stay as they are.

    Raises:
        UsageError: The file is no pack, of another version, or damaged; what came before the damage was taken.
    """
    known: list[bool] = []
    try:
        digest = sha256(file)
        with tarfile.open(file, "r|xz") as pack:  # a stream: its content is read in its order, once
            content = ((member.name, _content(pack, member)) for member in pack)
            head = _head(*next(content, ("", b"")), file)
            for key, files in groupby(content, lambda one: _parts(one[0])[0]):
                known.append(_take(key, files, store, {"pack": digest, "run": head.run}))
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError, RecursionError) as error:
        said = f"{file} is no evidence pack, or is damaged: {_line(error)}; get it again"
        raise UsageError(said + _kept(len(known), store)) from None
    if len(known) != head.artifacts:
        said = f"{file} holds {len(known)} artifacts, not {head.artifacts} as its head says; get it again"
        raise UsageError(said + _kept(len(known), store))
    lacking = sum(not store.has(key) for key in head.part.keys) if head.part else 0
    return Taken(len(known), sum(known), head.part, lacking)


def _kept(number: int, store: Store) -> str:
    return f"; {number} artifacts that were read are whole and stay in {store.root}" if number else ""


def _head(name: str, content: bytes, file: Path) -> Head:
    found = json.loads(content) if name == ABOUT else None
    if not isinstance(found, dict) or found.get("pack") != VERSION:
        raise UsageError(f"{file} is no evidence pack of version {VERSION}; itl-bench evidence export writes one")
    return Head.model_validate_json(content)


def _take(key: str, files: Iterable[tuple[str, bytes]], store: Store, origin: Mapping[str, object]) -> bool:
    """Take one artifact; whether the store had it already."""
    if store.has(key):
        return True
    with store.admitting(key) as folder:
        for name, content in files:
            (folder / _parts(name)[1]).write_bytes(content)
        manifest = folder / MANIFEST
        if not manifest.is_file():
            raise ValueError(f"{MANIFEST} is missing")
        manifest.write_bytes(_with_origin(manifest.read_bytes(), origin))
    return False


def _parts(name: str) -> tuple[str, str]:
    """Key and file name of a member."""
    found = MEMBER.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no file of an artifact")
    return found[1], found[2]


def _content(pack: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.size > LARGEST:
        raise ValueError(f"{member.name!r} is no plain file, or is too large")
    stream = pack.extractfile(member)
    return stream.read() if stream else b""


def _line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first, name = error.errors()[0], ABOUT if error.title == Head.__name__ else MANIFEST
        return ": ".join(filter(None, (name, ".".join(map(str, first["loc"])), first["msg"])))
    return " ".join(str(error).split()) or type(error).__name__
