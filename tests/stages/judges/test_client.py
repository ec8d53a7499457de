"""A judge over HTTP: what is sent, what it costs, and a key that shows nowhere."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from itl_bench.errors import BudgetError, JudgeError
from itl_bench.stages.judges.client import JudgeClient
from itl_bench.stages.judges.judgement import Request, Usage
from tests.helpers.asked_judge import ASPECTS, GOOD, KEY, REQUEST, asked, judgement_of, the_judge
from tests.helpers.counted_money import CountedMoney
from tests.helpers.judge_server import (
    MODEL,
    JudgeServer,
    as_json,
    completion,
    refused,
    verdict,
)

pytestmark = pytest.mark.usefixtures("key", "certificates", "no_key_in_logs")


def test_a_judgement_with_its_usage_and_its_price():
    (judgement,), server, money, _, client = asked(lambda _: GOOD)
    assert (judgement.outcome, judgement.scores) == ("score", {"helpfulness": 4, "depth": None})
    assert judgement.reasons == {"helpfulness": "Because.", "depth": "Because."}
    assert (judgement.usage, judgement.dollars, judgement.attempts) == (Usage(sent=100, received=20), 140, 1)
    assert money.settled == {0: (140, Usage(sent=100, received=20))}
    assert (client.in_plain, judgement.detail) == (0, "")
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["messages"] == [{"role": "user", "content": "Rate: äöü"}]
    assert {name: request.body[name] for name in ("model", "temperature", "max_tokens")} == {
        "model": MODEL,
        "temperature": 0,
        "max_tokens": 50,
    }
    assert "seed" not in request.body
    assert money.reserved[0] >= len(REQUEST.text.encode()) + 100  # and the reply's tokens at two dollars each


def test_the_schema_has_the_columns_and_the_scale():
    _, server, *_ = asked(lambda _: GOOD, judge={"seed": 3})
    asked_for = server.requests[0].body["response_format"]["json_schema"]
    assert (asked_for["strict"], asked_for["schema"]["required"]) == (True, ["helpfulness", "depth"])
    column = asked_for["schema"]["properties"]["depth"]
    assert column["required"] == ["reason", "score"]
    assert column["properties"]["score"]["anyOf"][0]["enum"] == [1, 2, 3, 4, 5]
    assert not column["additionalProperties"]
    assert server.requests[0].body["seed"] == 3


def test_what_is_reserved_bounds_what_is_sent():
    _, server, money, *_ = asked(lambda _: GOOD)
    assert money.reserved[0] - 2 * 50 >= len(server.requests[0].raw)


def test_a_server_of_ones_own_costs_nothing():
    (judgement,), _, money, *_ = asked(lambda _: GOOD, judge={"prices": None})
    assert (judgement.dollars, money.reserved, judgement.usage) == (0, [0], Usage(sent=100, received=20))


def takes_no(field, status, message):
    return lambda asked: refused(status, message) if field in asked.body else GOOD


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "'response_format' of type 'json_schema' is not supported with this model"),
        (400, "Unknown parameter: strict"),
        (422, "Extra inputs are not permitted: body, response_format"),
    ],
)
def test_a_server_without_schemas_is_asked_in_plain_from_then_on(status, message):
    script = takes_no("response_format", status, message)
    judgements, server, _, made, client = asked(script, *[REQUEST] * 4, judge={"concurrency": 1})
    assert [one.outcome for one in judgements] == ["score"] * 4
    assert (len(server.requests), client.in_plain, made.now) == (5, 4, 0)


def test_a_server_that_still_refuses_in_plain_is_a_failure():
    judgement = judgement_of(lambda _: refused(400, "response_format"))
    assert (judgement.outcome, judgement.attempts) == ("failed", 2)


def test_a_judge_that_wants_no_schema_is_asked_in_plain_and_not_counted():
    _, server, *_, client = asked(lambda _: GOOD, judge={"structured": False})
    assert "response_format" not in server.requests[0].body
    assert client.in_plain == 0


def test_a_server_with_the_newer_name_of_the_most_tokens():
    script = takes_no("max_tokens", 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    (judgement,), server, *_ = asked(script)
    assert (judgement.outcome, judgement.attempts) == ("score", 2)
    assert server.requests[1].body["max_completion_tokens"] == 50


def test_what_the_budget_does_not_hold_is_not_sent():
    (result,), server, *_ = asked(lambda _: GOOD, money=CountedMoney(10))
    assert type(result) is BudgetError
    assert not server.requests


def test_a_budget_that_ends_between_attempts_ends_the_request():
    (_,), _, money, *_ = asked(lambda _: GOOD)
    (result,), server, *_ = asked(lambda _: refused(500), money=CountedMoney(money.reserved[0] * 2.5))
    assert type(result) is BudgetError
    assert len(server.requests) == 2


def test_a_request_that_is_cancelled_is_settled_as_if_paid():
    money = CountedMoney()

    async def run(url):
        async with JudgeClient(the_judge(url, timeout=5)) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.ask(REQUEST, money), 0.2)

    with JudgeServer(lambda _: replace(GOOD, delay=5)) as server:
        asyncio.run(run(server.url))
    assert money.settled == {0: (money.reserved[0], None)}


def test_half_a_surrogate_in_an_answer_can_be_sent():
    (judgement,), server, *_ = asked(lambda _: GOOD, REQUEST._replace(text="a \ud800 b"))
    assert judgement.outcome == "score"
    assert server.requests[0].text == "a ? b"


def test_without_a_key_nothing_begins(monkeypatch):
    for value in (None, "", " \n"):
        monkeypatch.setenv("JUDGE_KEY", value) if value is not None else monkeypatch.delenv("JUDGE_KEY")
        with pytest.raises(JudgeError, match=r"set the environment variable JUDGE_KEY$"):
            JudgeClient(the_judge("https://me:secret@judge.example/v1"))


def test_a_server_on_this_machine_needs_no_key(monkeypatch):
    monkeypatch.delenv("JUDGE_KEY")
    (judgement,), server, *_ = asked(lambda _: GOOD)
    assert judgement.outcome == "score"
    assert server.requests[0].headers["authorization"] == "Bearer none"


@pytest.mark.parametrize(
    "url", ["judge.example/v1", "ftp://judge.example", "http://", "http://[1", "http://a:b@c:d/v1"]
)
def test_an_address_that_is_none_is_said_and_not_shown(url):
    with pytest.raises(JudgeError, match="base_url is no address") as raised:
        JudgeClient(the_judge(url))
    assert url not in str(raised.value)


@pytest.mark.parametrize("value", ["sk-käy-0123456789", "sk-a\nX-Other: b"])
def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch, value):
    monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(JudgeError, match="JUDGE_KEY") as raised:
        JudgeClient(the_judge("https://judge.example/v1"))
    assert value not in str(raised.value)


def test_the_key_that_a_judge_repeats_is_in_no_reason():
    (judgement,), *_ = asked(lambda _: as_json(completion(verdict({"helpfulness": 4, "depth": 4}, KEY))))
    assert set(judgement.reasons.values()) == {"***"}


def test_only_so_many_are_on_their_way():
    _, server, *_ = asked(lambda _: replace(GOOD, delay=0.01), *[REQUEST] * 12, judge={"concurrency": 3})
    assert len(server.requests) == len(server.whole) == 12
    assert server.usage == (1200, 240)


REPLAY = [json.loads(line) for line in Path(__file__).with_name("replay.jsonl").read_text("utf-8").splitlines()]


def test_real_outputs_come_through():
    texts = {str(record["id"]): record["result"] for record in REPLAY}
    requests = [Request(name, name, ASPECTS) for name in texts]
    judgements, *_ = asked(lambda asked: as_json(completion(texts[asked.text])), *requests)
    for judgement, record in zip(judgements, REPLAY, strict=True):
        assert judgement.scores == {name: float(record["parsed_result"][name]["score"]) for name in ASPECTS}
        assert judgement.reasons == {name: record["parsed_result"][name]["reason"] for name in ASPECTS}
