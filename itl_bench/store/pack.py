"""Evidence in one file: what verdicts are computed from, without weights, to be kept and taken to other machines."""

import io
import json
import lzma
import re
import secrets
import tarfile
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

from pydantic import ValidationError

from itl_bench.errors import UsageError
from itl_bench.files import sha256
from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import KEY_LENGTH
from itl_bench.store.store import DamagedArtifactError, Store

ABOUT = "pack.json"  # the first member: which run, and how many artifacts
VERSION = 1
MEMBER = re.compile(rf"([0-9a-f]{{{KEY_LENGTH}}})/((?!\.)[\w.\-]+)")  # a file of an artifact
LARGEST = 1 << 30  # bytes of one file: a pack is not trusted


class Packed(NamedTuple):
    """How many artifacts were packed or taken, and how many of these the store already had."""

    artifacts: int
    known: int = 0


def export(store: Store, keys: Iterable[str], about: Mapping[str, object], file: Path) -> Packed:
    """Write artifacts into one file, the same bytes wherever and whenever it is written.

    Args:
        store: Where they are.
        keys: Of the artifacts.
        about: The run that they are the evidence of; plain data.
        file: Replaced if it is there.

    Raises:
        UsageError: One is not in the store, or is damaged there.
    """
    folders = {key: _folder(store, key) for key in sorted(keys)}
    head = json.dumps({"pack": VERSION, "artifacts": len(folders), **about}, sort_keys=True, indent=1).encode()
    scratch = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        with tarfile.open(scratch, "w:xz", format=tarfile.PAX_FORMAT) as pack:
            _add(pack, ABOUT, io.BytesIO(head), len(head))
            for key, folder in folders.items():
                for path in sorted(folder.iterdir()):
                    with path.open("rb") as stream:
                        _add(pack, f"{key}/{path.name}", stream, path.stat().st_size)
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)
    return Packed(len(folders))


def _folder(store: Store, key: str) -> Path:
    try:
        return store.open(key).folder
    except (KeyError, DamagedArtifactError) as error:
        said = str(error) if isinstance(error, DamagedArtifactError) else f"the artifact {key} is not in {store.root}"
        raise UsageError(f"{said}; run the benchmark again, so that all of the run's evidence is there") from None


def _add(pack: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    pack.addfile(member, stream)


def take(file: Path, store: Store) -> Packed:
    """Put the artifacts of a pack into a store; each counts as built, and says in its provenance where it came from.

    Args:
        file: Written by `export`; not trusted: every file must be what its manifest says.
        store: Artifacts that it has already stay as they are.

    Raises:
        UsageError: The file is no pack, of another version, or damaged; what came before the damage was taken.
    """
    known = []
    try:
        digest = sha256(file)
        with tarfile.open(file, "r|xz") as pack:  # a stream: its content is read in its order, once
            content = ((member.name, _content(pack, member)) for member in pack)
            about = _about(*next(content, ("", b"")), file)
            for key, files in groupby(content, lambda one: _parts(one[0])[0]):
                known.append(_take(key, files, store, {"pack": digest, "run": about.get("run")}))
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is no evidence pack, or is damaged: {_line(error)}; get it again") from None
    if len(known) != about["artifacts"]:
        raise UsageError(f"{file} holds {len(known)} of {about['artifacts']} artifacts; get it again")
    return Packed(len(known), sum(known))


def _about(name: str, content: bytes, file: Path) -> dict[str, object]:
    found = json.loads(content) if name == ABOUT else None
    if not isinstance(found, dict) or found.get("pack") != VERSION:
        raise UsageError(f"{file} is no evidence pack of version {VERSION}; itl-bench evidence export writes one")
    return found


def _take(key: str, files: Iterable[tuple[str, bytes]], store: Store, origin: Mapping[str, object]) -> bool:
    """Take one artifact; whether the store had it already."""
    if store.has(key):
        return True
    with store.admitting(key) as folder:
        for name, content in files:
            (folder / _parts(name)[1]).write_bytes(content)
        manifest = json.loads((folder / MANIFEST).read_bytes())
        manifest["provenance"]["imported"] = origin
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
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
        return f"{MANIFEST}: {error.errors()[0]['msg']}"
    return " ".join(str(error).split()) or type(error).__name__
