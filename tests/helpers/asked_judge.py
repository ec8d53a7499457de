"""A judge asked over HTTP: a server with a script, made time, counted money, and a key that must show nowhere."""

import asyncio
import functools
from datetime import date

import httpcore2

from itl_bench.measures.judge import Judge, Prices
from itl_bench.stages.judges.client import JudgeClient
from itl_bench.stages.judges.judgement import Request
from tests.helpers.counted_money import CountedMoney
from tests.helpers.judge_server import (
    MODEL,
    JudgeServer,
    as_json,
    completion,
    verdict,
)
from tests.helpers.made_time import MadeTime

KEY = "sk-canary-0123456789abcdefghijklmnop"
REQUEST = Request("key", "Rate: äöü", ("helpfulness", "depth"))
GOOD = as_json(completion(verdict({"helpfulness": 4, "depth": "N/A"})))
PRICES = Prices(input=1_000_000, output=2_000_000, dated=date(2026, 1, 1))  # a token of the request is a dollar
CERTIFICATES = functools.cache(httpcore2.default_ssl_context)
ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")


def the_judge(url, **fields):
    given = {"id": "judge", "model": MODEL, "key": "JUDGE_KEY", "timeout": 5.0, "prices": PRICES, "max_tokens": 50}
    return Judge(base_url=url, **given | fields)


def asked(script, *requests, money=None, judge=None, **how):
    """Judgements (or errors) of requests to a server with a script, the server, the money and the time that passed."""
    made, money = MadeTime(), money or CountedMoney()

    async def run(url):
        client = JudgeClient(the_judge(url, **(judge or {})), clock=made.clock, sleep=made.sleep, **how)
        assert KEY not in repr(vars(client))
        async with client:
            asking = (client.ask(request, money) for request in requests or [REQUEST])
            return client, await asyncio.gather(*asking, return_exceptions=True)

    with JudgeServer(script) as server:
        client, results = asyncio.run(asyncio.wait_for(run(server.url), 60))
    for result in results:
        assert KEY not in repr(result) + str(result)
    assert len(money.settled) == len(money.reserved) == len(server.requests)
    return results, server, money, made, client


def judgement_of(script, **how):
    (result,), *_ = asked(script, **how)
    if isinstance(result, Exception):
        raise result
    return result
