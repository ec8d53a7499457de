"""The sha256 of files. Large ones are read once: remembered while size, times of change and inode stay the same."""

import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from itl_bench.errors import ItlError
from itl_bench.files import sha256

LARGE = 16 << 20  # bytes, from which on a digest is remembered; a smaller file is read in an instant
SETTLED_NS = 2_000_000_000  # a file changed so recently may change again within one tick of its clock


def digest(path: Path) -> str:
    """The sha256 of a file's content, from memory where the file is still the same.

    Raises:
        ItlError: The file changed while it was read.
    """
    place, mark = str(path.resolve()), _mark(path)
    if mark[0] < LARGE:
        return sha256(path)
    known = _remembered().get(place)
    if isinstance(known, list) and known[:-1] == mark and isinstance(known[-1], str):
        return known[-1]
    found = sha256(path)
    if _mark(path) != mark:
        raise ItlError(f"{path} changed while it was read; wait until it is complete, and run again")
    if time.time_ns() - max(mark[1:3]) > SETTLED_NS:
        _remember(place, [*mark, found])
    return found


def _mark(path: Path) -> list[int]:
    """The time of the last write can be set (`cp -p`, layers of an image), that of the last change of status cannot."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _memory() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "itl_bench" / "digests.json"


def _remembered() -> dict[str, object]:
    with suppress(OSError, ValueError):
        found = json.loads(_memory().read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _remember(place: str, entry: list[int | str]) -> None:
    """Written whole and renamed: of two processes one may lose its entry, which is then only computed again."""
    memory = _memory()
    partial = memory.with_name(f"{memory.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(_remembered() | {place: entry}, indent=1), encoding="utf-8")
        partial.replace(memory)
