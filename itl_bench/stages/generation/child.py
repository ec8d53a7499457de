"""An engine in a process of its own: it ends with whoever started it, and leaves no process and no memory behind.

Messages are JSON over a socket, which is the child's lifeline as well: when it closes, because its other end was closed
or died, the child ends its whole session.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from itl_bench.errors import ItlError, UnservedError
from itl_bench.files import load_code

MODULE = "itl_bench.stages.generation.child"
TRACKER = b"multiprocessing.resource_tracker"  # removes the shared memory of processes that are gone, then ends
SECONDS_TO_END = 10.0
SECONDS_TO_LOOK = 1.0  # between two looks at whether the process is there
LAST_LINES = 3  # of the log, in an error
LONGEST_LINE = 300  # characters of each, and of what the engine itself says

Message = Mapping[str, Any]
Serve = Callable[[Message], Iterator[Message]]  # a request -> its replies; what a target makes of its settings


class Child:
    """The parent's end of a child.

    Attributes:
        session: Of its processes, as `members` takes it.
    """

    def __init__(self, connection: Connection, log: Path, process: "subprocess.Popen[bytes]") -> None:
        """Take the socket's own end, where the child writes what it prints, and its process."""
        self._connection, self._log, self._process = connection, log, process
        self.session = process.pid

    def ask(self, request: Message) -> Iterator[Message]:
        """Send a request, and give its replies as they come.

        Raises:
            UnservedError: The engine cannot serve what it was asked for.
            ItlError: It broke down, or its process ended.
        """
        self._send(request)
        while "end" not in (reply := self._receive()):
            yield reply

    def _send(self, message: Message) -> None:
        try:
            self._connection.send_bytes(json.dumps(message).encode())
        except OSError:
            raise self._broken("its process has ended") from None

    def _receive(self) -> Message:
        try:
            # A process that the child left behind may keep the socket open.
            while not self._connection.poll(SECONDS_TO_LOOK):
                if self._process.poll() is not None and not self._connection.poll(0):
                    raise EOFError
            reply: Message = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise self._broken("its process has ended") from None
        if "unserved" in reply:
            raise UnservedError(str(reply["unserved"]))
        if "error" in reply:
            raise ItlError(f"the engine failed: {_in_a_line(str(reply['error']))}; its log is {self._log}")
        return reply

    def _broken(self, what: str) -> ItlError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = " | ".join([_in_a_line(line) for line in lines if line.strip()][-LAST_LINES:])
        return ItlError(f"the engine failed: {what}; its log {self._log} ends with: {last or 'nothing'}")


def _in_a_line(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST_LINE else f"{whole[:LONGEST_LINE]} ..."


@contextmanager
def child(target: str, settings: Message, environ: Mapping[str, str] | None = None) -> Iterator[Child]:
    """An engine in a process of its own, loaded; whatever ends the block ends it, and all that it has started.

    Args:
        target: "module:function" of what opens the engine there.
        settings: For that function.
        environ: Of the process; None for ours.

    Raises:
        UnservedError: The engine cannot serve this model.
        ItlError: It could not be loaded.
    """
    descriptor, name = tempfile.mkstemp(prefix="itl-bench-engine-", suffix=".log")
    ours, theirs = socket.socketpair()
    with os.fdopen(descriptor, "w", encoding="utf-8") as log, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, target, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environ,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    connection = Connection(ours.detach())
    try:
        started = Child(connection, Path(name), process)
        list(started.ask(settings))
        yield started
    except UnservedError:
        Path(name).unlink(missing_ok=True)
        raise
    except ItlError:
        raise  # its log is named, and stays
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    else:
        Path(name).unlink(missing_ok=True)
    finally:
        connection.close()
        end_session(process.pid)
        process.wait()


def end_session(session: int, own: int = 0) -> None:
    """End all processes of a session but `own`; those that remove their shared memory are given time to do it."""
    until = time.monotonic() + SECONDS_TO_END
    while found := [one for one in members(session) if one != own]:
        late = time.monotonic() > until
        for one in found:
            if late or not _is_tracker(one):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(one, signal.SIGKILL)
        if late:
            return
        time.sleep(0.02)


def members(session: int) -> list[int]:
    """The processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of_session = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[:4]
            if int(of_session) == session and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def _is_tracker(process: int) -> bool:
    try:
        return TRACKER in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


# In the child.


def main(target: str, descriptor: int) -> None:
    """Open the engine with the first message, answer the others, until the lifeline closes."""
    connection = Connection(descriptor)
    inbox: queue.Queue[Message] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()

    def send(message: Message) -> None:
        connection.send_bytes(json.dumps(message).encode())

    try:
        opens: Any = load_code(target)
        serve: Serve = opens(inbox.get())
        send({"end": True})
        while True:
            for reply in serve(inbox.get()):
                send(reply)
            send({"end": True})
    except UnservedError as error:
        send({"unserved": str(error)})
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        send({"error": f"{type(error).__name__}: {error}"})
    threading.Event().wait()  # until the parent has read it, and closes the lifeline


def _listen(connection: Connection, inbox: "queue.Queue[Message]") -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            inbox.put(json.loads(connection.recv_bytes()))
    end_session(os.getsid(0), own=os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def arguments(argv: Sequence[str]) -> tuple[str, int]:
    """What the command line says: the target, and the number of the socket."""
    target, descriptor = argv
    return target, int(descriptor)


if __name__ == "__main__":
    main(*arguments(sys.argv[1:]))
