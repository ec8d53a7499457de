"""Which process takes which GPU: one for each worker, several together for a model that is larger than one.

Workers number themselves; nobody hands GPUs out. A build on a worker's own GPU holds that GPU's lock together with
others (two workers may share one), a build on several GPUs holds theirs alone. The locks are files that the system
releases when their holder ends, however it ends.
"""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from itl_bench.errors import UsageError
from itl_bench.machine.this_machine import Machine, this_machine

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
OF_RUN = "ITL_BENCH_GPUS"  # the GPUs of the whole run, which VISIBLE no longer names once a worker has its own
RETRY_SECONDS = 2.0

Environment = MutableMapping[str, str]


def gpus_of_run(environ: Environment = os.environ, machine: Machine | None = None) -> tuple[str, ...]:
    """Names of all GPUs that the run may use, as CUDA_VISIBLE_DEVICES names them; empty where there are none.

    Args:
        environ: Says which there may be.
        machine: What that leaves of this machine; None to ask it.
    """
    if OF_RUN in environ:
        return tuple(environ[OF_RUN].split(","))
    count = len((machine or this_machine()).gpus)
    names = environ[VISIBLE].split(",") if VISIBLE in environ else map(str, range(count))
    return tuple(name.strip() for name in names)[:count]


def take_gpu(worker: str, environ: Environment = os.environ, machine: Machine | None = None) -> str | None:
    """Leave this process one GPU of the run's: worker gwN gets number N modulo their count. Before CUDA starts.

    A process that sees several would put copies of one model on all of them. `this_machine`, which plans are made for,
    was asked before and still names them all.

    Args:
        worker: As xdist names it, "gw3"; anything without a number at its end gets the first GPU.
        environ: Changed: CUDA_VISIBLE_DEVICES, and what `gpus_of_run` reads from then on.
        machine: As for `gpus_of_run`.

    Returns:
        The GPU's name; None where there is none, and nothing was changed.
    """
    gpus = gpus_of_run(environ, machine)
    if not gpus:
        return None
    if VISIBLE not in environ:
        environ.setdefault(ORDER, "PCI_BUS_ID")  # the order in which nvidia-smi numbers them
    number = re.search(r"\d+$", worker)
    own = gpus[int(number[0]) % len(gpus) if number else 0]
    environ.update({OF_RUN: ",".join(gpus), VISIBLE: own})
    return own


def groups(gpus: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Groups of `count` consecutive GPUs; what is left over at the end is in none.

    Raises:
        UsageError: There are fewer.
    """
    if not 1 <= count <= len(gpus):
        raise UsageError(f"{count} GPUs were asked for, and this run has {len(gpus)} ({', '.join(gpus) or 'none'})")
    return [tuple(gpus[first : first + count]) for first in range(0, len(gpus) - count + 1, count)]


@contextmanager
def on_own_gpu(environ: Environment = os.environ, folder: Path | None = None) -> Iterator[None]:
    """Hold the process's own GPU, together with others that do; waits while a build on several GPUs has it.

    Args:
        environ: Says which GPU that is; nothing is held where it names no single one.
        folder: Of the locks; None for the machine's.
    """
    own = environ.get(VISIBLE, "") if OF_RUN in environ else ""
    with ExitStack() as held:
        while own and not _try_lock(held, [own], fcntl.LOCK_SH, folder or locks_folder()):
            time.sleep(RETRY_SECONDS)
        yield


@contextmanager
def on_several_gpus(
    count: int, environ: Environment = os.environ, folder: Path | None = None
) -> Iterator[tuple[str, ...]]:
    """Hold a group of GPUs alone; waits, holding none, until all of one group are free.

    Args:
        count: Of GPUs.
        environ: Says which there are.
        folder: Of the locks; None for the machine's.

    Raises:
        UsageError: The run has fewer.
    """
    wanted = groups(gpus_of_run(environ), count)
    with ExitStack() as held:
        while not (found := _first_free(held, wanted, folder or locks_folder())):
            time.sleep(RETRY_SECONDS)
        yield found


def locks_folder() -> Path:
    """Where this user's locks are: one folder for all runs on the machine, whatever their stores."""
    return Path(tempfile.gettempdir()) / f"itl-bench-gpus-{os.getuid()}"


def _first_free(held: ExitStack, wanted: Sequence[tuple[str, ...]], folder: Path) -> tuple[str, ...]:
    return next((group for group in wanted if _try_lock(held, group, fcntl.LOCK_EX, folder)), ())


def _try_lock(held: ExitStack, gpus: Sequence[str], how: int, folder: Path) -> bool:
    """Lock all of them or none, so that nobody waits for one while holding another."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as some:
        for gpu in gpus:
            stream: IO[str] = some.enter_context((folder / re.sub(r"[^\w\-]", "_", gpu)).open("w", encoding="ascii"))
            try:
                fcntl.flock(stream, how | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        held.push(some.pop_all())
        return True
