"""What a store no longer needs: leftovers of killed processes, damaged artifacts, artifacts that nobody has used."""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from itl_bench.store.artifact import MANIFEST
from itl_bench.store.keys import KEY_LENGTH
from itl_bench.store.locks import held, locked
from itl_bench.store.store import Store

DAY_SECONDS = 86_400
FAILURES_SECONDS = 7 * DAY_SECONDS
MEASURED = "weights of a model that was measured"
LEFTOVERS_SECONDS = 3_600  # younger ones may belong to a process that is about to lock or to publish


class Garbage(NamedTuple):
    """Something to remove, and why."""

    path: Path
    reason: str
    size: int  # bytes


def garbage(store: Store, older_than_days: float, weights: bool = False) -> Iterator[Garbage]:
    """Everything that can go. What is in use, or a parent of something younger, stays.

    Args:
        store: The store to look through.
        older_than_days: Artifacts that were not opened for so long go; never less than an hour, so that nothing goes
            that a run is just using.
        weights: Whether the weights of models that were tuned in full go, too, where something was measured of them.
    """
    for name, reason in (("partial", "left by a process that ended"), ("damaged", "damaged, set aside")):
        for path in sorted((store.root / name).iterdir()):
            if not held(store.root, path.name[:KEY_LENGTH]) and _age(path) > LEFTOVERS_SECONDS:
                yield Garbage(path, reason, _size(path))
    for path in sorted((store.root / "failures").iterdir()):
        if _age(path) > FAILURES_SECONDS:
            yield Garbage(path, "failures of a run that ended", _size(path))
    unused = _unused(store, max(older_than_days * DAY_SECONDS, LEFTOVERS_SECONDS))
    for key in unused:
        yield Garbage(store.folder(key), f"not opened for {older_than_days:g} days", _size(store.folder(key)))
    for key in sorted(set(_measured_weights(store)) - set(unused)) if weights else ():
        yield Garbage(store.folder(key), MEASURED, _size(store.folder(key)))


def _unused(store: Store, older_than: float) -> list[str]:
    """Artifacts that were not opened for some seconds, nor anything that was built from them."""
    keys = store.keys()
    needed = [key for key in keys if _age(store.folder(key) / MANIFEST) <= older_than or held(store.root, key)]
    kept: set[str] = set()
    while needed:
        key = needed.pop()
        if key not in kept:
            kept.add(key)
            with suppress(OSError, ValueError):  # a damaged manifest names no parents; `verify` sets it aside
                needed += store.manifest(key).parents
    return [key for key in keys if key not in kept]


def _measured_weights(store: Store) -> Iterator[str]:
    """Checkpoints of all weights that were compared with their base, the last thing done to them; none in use."""
    read, every = {}, store.keys()
    for key in every:
        with suppress(OSError, ValueError):
            read[key] = store.manifest(key)
    measures = [one for one in read.values() if one.kind == "measure" and one.spec.get("measure") != "training"]
    used = {parent for one in measures for parent in one.parents}
    for key, manifest in read.items():
        full = manifest.kind == "checkpoint" and any(store.folder(key).glob("model*.safetensors"))
        idle = _age(store.folder(key) / MANIFEST) > LEFTOVERS_SECONDS and not held(store.root, key)
        if full and key in used and idle:
            yield key


def remove(store: Store, found: Garbage, older_than_days: float) -> bool:
    """Remove one piece of garbage, an artifact in one step, so that no reader meets half of it.

    Returns:
        Whether it went: an artifact that was opened since it was found stays.
    """
    path = found.path
    if path.is_relative_to(store.root / "artifacts"):
        target = store.root / "partial" / f"{path.name}-{secrets.token_hex(4)}"
        with locked(store.root):
            if _age(path / MANIFEST) <= max(older_than_days * DAY_SECONDS, LEFTOVERS_SECONDS):
                return False
            path.rename(target)
        path = target
    shutil.rmtree(path, ignore_errors=True)
    return True


def _age(path: Path) -> float:
    """Seconds since the last change; none for what has just vanished."""
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    total = 0
    for one in path.rglob("*"):
        with suppress(FileNotFoundError):
            total += one.lstat().st_size
    return total
