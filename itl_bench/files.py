"""Files that are written whole, reach the disk, and are known by their content; code that an entry names."""

import ast
import hashlib
import os
import secrets
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from itl_bench.errors import UsageError, unknown


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
    """Hash of the source of the module that a "module:name" is in; nothing of the module is run.

    Raises:
        UsageError: No such module, it has no source, or nothing of this name stands in it.
    """
    module, _, name = code.partition(":")
    try:
        spec = find_spec(module)
    except Exception as error:  # a package above it is run, and may raise anything
        if isinstance(error, ModuleNotFoundError) and module.startswith(str(error.name)):
            spec = None
        else:
            raise UsageError(f"{code!r} cannot be looked up: {type(error).__name__}: {error}") from None
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UsageError(f"no source of the module {module!r} of {code!r} was found; is it installed?")
    names = _defined(Path(spec.origin), code)
    if name not in names:
        raise UsageError(f"{code!r}: {unknown('name in the module', name, names)}")
    return sha256(Path(spec.origin))


def _defined(path: Path, code: str) -> list[str]:
    """The names that a module defines or imports at its top."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{code!r}: its module is no Python: {error}") from None
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [alias.asname or alias.name for alias in node.names]
        else:
            found += [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    return found


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
