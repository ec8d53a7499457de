"""Who builds what: claims in a shared folder, kept alive by a heartbeat and taken over when their holder is dead.

A claim only saves work. Should two processes hold one (a holder that was silent for longer than the lease, and whoever
took over), both build, and the store keeps the first artifact.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LEASE_SECONDS = 60.0  # a claim without a heartbeat for this long belongs to nobody


class Claim:
    """A claim on a key; held from `try_claim` until `release`, with a heartbeat in a thread."""

    def __init__(self, path: Path, token: str, lease: float) -> None:
        """Start the heartbeat of a claim that was just made."""
        self.path = path
        self.token = token
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(lease / 4,), daemon=True)
        self._thread.start()

    def _beat(self, interval: float) -> None:
        while not self._stop.wait(interval):
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def release(self) -> None:
        """Give the claim up; one that was taken over is left to its new holder."""
        self._stop.set()
        self._thread.join()
        if (_holder(self.path) or {}).get("token") == self.token:
            self.path.unlink(missing_ok=True)


def try_claim(root: Path, key: str, lease: float = LEASE_SECONDS) -> Claim | None:
    """Claim a key, or None where a living process holds it.

    Args:
        root: The store's folder.
        key: What would be built.
        lease: Seconds without a heartbeat after which a claim belongs to nobody.
    """
    path = root / "claims" / key
    for _ in range(2):  # at most one dead claim stands in the way
        token = secrets.token_hex(8)
        if _create(path, {"token": token, **_this_process()}):
            return Claim(path, token, lease)
        if not _abandoned(path, lease) or not _bury(path):
            return None
    return None


def _bury(path: Path) -> bool:
    """Move a dead claim away; whether it was that one, and not a new claim made in the meantime."""
    dead = _holder(path)
    grave = path.with_name(f"{path.name}.{secrets.token_hex(4)}.dead")
    try:
        path.rename(grave)
    except FileNotFoundError:
        return True  # somebody else buried it
    mistaken = _holder(grave) != dead
    if mistaken:
        with contextlib.suppress(FileExistsError):
            os.link(grave, path)
    grave.unlink(missing_ok=True)
    return not mistaken


@contextlib.contextmanager
def claimed(root: Path, key: str, lease: float = LEASE_SECONDS) -> Iterator[bool]:
    """Hold a claim for a block; the block is told whether it got it."""
    claim = try_claim(root, key, lease)
    try:
        yield claim is not None
    finally:
        if claim is not None:
            claim.release()


def held(root: Path, key: str, lease: float = LEASE_SECONDS) -> bool:
    """Whether a living process holds a claim on a key."""
    path = root / "claims" / key
    return path.exists() and not _abandoned(path, lease)


def _create(path: Path, holder: dict[str, object]) -> bool:
    """Make the claim with its content in one step, so that nobody ever reads half of it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.draft")
    draft.write_text(json.dumps(holder), encoding="utf-8")
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _abandoned(path: Path, lease: float) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return True
    if age > lease:
        return True
    holder = _holder(path)
    here = _this_process()
    if holder is None or holder.get("machine") != here["machine"]:
        return False
    return holder.get("started") != _start_of(int(str(holder.get("pid"))))


def _holder(path: Path) -> dict[str, object] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _this_process() -> dict[str, object]:
    return {"machine": _machine(), "pid": os.getpid(), "started": _start_of(os.getpid())}


def _machine() -> str:
    """Names the machine and its process numbers: containers may share a host name, but not both of the others."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _start_of(pid: int) -> str | None:
    """When a process started, None if it is gone: a number alone may have been given to another process since."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
        return _alive_elsewhere(pid)
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _alive_elsewhere(pid: int) -> str | None:
    """Without /proc: whether the process exists, its start being unknown."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"
