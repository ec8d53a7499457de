"""How fast a judge is asked: so many requests at a time, so many requests and tokens a minute, and pauses for all."""

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime

FIRST_GAP = 0.05  # seconds between requests after a first "too many" where no rate is declared
LONGEST_GAP = 10.0
FASTER = 0.95  # of the gap, after each reply that was none of these
DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{0,9})?)s)?(?:(\d{1,9}(?:\.\d{0,9})?)ms)?")


class TooLongError(Exception):
    """The server asks for a longer wait than is accepted.

    Attributes:
        seconds: What it asks for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server asks to wait {seconds:.0f} seconds")
        self.seconds = seconds


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait; None where it says nothing that can be read.

    Args:
        headers: Of the reply; names in any case that the mapping itself accepts.
        now: Seconds since 1970, for a date.
    """
    milliseconds, said = _seconds(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _seconds(said)
    if seconds is not None or said is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def exhausted(headers: Mapping[str, str]) -> float | None:
    """Seconds until requests or tokens are there again, where the headers x-ratelimit-* say that none is left."""
    waits = [
        _duration(headers.get(f"x-ratelimit-reset-{kind}", ""))
        for kind in ("requests", "tokens")
        if _seconds(headers.get(f"x-ratelimit-remaining-{kind}")) == 0
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _duration(text: str) -> float | None:
    """6m0s, 1.5s, 17ms, or plain seconds."""
    match = DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        return _seconds(text)
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


class _Pace:
    """So much a minute, evenly: each turn moves the next one by its share of a minute."""

    def __init__(self, per_minute: int | None) -> None:
        self._declared = 60 / per_minute if per_minute else 0.0
        self.gap = self._declared  # seconds per unit
        self.next = -math.inf

    def take(self, amount: float, now: float) -> None:
        self.next = max(self.next, now) + amount * self.gap

    def slower(self) -> None:
        self.gap = max(self._declared, min(LONGEST_GAP, max(FIRST_GAP, self.gap * 2)))

    def faster(self) -> None:
        gap = self.gap * FASTER
        self.gap = self._declared if gap < FIRST_GAP / 10 else max(self._declared, gap)


class Limits:
    """Shared by all requests of a client; of one event loop.

    Attributes:
        waited: Seconds of all pauses together, for the log.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        longest_wait: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Nothing is sent yet.

        Args:
            concurrency: Requests at the same time, at most.
            requests_per_minute: As declared; None where only "too many requests" teaches it.
            tokens_per_minute: As declared; None for any number.
            longest_wait: Seconds; a pause that is longer is an error of the requests that meet it.
            clock: Seconds that never go back.
            sleep: How to wait.
        """
        self._places = asyncio.Semaphore(concurrency)
        self._requests, self._tokens = _Pace(requests_per_minute), _Pace(tokens_per_minute)
        self._longest_wait, self._clock, self._sleep = longest_wait, clock, sleep
        self._paused_until = -math.inf
        self.waited = 0.0

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[None]:
        """Wait until a request of so many tokens may be sent, and hold one of the places while it is.

        Raises:
            TooLongError: The server asks for a pause that is too long; nothing may be sent.
        """
        async with self._places:
            while (wait := self._due() - self._clock()) > 0:
                await self._sleep(wait)
            now = self._clock()
            self._requests.take(1, now)
            self._tokens.take(tokens, now)
            yield

    def _due(self) -> float:
        """When the next request may be sent."""
        pause = self._paused_until - self._clock()
        if pause > self._longest_wait:
            raise TooLongError(pause)
        return max(self._paused_until, self._requests.next, self._tokens.next)

    def used(self, reserved: int, tokens: int) -> None:
        """Give back what a reply did not use of the tokens that its turn had."""
        self._tokens.next -= max(0, reserved - tokens) * self._tokens.gap

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long; a pause that is longer already stays."""
        now = self._clock()
        self.waited += max(0.0, now + seconds - max(now, self._paused_until))
        self._paused_until = max(self._paused_until, now + seconds)

    def too_many(self, seconds: float) -> None:
        """The server said "too many requests": a pause for all, and larger gaps after it, once for each pause."""
        if self._clock() >= self._paused_until:
            self._requests.slower()
        self.pause(seconds)

    def well(self) -> None:
        """A reply that was no "too many": gaps beyond the declared ones shrink again."""
        self._requests.faster()
