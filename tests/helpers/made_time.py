"""Time that passes only when somebody waits."""

import asyncio


class MadeTime:
    """A clock and a sleep that belong together.

    Attributes:
        now: Seconds since the start.
        slept: All waits, in order.
    """

    def __init__(self):
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Others run first; several that wait at once make time pass for each of them."""
        until = self.now + seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.now = max(self.now, until)
