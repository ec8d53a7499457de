"""Files that are written whole, reach the disk, and are known by their content; code that an entry names."""

import hashlib
import os
import secrets
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from itl_bench.errors import UsageError


def write_atomically(path: Path, text: str) -> None:
    """Write `text` so that a reader, or a crash, never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file, and wait until it has reached the disk."""
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_file(path: Path) -> None:
    """Wait until a file has reached the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def source_hash(code: str) -> str:
    """Hash of the source of the module that a "module:name" is in.

    Raises:
        UsageError: No such module, or it has no source.
    """
    module = code.partition(":")[0]
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UsageError(f"no source of the module {module!r} of {code!r} was found; is it installed?")
    return sha256(Path(spec.origin))


def load_code(code: str) -> object:
    """What a "module:name" names.

    Raises:
        UsageError: The module has no such name.
    """
    module, _, name = code.partition(":")
    found = getattr(import_module(module), name, None)
    if found is None:
        raise UsageError(f"{module} has no {name!r}, which {code!r} names")
    return found
