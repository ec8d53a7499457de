"""What a store no longer needs: leftovers of killed processes, damaged artifacts, artifacts that nobody has used."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from itl_bench.claiming import held
from itl_bench.keys import KEY_LENGTH
from itl_bench.store import MANIFEST, Store

DAY_SECONDS = 86_400
LEFTOVERS_SECONDS = 3_600  # younger ones may belong to a process that is about to claim or to publish


class Garbage(NamedTuple):
    """Something to remove, and why."""

    path: Path
    reason: str
    size: int  # bytes


def garbage(store: Store, older_than_days: float) -> Iterator[Garbage]:
    """Everything that can go. What is in use, or a parent of something younger, stays.

    Args:
        store: The store to look through.
        older_than_days: Artifacts that were not opened for so long go.
    """
    now = time.time()
    for name, reason in (("partial", "left by a process that ended"), ("damaged", "damaged, set aside")):
        for path in sorted((store.root / name).iterdir()):
            if not held(store.root, path.name[:KEY_LENGTH]) and now - path.stat().st_mtime > LEFTOVERS_SECONDS:
                yield Garbage(path, reason, _size(path))
    for name in ("claims", "failures"):
        for path in sorted((store.root / name).glob("*")):
            if now - path.stat().st_mtime > DAY_SECONDS and not held(store.root, path.name):
                yield Garbage(path, f"{name} of runs that ended", _size(path))
    for key in _unused(store, now - older_than_days * DAY_SECONDS):
        path = store.folder(key)
        yield Garbage(path, f"not opened for {older_than_days:g} days", _size(path))


def _unused(store: Store, before: float) -> list[str]:
    """Artifacts last opened before a time that no artifact opened since was built from."""
    keys = store.keys()
    needed = [key for key in keys if (store.folder(key) / MANIFEST).stat().st_mtime >= before or held(store.root, key)]
    kept: set[str] = set()
    while needed:
        key = needed.pop()
        if key not in kept and store.has(key):
            kept.add(key)
            with suppress(OSError, ValueError):  # a damaged manifest names no parents; `verify` sets it aside
                needed += store.manifest(key).parents
    return [key for key in keys if key not in kept]


def remove(store: Store, found: Garbage) -> None:
    """Remove one piece of garbage; an artifact vanishes in one step, so that no reader meets half of it."""
    if found.path.is_file():
        found.path.unlink(missing_ok=True)
        return
    if found.path.is_relative_to(store.root / "artifacts"):
        target = store.root / "partial" / f"{found.path.name}-removed"
        shutil.rmtree(target, ignore_errors=True)
        found.path.rename(target)
        shutil.rmtree(target, ignore_errors=True)
    else:
        shutil.rmtree(found.path, ignore_errors=True)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
