"""How far a build is, live: one line rewritten in place on a terminal, a plain line now and then without one."""

import math
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from itl_bench.plan.engines import engines
from itl_bench.report.wording import printable
from itl_bench.store.queue import Failure, Queue
from itl_bench.vocabulary import CELL

TRUST = 30.0  # seconds of measured work that outweigh the declared speed
IN_PLACE_SECONDS = 1.0
PLAIN_SECONDS = 15.0
SAID = 3  # failures that are told while others build; the line counts them all


@dataclass(frozen=True)
class Counts:
    """How much of a build is done; work is in expected seconds for one worker."""

    done: int
    total: int
    cells_done: int
    cells: int
    failed: int
    stuck: int  # waits for what has failed
    work_done: float
    work_left: float  # without what has failed or is stuck
    engines_done: int = 0  # of vLLM: all that they are to answer is there
    engines: int = 0


def count(queue: Queue) -> Counts:
    """Look into the store: what all workers have built so far, and what has failed on them."""
    queue.refresh()
    missing = queue.missing()  # in an order in which parents come first
    absent = {task.key for task in missing}
    failed = set(queue.failures()) & absent
    lost = set(failed)
    for task in missing:
        if not lost.isdisjoint(task.parents):
            lost.add(task.key)
    cells, started = [task for task in queue.tasks.values() if task.kind == CELL], engines(queue.tasks.values())
    return Counts(
        done=len(queue.tasks) - len(missing),
        total=len(queue.tasks),
        cells_done=sum(task.key not in absent for task in cells),
        cells=len(cells),
        failed=len(failed),
        stuck=len(lost) - len(failed),
        work_done=sum(task.seconds for task in queue.tasks.values() if task.key not in absent),
        work_left=sum(task.seconds for task in missing if task.key not in lost),
        engines_done=sum(absent.isdisjoint(keys) for keys in started),
        engines=len(started),
    )


@dataclass(frozen=True)
class Pace:
    """How fast a build went up to the last artifact that was finished."""

    worked: float  # expected seconds of what was finished in this run
    elapsed: float  # seconds that this took
    workers: int

    def seconds_left(self, work_left: float, since: float) -> float | None:
        """Seconds that the rest will take; None once it has taken longer than that.

        The declared speed counts like `TRUST` seconds of measurement: short first tasks, or loading libraries, would
        otherwise give wild numbers.

        Args:
            work_left: Expected seconds of the rest, for one worker.
            since: Seconds since the last artifact was finished.
        """
        slowness = (self.elapsed + TRUST) / (self.worked + TRUST * self.workers)
        left = work_left * slowness - since
        return left if left > 0 else None


def duration(seconds: float) -> str:
    """A duration as one would say it: "40 s", "3 min", "2.5 h"."""
    if seconds < 60:
        return f"{max(1, math.floor(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def sentence(counts: Counts, left: float | None) -> str:
    """For example "building: 12 of 45 cells, 30 of 210 artifacts, about 3 min left"."""
    return f"building: {_amounts(counts)}" + (f", about {duration(left)} left" if left else "")


def last_sentence(counts: Counts, seconds: float) -> str:
    """For example "built: 45 of 45 cells, 210 of 210 artifacts in 3 min"."""
    return f"built: {_amounts(counts)} in {duration(seconds)}"


def _amounts(counts: Counts) -> str:
    cells = f"{counts.cells_done} of {counts.cells} cells, " if counts.cells else ""
    stuck = f", {counts.stuck} waiting for them" if counts.stuck else ""
    failed = f" ({counts.failed} failed{stuck})" if counts.failed else ""
    started = f"{counts.engines_done} of {counts.engines} engines, " if counts.engines else ""
    return f"{cells}{started}{counts.done} of {counts.total} artifacts{failed}"


class BuildProgress:
    """Watches a store from a thread while others build into it, and says how far they are."""

    def __init__(self, queue: Queue, workers: int, write: Callable[[str], object], width: int | None) -> None:
        """Start from what is in the store now.

        Args:
            queue: The tasks; from here on this object's own.
            workers: How many processes build.
            write: Takes text to show at once.
            width: Of the terminal, in characters; None where there is none.
        """
        self.queue = queue
        self.workers = workers
        self.write = write
        self.width = width
        self._start = self._last = count(queue)
        self._started = self._changed = time.monotonic()
        self._said: set[str] = set()
        self._delay = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="itl_bench progress", daemon=True)

    def start(self, delay: float = 0.0) -> None:
        """Begin to watch; nothing is shown for `delay` seconds, in which others may finish their output."""
        self._delay = delay
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still watches."""
        return not self._over.is_set()

    def stop(self) -> None:
        """The build is over: a line on a terminal is cleared, elsewhere a last one is written. Again: nothing."""
        if self.running:
            self.clear()
            if self.width is None:
                self.write(last_sentence(self.look(), time.monotonic() - self._started) + "\n")

    def clear(self) -> None:
        """End the output without a last line."""
        self._over.set()
        self._thread.join()
        self._blank()

    def look(self) -> Counts:
        """How far the build is now."""
        counts = count(self.queue)
        if counts.done != self._last.done:
            self._changed = time.monotonic()
        self._last = counts
        return counts

    def line(self) -> str:
        """How far the build is now, in words."""
        counts = self.look()
        pace = Pace(counts.work_done - self._start.work_done, self._changed - self._started, self.workers)
        return sentence(counts, pace.seconds_left(counts.work_left, time.monotonic() - self._changed))

    def _watch(self) -> None:
        wait = self._delay
        while not self._over.wait(wait):
            wait = PLAIN_SECONDS if self.width is None else IN_PLACE_SECONDS
            with suppress(OSError):  # a shared disk that does not answer just now
                self._tell_failures()
                self._show(self.line())

    def _tell_failures(self) -> None:
        """Why the first artifacts failed, each reason once: whoever watches can mend it before the rest is built."""
        failures = {key: one for key, one in self.queue.failures().items() if key in self.queue.tasks}
        lines = dict.fromkeys(
            f"{self.queue.tasks[key].kind} {_ended(one)}: {printable(str(one))}"
            for key, one in failures.items()
            if not one.unsuitable
        )
        for line in [line for line in lines if line not in self._said][: SAID - len(self._said)]:
            self._said.add(line)
            self._blank()
            self.write(f"{line}\n")

    def _blank(self) -> None:
        if self.width is not None:
            self.write(f"\r{' ' * (self.width - 1)}\r")

    def _show(self, line: str) -> None:
        room = (self.width or 0) - 1  # a full line would make the terminal begin the next
        self.write(f"{line}\n" if self.width is None else f"\r{line[:room]:{room}}")


def _ended(failure: Failure) -> str:
    return "left to transformers" if failure.unserved else "failed"


class Steps:
    """Shows steps done, the loss and the time left; used as a context."""

    def __init__(self, title: str, total: int, stream: TextIO = sys.stderr) -> None:
        """Begin.

        Args:
            title: Of what the steps are.
            total: How many there will be.
            stream: Where to write.
        """
        self.title, self.total, self.stream = title, total, stream
        self.first: tuple[int, float] | None = None  # step and time at which this process began
        self.shown = 0.0

    def at(self, step: int, loss: float) -> None:
        """`step` steps are done, the last one with this loss."""
        now = time.monotonic()
        self.first = self.first or (step, now)
        if now - self.shown < (1.0 if self.stream.isatty() else PLAIN_SECONDS) and step < self.total:
            return
        self.shown = now
        done, since = step - self.first[0], now - self.first[1]
        left = f", about {duration(since / done * (self.total - step))} left" if done and step < self.total else ""
        text = f"{self.title}: step {step} of {self.total}, loss {loss:.3f}{left}"
        self.stream.write(f"\r{text:79}" if self.stream.isatty() else f"{text}\n")
        self.stream.flush()

    def __enter__(self) -> Self:
        """Nothing is shown before the first step."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line."""
        if self.shown and self.stream.isatty():
            self.stream.write("\n")
