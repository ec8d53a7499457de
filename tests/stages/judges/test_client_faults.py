"""Whatever a server may send a judge's client: what passes, what stops all, what is final."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from itl_bench.errors import JudgeError
from itl_bench.stages.judges.client import JudgeClient
from itl_bench.stages.judges.judgement import Usage
from tests.helpers.asked_judge import GOOD, KEY, REQUEST, asked, judgement_of, the_judge
from tests.helpers.counted_money import CountedMoney
from tests.helpers.judge_server import (
    MODEL,
    JudgeServer,
    Reply,
    as_json,
    completion,
    in_turn,
    refused,
    scoring,
    verdict,
)
from tests.helpers.made_time import MadeTime

pytestmark = pytest.mark.usefixtures("key", "certificates", "no_key_in_logs")


def fails_then_works(*replies):
    return in_turn(*replies, GOOD)


CUT = replace(GOOD, body=GOOD.body[:60])
PASSING = {
    "429-seconds": refused(429, headers={"Retry-After": "7"}),
    "429-no-wait": refused(429),
    "408": refused(408),
    "500": refused(500),
    "502-page": Reply(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "503-no-body": Reply(503),
    "529": refused(529, "overloaded"),
    "time-out": replace(GOOD, delay=5),
    "slow-drip": replace(GOOD, drip=0.02),
    "drip-of-an-error": replace(refused(500, "x" * 200), drip=0.02),
    "closed-in-body": replace(GOOD, cut=60),
    "reset-in-body": replace(GOOD, cut=60, reset=True),
    "closed-in-an-error": replace(refused(500, "x" * 200), cut=20),
    "closed-at-once": replace(GOOD, cut=0),
    "cut-json": CUT,
    "page-as-200": Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}),
    "page-as-json": Reply(200, b"<html>Welcome</html>"),
    "empty-200": Reply(200),
    "json-text": as_json("hello"),
    "json-list": as_json([1]),
    "deep-json": Reply(200, b"[" * 100_000),
    "no-utf-8": Reply(200, b'{"model": "\xff\xfe'),
    "choices-null": as_json(completion("") | {"choices": None}),
    "choices-empty": as_json(completion("") | {"choices": []}),
    "choices-text": as_json(completion("") | {"choices": "no"}),
    "choices-of-nothing": as_json(completion("") | {"choices": [None]}),
    "message-null": as_json(completion("") | {"choices": [{"message": None}]}),
    "error-as-200": as_json({"error": {"message": "upstream", "code": 502}}),
}
SLOW = {"time-out", "slow-drip", "drip-of-an-error"}
FREE = {"429-seconds", "429-no-wait"}
TOLD = {name for name in PASSING if name.startswith(("choices", "message"))}  # replies with usage


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_is_asked_again(name):
    timeout = 0.6 if name in SLOW else 5.0
    (judgement,), server, money, made, _ = asked(fails_then_works(PASSING[name]), judge={"timeout": timeout})
    assert (judgement.outcome, judgement.attempts, len(server.requests)) == ("score", 2, 2)
    (cost, usage), good = money.settled[0], money.settled[1]
    assert good == (140, Usage(sent=100, received=20))
    if name in FREE:
        assert (cost, usage) == (0, Usage(sent=0, received=0))
    elif name in TOLD:
        assert (cost, usage) == good
    else:
        assert (cost, usage) == (money.reserved[0], None)
    assert judgement.dollars == cost + 140
    assert 0.5 <= made.now <= 7


@pytest.mark.parametrize("name", sorted(PASSING.keys() - SLOW))
def test_a_fault_that_stays_is_a_failure_in_one_line(name):
    (judgement,), server, money, made, _ = asked(lambda _: PASSING[name], attempts=3)
    assert (judgement.outcome, judgement.attempts, len(server.requests)) == ("failed", 3, 3)
    assert (judgement.scores, judgement.usage, judgement.dollars) == ({}, None, money.spent)
    assert 0 < len(judgement.detail) <= 200
    assert judgement.detail.isprintable()
    assert made.now <= 3 * 7


def test_a_server_that_is_too_slow_fails_in_time():
    judgement = judgement_of(lambda _: replace(GOOD, delay=5), attempts=2, judge={"timeout": 0.1})
    assert (judgement.outcome, judgement.attempts) == ("failed", 2)
    assert judgement.detail == "no whole reply within 0.1 seconds"


def test_a_server_that_is_not_there_fails():
    with JudgeServer(lambda _: GOOD) as server:
        url = server.url
    made, money = MadeTime(), CountedMoney()

    async def run():
        async with JudgeClient(the_judge(url), attempts=2, clock=made.clock, sleep=made.sleep) as client:
            return await client.ask(REQUEST, money)

    judgement = asyncio.run(run())
    assert (judgement.outcome, judgement.attempts) == ("failed", 2)
    assert "the connection failed" in judgement.detail


def test_attempts_wait_twice_as_long_each_time_with_jitter():
    *_, made, _ = asked(lambda _: refused(500), generator=Random(1), attempts=6)
    shares = [slept / 2**number for number, slept in enumerate(made.slept)]
    assert len(shares) == 5
    assert all(0.5 <= share <= 1 for share in shares)
    assert len(set(shares)) == 5
    *_, again, _ = asked(lambda _: refused(500), generator=Random(1), attempts=6)
    assert again.slept == made.slept


def test_six_attempts_are_the_most():
    assert judgement_of(lambda _: refused(500)).attempts == 6


def test_too_many_requests_until_a_date():
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    (judgement,), _, _, made, _ = asked(fails_then_works(refused(429, headers={"Retry-After": then})))
    assert judgement.outcome == "score"
    assert 25 <= made.now <= 31


def test_too_many_requests_until_a_reset():
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m6s"}
    (judgement,), _, _, made, _ = asked(fails_then_works(refused(429, headers=headers)))
    assert (judgement.outcome, made.now) == ("score", 66)


def test_a_reply_that_leaves_nothing_is_a_pause_for_the_next():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s"}
    script = in_turn(replace(GOOD, headers=GOOD.headers | headers), GOOD)
    judgements, _, _, made, _ = asked(script, REQUEST, REQUEST, judge={"concurrency": 1})
    assert ([one.outcome for one in judgements], made.now) == (["score", "score"], 20)


def test_a_wait_that_is_too_long_fails_clearly_and_nobody_else_is_sent():
    script = in_turn(refused(429, headers={"Retry-After": "300"}), GOOD)
    judgements, server, money, made, _ = asked(script, *[REQUEST] * 4, judge={"concurrency": 1})
    assert {one.outcome for one in judgements} == {"failed"}
    assert all("asks to wait 300 seconds; no more than 120" in one.detail for one in judgements)
    assert [one.attempts for one in judgements] == [1, 0, 0, 0]
    assert (len(server.requests), made.now, money.spent) == (1, 0, 0)


def test_a_wait_may_be_allowed():
    script = fails_then_works(refused(429, headers={"Retry-After": "300"}))
    (judgement,), _, _, made, _ = asked(script, longest_wait=600)
    assert (judgement.outcome, made.now) == ("score", 300)


def test_tokens_a_minute_are_those_that_were_used():
    _, _, _, made, _ = asked(lambda _: GOOD, *[REQUEST] * 3, judge={"concurrency": 1, "tokens_per_minute": 6000})
    assert made.now == pytest.approx(2 * 1.2)  # two replies of 120 tokens, a hundred a second


def test_a_pause_is_for_all():
    script = fails_then_works(refused(429, headers={"Retry-After": "9"}))
    times = []
    made = MadeTime()

    def noted(request):
        times.append(made.now)
        return script(request)

    async def run(url):
        judge = the_judge(url, concurrency=1)
        async with JudgeClient(judge, clock=made.clock, sleep=made.sleep) as client:
            return await asyncio.gather(*(client.ask(REQUEST, CountedMoney()) for _ in range(5)))

    with JudgeServer(noted) as server:
        judgements = asyncio.run(run(server.url))
    assert {one.outcome for one in judgements} == {"score"}
    assert times[0] == 0
    assert min(times[1:]) == 9


STOPPING = {
    "no-credit": (refused(429, "You exceeded your quota", "insufficient_quota"), "no more credit"),
    "hard-limit": (refused(400, "limit", "billing_hard_limit_reached"), "no more credit"),
    "402": (refused(402, "pay"), "no more credit"),
    "401": (refused(401, f"Incorrect API key provided: {KEY}"), "refuses the key in JUDGE_KEY"),
    "403": (refused(403, f"no access with {KEY[:20]}"), "refuses the key in JUDGE_KEY"),
    "404": (refused(404, f"no such model for {KEY}", "model_not_found"), f"has no model '{MODEL}'"),
    "404-page": (Reply(404, b"<html>not here</html>"), "127.0.0.1"),
    "302": (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), "elsewhere"),
}


@pytest.mark.parametrize("name", STOPPING)
def test_where_no_request_can_succeed_all_stop(name):
    reply, said = STOPPING[name]
    results, server, money, made, _ = asked(lambda _: reply, *[REQUEST] * 5, judge={"concurrency": 1})
    assert all(type(one) is JudgeError and said in str(one) for one in results)
    assert all(len(str(one)) <= 200 and str(one).isprintable() for one in results)
    assert (len(server.requests), money.spent, made.now) == (1, 0, 0)


FINAL = {
    "other-model": (as_json(completion(verdict({"helpfulness": 4, "depth": 4}), model="other")), "failed", "'other'"),
    "longer-name": (as_json(completion("", model=MODEL + "-mini")), "failed", f"from '{MODEL}-mini'"),
    "shorter-name": (as_json(completion("", model=MODEL[:-3])), "failed", "the reply is from"),
    "model-number": (as_json(completion("", model=4)), "failed", "the reply is from 4"),
    "content-null": (as_json(completion(None)), "unparseable", "no text"),
    "content-empty": (as_json(completion(" \n")), "unparseable", "no text"),
    "content-list": (as_json(completion([{"type": "text"}])), "unparseable", "no text"),
    "in-reasoning": (
        as_json(completion(None, message={"reasoning_content": verdict({"helpfulness": 5, "depth": 5})})),
        "unparseable",
        "reasoning are no answer",
    ),
    "filtered": (as_json(completion("", finish="content_filter")), "refusal", "filters"),
    "filtered-request": (refused(400, "policy", "content_filter"), "refusal", "filters"),
    "refusal-field": (as_json(completion(None, message={"refusal": "I can't."})), "refusal", "declines: I can't."),
    "refusal-text": (as_json(completion("I'm sorry, but I can't help.")), "refusal", "declines"),
    "prose": (as_json(completion("It is good.")), "unparseable", "no JSON object"),
    "repr": (as_json(completion("Response(prompt='a', text='b')")), "unparseable", "Response("),
    "out-of-scale": (as_json(completion(verdict({"helpfulness": 9, "depth": 1}))), "unparseable", "1 to 5"),
    "400": (refused(400, "maximum context length is 8192 tokens"), "failed", "maximum context length"),
    "413": (refused(413, "too large"), "failed", "too large"),
    "422": (refused(422, "bad seed"), "failed", "bad seed"),
    "many-lines": (refused(400, f"a\n\x1b[31mb\x00{KEY}\u2028" + "x" * 5000), "failed", "HTTP 400: a [31mb ***"),
    "piece-of-the-key": (refused(400, f"{KEY[:15]}..."), "failed", "***"),
    "endless": (Reply(200, b'{"id": ', endless=b" " * 2**16), "failed", "more than 4,194,304 bytes"),
    "compressed": (replace(GOOD, headers=GOOD.headers | {"Content-Encoding": "gzip"}), "failed", "compressed"),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_does_not_pass_is_asked_once(name):
    reply, outcome, said = FINAL[name]
    (judgement,), server, money, *_ = asked(lambda _: reply)
    assert (judgement.outcome, judgement.scores, len(server.requests)) == (outcome, {}, 1)
    assert said in judgement.detail
    assert len(judgement.detail) <= 200
    assert judgement.detail.isprintable()
    assert judgement.dollars == money.spent
    assert (money.spent == 0) == (reply.status >= 400)
    if reply.usage != (0, 0) and outcome != "failed" and reply.status == 200:
        assert judgement.usage == Usage(sent=100, received=20)


def test_white_space_without_end_is_ended_by_the_timeout():
    reply = Reply(200, b"{", endless=b" ", drip=0.02)
    judgement = judgement_of(lambda _: reply, attempts=1, judge={"timeout": 0.2})
    assert (judgement.outcome, judgement.detail) == ("failed", "no whole reply within 0.2 seconds")


def test_a_reply_at_the_most_tokens_is_asked_once_more():
    cut = as_json(completion(verdict({"helpfulness": 4, "depth": 4}), finish="length"))
    (judgement,), server, money, *_ = asked(lambda _: cut)
    assert (judgement.outcome, judgement.attempts, len(server.requests)) == ("unparseable", 2, 2)
    assert "reached 50 tokens" in judgement.detail
    assert judgement.dollars == money.spent == 280
    assert judgement_of(in_turn(cut, GOOD)).outcome == "score"


@pytest.mark.parametrize("model", [None, ""])
def test_a_reply_that_names_no_model_is_the_judges(model):
    body = completion(verdict({"helpfulness": 4, "depth": 4})) | {"model": model}
    assert judgement_of(lambda _: as_json(body)).outcome == "score"


def test_of_two_choices_the_first_counts():
    body = completion(verdict({"helpfulness": 1, "depth": 1}))
    other = completion(verdict({"helpfulness": 5, "depth": 5}))
    body["choices"] += other["choices"]
    assert judgement_of(lambda _: as_json(body)).scores == {"helpfulness": 1, "depth": 1}


@pytest.mark.parametrize(
    "usage",
    [
        *[None, "many", [], {}, 7, {"prompt_tokens": "100", "completion_tokens": "20"}],
        *[{"prompt_tokens": -1, "completion_tokens": 20}, {"prompt_tokens": 100, "completion_tokens": -20}],
        *[{"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": 100}],
        *[{"prompt_tokens": True, "completion_tokens": True}, {"prompt_tokens": 1.5, "completion_tokens": 2}],
        {"prompt_tokens": 0, "completion_tokens": 0},
    ],
)
def test_usage_that_is_none_costs_the_most_that_it_can(usage):
    body = completion(verdict({"helpfulness": 4, "depth": 4}), usage=usage)
    (judgement,), _, money, *_ = asked(lambda _: as_json(body))
    assert (judgement.outcome, judgement.usage) == ("score", None)
    assert money.settled == {0: (money.reserved[0], None)}
    assert judgement.dollars == money.reserved[0] > 140


def test_a_tenth_of_faults_of_all_kinds_loses_nothing():
    faults = [reply for name, reply in PASSING.items() if name not in SLOW]
    good = scoring({"helpfulness": 4, "depth": 2})

    def script(asked):
        return faults[asked.number // 10 * 2 % len(faults)] if asked.number % 10 == 3 else good(asked)

    requests = [REQUEST._replace(key=str(number), text=f"Rate {number}") for number in range(120)]
    judgements, server, money, *_ = asked(script, *requests)
    assert all(one.scores == {"helpfulness": 4, "depth": 2} for one in judgements)
    assert sum(one.attempts for one in judgements) == len(server.requests)
    assert sum(one.dollars for one in judgements) == pytest.approx(money.spent)
    assert money.spent >= server.usage[0] + 2 * server.usage[1]
