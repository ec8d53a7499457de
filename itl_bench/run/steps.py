"""How far a long loop is: one line rewritten in place on a terminal, a plain line now and then without one."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from itl_bench.run.progress import PLAIN_SECONDS, duration


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
