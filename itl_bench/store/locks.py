"""Who builds what: locks in a shared folder, kept alive by a heartbeat and taken over when their holder is dead.

A lock only saves work. Should two processes hold one (a holder that was silent for longer than its lease, and whoever
took over), both build, and the store keeps the first artifact.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

LOCKS = "claims"  # the folder, as it was called when the first stores were made
LEASE_SECONDS = 60.0  # a lock without a heartbeat for this long belongs to nobody, unless its process is known to live

Holder = dict[str, object]


class Lock:
    """A lock on a key, with a heartbeat in a thread; `orphan_of` names the run whose worker died holding it."""

    def __init__(self, path: Path, token: str, lease: float, orphan_of: str | None) -> None:
        """Start the heartbeat of a lock that was just made."""
        self.path = path
        self.token = token
        self.orphan_of = orphan_of
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(lease / 4,), daemon=True)
        self._thread.start()

    def _beat(self, interval: float) -> None:
        while not self._stop.wait(interval):
            if not self._ours():
                return  # taken over: the heartbeat of its new holder is not ours to give
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def _ours(self) -> bool:
        return (_holder(self.path) or {}).get("token") == self.token

    def release(self) -> None:
        """Give the lock up; one that was taken over is left to its new holder."""
        self._stop.set()
        self._thread.join()
        with locked(self.path.parent.parent):
            if self._ours():
                self.path.unlink(missing_ok=True)


def try_lock(root: Path, key: str, lease: float = LEASE_SECONDS, run_id: str = "") -> Lock | None:
    """Lock a key, or None where a living process holds it.

    Args:
        root: The store's folder.
        key: What would be built.
        lease: Seconds without a heartbeat after which the lock belongs to nobody.
        run_id: The run that the work is for.
    """
    path = root / LOCKS / key
    mine: Holder = {"token": secrets.token_hex(8), "lease": lease, "run": run_id, **this_process()}
    orphan_of = None
    if not _create(path, mine):
        if not _abandoned(root, path):
            return None
        with locked(root):  # only who holds the lock of the store removes one
            dead = _holder(path)
            if path.exists():  # asked once: what is made after this moment is a new lock, and not ours to remove
                if not _abandoned(root, path):
                    return None
                orphan_of = str(dead.get("run")) if dead and gone(dead) else None
                path.unlink()
        if not _create(path, mine):
            return None
    return Lock(path, str(mine["token"]), lease, orphan_of)


def held(root: Path, key: str) -> bool:
    """Whether a living process holds a lock on a key."""
    path = root / LOCKS / key
    return path.exists() and not _abandoned(root, path)


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the store's lock: for moments only, while something is removed or moved away."""
    with (root / "lock").open("w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _create(path: Path, holder: Holder) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(holder, stream)
    return True


def _abandoned(root: Path, path: Path) -> bool:
    try:
        beat = path.stat().st_mtime
    except FileNotFoundError:
        return True
    holder = _holder(path) or {}  # a lock that was just made, or half of one, has no holder yet: its lease counts
    lease = holder.get("lease")
    silent = _now(root) - beat > (float(lease) if isinstance(lease, int | float) else LEASE_SECONDS)
    if holder.get("machine") != _machine():
        return silent
    state = _state_of(holder)
    return state is None or (silent and state == "T")  # a process that lives and runs keeps its lock


def _now(root: Path) -> float:
    """The time by the clock of the store's file system: other machines' clocks may differ from ours."""
    clock = root / "clock"
    clock.touch()
    return clock.stat().st_mtime


def gone(holder: Holder) -> bool:
    """Whether the process of a holder, as `this_process` gives it, ran on this machine and is no more."""
    return holder.get("machine") == _machine() and _state_of(holder) is None


def _holder(path: Path) -> Holder | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def this_process() -> Holder:
    """What tells this process from all others, on whatever machine."""
    return {"machine": _machine(), "pid": os.getpid(), "started": _process(os.getpid())[1]}


def _machine() -> str:
    """Names the machine and its process numbers: containers may share a host name, but not both of the others."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _state_of(holder: Holder) -> str | None:
    """The state letter of the holder's process, None if it is gone or its number belongs to another process now."""
    pid = holder.get("pid")
    state, started = _process(pid) if isinstance(pid, int) else (None, None)
    return state if started == holder.get("started") else None


def _process(pid: int) -> tuple[str | None, str | None]:
    """State letter and start time of a process on this machine; (None, None) if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self").exists():
            return None, None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None, None
        except PermissionError:
            pass
        return "R", "unknown"  # without /proc
    return (None, None) if fields[0] in "ZX" else (fields[0], fields[19])
