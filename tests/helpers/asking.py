"""A judge without a server, which notes what it is asked; and requests to ask it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import date

from itl_bench.measures.judge import Judge, Prices
from itl_bench.stages.judges.judgement import Judgement, Request, Usage

PRICES = Prices(input=1.0, output=4.0, dated=date(2026, 1, 1))
JUDGE = Judge(id="judge", model="judge-1", prices=PRICES, concurrency=4, max_tokens=100, structured=False)
USAGE = Usage(sent=100, received=25)
PAID = 0.0002  # what that costs
BOUND = 0.0005  # which is reserved for it


def requests_for(*keys):
    return [Request(str(key), f"text of {key}", ("depth",)) for key in keys]


class StandIn:
    """Asks nobody.

    Attributes:
        asked: Keys, in order.
        most: How many were under way at once.
        before: Called with each key, before it is answered; may raise, or give an outcome other than "score".
    """

    def __init__(self, before=lambda key: None, seconds=0.0):
        self.asked, self.before, self.most, self._now, self._seconds = [], before, 0, 0, seconds

    @asynccontextmanager
    async def connect(self, judge):
        yield self

    async def ask(self, request, money):
        number = money.reserve(BOUND, request.key)
        self.asked.append(request.key)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(self._seconds)
            outcome = self.before(request.key) or "score"
        finally:
            self._now -= 1
        money.settle(number, PAID, USAGE)
        return Judgement(outcome=outcome, detail=request.text, usage=USAGE, dollars=PAID)
