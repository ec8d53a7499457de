"""Many answers judged: each once, whoever asks; what is judged stays, whatever happens after it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import islice
from typing import NamedTuple, Protocol

from itl_bench.errors import ItlError, JudgeError
from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.client import JudgeClient
from itl_bench.stages.judges.judgement import Judgement, Money, Request
from itl_bench.stages.judges.ledger import AT_ONCE, LEASE_SECONDS, Ledger

POLL_SECONDS = 0.5  # between two looks at what others ask


class Progress(NamedTuple):
    """How far it is.

    Attributes:
        judged: Answers with a judgement, those that the ledger had too.
        failed: Those that this call asked in vain; the next one asks them again.
        total: All answers, equal ones once.
        dollars: Paid by this call.
    """

    judged: int
    failed: int
    total: int
    dollars: float


class Asker(Protocol):
    """Asks a judge, as `JudgeClient` does."""

    async def ask(self, request: Request, money: Money) -> Judgement:
        """What became of a request."""
        ...


Connect = Callable[[Judge], AbstractAsyncContextManager[Asker]]


def judge_all(
    judge: Judge,
    requests: Sequence[Request],
    ledger: Ledger,
    run: str,
    most: float,
    progress: Callable[[Progress], None] = lambda one: None,
    connect: Connect = JudgeClient,
) -> Mapping[str, Judgement]:
    """Judge answers: what the ledger has is not asked again, what another process asks is waited for.

    A judgement is in the ledger as soon as it is there: a call that was killed and is made again pays again at most
    what was under way. It starts an event loop, so the thread may have none.

    Args:
        judge: Who is asked, `judge.concurrency` requests at once.
        requests: What to ask; of equal keys one.
        ledger: What is known, and what becomes so.
        run: Id of the run, whose processes share the budget.
        most: US dollars that the run may spend.
        progress: Told after each judgement.
        connect: Makes the client.

    Returns:
        Key -> judgement, in the order of the requests; failed ones too, which the next call asks again.

    Raises:
        BudgetError: The budget is used up. What was under way is kept; so it is with all other errors.
        JudgeError: The judge cannot be asked any further, or some answers are in a batch that is open.
        ItlError: The ledger is damaged or cannot be written.
    """
    judging = _Judging(judge, distinct(requests), ledger, ledger.account(run, most, judge.id), progress)
    asyncio.run(judging.run(connect))
    judging.check()
    return ledger.get(judging.asked)


def distinct(requests: Iterable[Request]) -> dict[str, Request]:
    """Requests by their keys.

    Raises:
        ValueError: Two that differ have one key.
    """
    found: dict[str, Request] = {}
    for request in requests:
        if found.setdefault(request.key, request) != request:
            raise ValueError(f"two requests that differ have the key {request.key}")
    return found


class _Judging:
    """One call: a fixed number of workers, which take what is next from a queue as short as they are many."""

    def __init__(
        self,
        judge: Judge,
        asked: Mapping[str, Request],
        ledger: Ledger,
        money: Money,
        progress: Callable[[Progress], None],
    ) -> None:
        self.asked = asked
        self._judge, self._ledger, self._money, self._progress = judge, ledger, money, progress
        self._since = time.time()
        self._keys = iter(asked)  # that nobody has looked at
        self._claimed: set[str] = set()  # by this call, and not judged
        self._ready: deque[str] = deque()  # those of them that no worker has
        self._others: list[str] = []  # that another process asks
        self._batched: list[str] = []
        self._judged = Progress(0, 0, len(asked), 0.0)
        self._error: Exception | None = None

    async def run(self, connect: Connect) -> None:
        """Until all is judged, or an error."""
        self._turn = asyncio.Lock()
        workers = min(self._judge.concurrency, len(self.asked))
        async with connect(self._judge) as client:
            beating = asyncio.create_task(self._beat())
            try:
                await asyncio.gather(*(self._work(client) for _ in range(workers)))
            finally:
                beating.cancel()
                with suppress(ItlError):  # the ledger's own error came before, or the claims end with the process
                    self._ledger.release(self._claimed)

    def check(self) -> None:
        """Raise what ended it early."""
        left = len(self.asked) - self._judged.judged
        how = f"{self._judged.judged} of {len(self.asked)} are judged and kept, {left} are left"
        if isinstance(self._error, ItlError):
            raise type(self._error)(f"{self._error}; {how}: run the same command again to go on") from self._error
        if self._error is not None:
            raise self._error
        if self._batched:
            raise JudgeError(
                f"{len(self._batched)} answers are in a batch that is open; {how}: collect the batch first"
            )

    async def _work(self, client: Asker) -> None:
        """Ask one after the other; after an error nobody takes another one."""
        try:
            while (key := await self._next()) is not None:
                judgement = await client.ask(self.asked[key], self._money)
                self._ledger.put(key, self._judge, judgement)
                self._claimed.discard(key)
                self._count(1, judgement.outcome == "failed", judgement.dollars)
        except Exception as error:
            self._error = self._error or error

    async def _next(self) -> str | None:
        """A key that this call may ask; None where there is none any more."""
        async with self._turn:
            while not self._ready and self._error is None:
                keys = list(islice(self._keys, min(self._judge.concurrency, AT_ONCE)))
                if not keys and not self._others:
                    return None
                if not keys:
                    await asyncio.sleep(POLL_SECONDS)
                    keys, self._others = self._others, []
                self._take(keys)
            return None if self._error else self._ready.popleft()

    def _take(self, keys: list[str]) -> None:
        """Claim keys as far as they are free."""
        found = self._ledger.claim(keys, self._since)
        self._claimed.update(found.mine)
        self._ready.extend(found.mine)
        self._others += found.others
        self._batched += found.batched
        if found.judged:
            self._count(len(found.judged), 0, 0.0)

    def _count(self, judged: int, failed: int, dollars: float) -> None:
        before = self._judged
        self._judged = Progress(before.judged + judged, before.failed + failed, before.total, before.dollars + dollars)
        self._progress(self._judged)

    async def _beat(self) -> None:
        """Keep the claims."""
        while self._error is None:
            await asyncio.sleep(LEASE_SECONDS / 6)
            try:
                self._ledger.renew()
            except ItlError as error:
                self._error = self._error or error
