"""Each answer is judged once, whoever asks; what is judged stays, whatever happens after it."""

import logging
import multiprocessing
import os
import random
import resource
import signal
import threading
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.errors import BudgetError, ItlError, JudgeError
from itl_bench.stages.judges import judging
from itl_bench.stages.judges.client import JudgeClient
from itl_bench.stages.judges.costs import bound, estimate
from itl_bench.stages.judges.judgement import Judgement, Request, Usage
from itl_bench.stages.judges.judging import judge_all
from itl_bench.stages.judges.ledger import Ledger
from tests.helpers.asking import JUDGE, PAID, StandIn, requests_for
from tests.helpers.judge_server import JudgeServer, as_json, completion, refused, verdict

CANARY = "sk-canary-0123456789-abcdefghij"


def test_all_are_judged_in_the_order_of_the_requests_and_equal_ones_once(ledger):
    judge, seen = StandIn(), []
    found = judge_all(JUDGE, requests_for(3, 1, 2, 1, 3), ledger, "run", 1.0, seen.append, judge.connect)
    assert list(found) == ["3", "1", "2"]
    assert sorted(judge.asked) == ["1", "2", "3"]
    assert {key: one.detail for key, one in found.items()} == {key: f"text of {key}" for key in "312"}
    assert [one.judged for one in seen] == [1, 2, 3]
    assert seen[-1] == (3, 0, 3, pytest.approx(3 * PAID))
    assert ledger.spent("run").total == pytest.approx(3 * PAID)


def test_nothing_to_ask(ledger):
    assert judge_all(JUDGE, [], ledger, "run", 0.0, connect=StandIn().connect) == {}


def test_requests_that_differ_may_not_share_a_key(ledger):
    with pytest.raises(ValueError, match="the key a"):
        judge_all(JUDGE, [Request("a", "one", ()), Request("a", "two", ())], ledger, "run", 1.0)


@settings(max_examples=20)
@given(
    st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=5),
    st.dictionaries(st.integers(0, 9), st.sampled_from(["na", "refusal", "unparseable", "failed"])),
)
def test_what_is_final_is_paid_once_and_what_failed_is_asked_again(calls, outcomes):
    outcomes, known, asked = {str(key): one for key, one in outcomes.items()}, set(), []
    judge = StandIn(outcomes.get)
    with TemporaryDirectory() as folder, Ledger(Path(folder) / "judgements.sqlite3") as ledger:
        for keys in calls:
            found = judge_all(JUDGE, requests_for(*keys), ledger, "run", 1.0, connect=judge.connect)
            wanted = list(dict.fromkeys(map(str, keys)))
            asked += [key for key in wanted if key not in known]
            known |= {key for key in wanted if outcomes.get(key) != "failed"}
            assert {key: one.outcome for key, one in found.items()} == {
                key: outcomes.get(key, "score") for key in wanted
            }
        assert sorted(judge.asked) == sorted(asked)
        assert ledger.spent("run").total == pytest.approx(len(asked) * PAID)


def test_as_many_at_once_as_the_judge_says_and_no_task_for_each(ledger):
    judge = StandIn(seconds=0.001)
    judge_all(JUDGE, requests_for(*range(50)), ledger, "run", 1.0, connect=judge.connect)
    assert judge.most == 4


@pytest.mark.parametrize(
    ("error", "kind"), [(JudgeError("no credit"), JudgeError), (RuntimeError("odd"), RuntimeError)]
)
def test_an_error_starts_nothing_new_and_what_is_under_way_is_kept(ledger, error, kind):
    def before(key):
        if key == "5":
            raise error

    judge = StandIn(before, seconds=0.01)
    with pytest.raises(kind) as raised:
        judge_all(JUDGE, requests_for(*range(50)), ledger, "run", 1.0, connect=judge.connect)
    kept = ledger.get(map(str, range(50)))
    assert set(kept) == set(judge.asked) - {"5"}
    assert 5 <= len(judge.asked) <= 12
    if kind is JudgeError:
        assert f"no credit; {len(kept)} of 50 are judged and kept, {50 - len(kept)} are left" in str(raised.value)
    again = StandIn()
    assert len(judge_all(JUDGE, requests_for(*range(50)), ledger, "run", 1.0, connect=again.connect)) == 50
    assert len(again.asked) == 50 - len(kept)


def test_a_budget_that_is_used_up_stops_and_is_never_exceeded(ledger):
    judge = StandIn(seconds=0.001)
    most = 10 * PAID
    with pytest.raises(BudgetError, match=r"are left: run the same command again"):
        judge_all(JUDGE, requests_for(*range(50)), ledger, "run", most, connect=judge.connect)
    spent = ledger.spent("run")
    assert 0 < spent.total <= most
    assert len(ledger.get(map(str, range(50)))) == len(judge.asked) == round(spent.known / PAID)


def test_a_ledger_that_fails_is_told_and_ends_it(ledger, monkeypatch):
    def put(*anything):
        raise ItlError("the disk is full")

    monkeypatch.setattr(ledger, "put", put)
    judge = StandIn()
    with pytest.raises(ItlError, match="the disk is full; 0 of 50 are judged"):
        judge_all(JUDGE, requests_for(*range(50)), ledger, "run", 1.0, connect=judge.connect)
    assert len(judge.asked) <= 8


def test_interrupted_it_gives_up_its_claims(path, ledger):
    def before(key):
        if key == "5":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_all(JUDGE, requests_for(*range(50)), ledger, "run", 1.0, connect=StandIn(before).connect)
    with Ledger(path) as other:
        assert not other.claim(list(map(str, range(50))), 0.0).others


def test_what_another_process_asks_is_waited_for_and_not_paid_twice(path, ledger, monkeypatch):
    monkeypatch.setattr(judging, "POLL_SECONDS", 0.01)
    with Ledger(path) as other:
        assert other.claim(["1", "2", "3", "4"], 0.0).mine == ["1", "2", "3", "4"]
        judge, found = StandIn(), {}
        asking = partial(judge_all, JUDGE, requests_for(*range(10)), ledger, "run", 1.0, connect=judge.connect)
        thread = threading.Thread(target=lambda: found.update(asking()))
        thread.start()
        deadline = time.monotonic() + 30
        while len(judge.asked) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        other.put("1", JUDGE, Judgement(outcome="na"))
        other.put("2", JUDGE, Judgement(outcome="failed"))  # just now: no reason to ask at once again
        other.release(["3"])
        time.sleep(0.1)
        assert "4" not in judge.asked
        other.put("4", JUDGE, Judgement(outcome="score"))
        thread.join(30)
    assert sorted(judge.asked) == ["0", "3", "5", "6", "7", "8", "9"]
    assert [found[key].outcome for key in "124"] == ["na", "failed", "score"]


def test_claims_are_renewed_while_it_lasts(path, ledger, monkeypatch):
    monkeypatch.setattr(judging, "LEASE_SECONDS", 0.06)
    judge, renewed, renew = StandIn(seconds=0.1), [], ledger.renew
    monkeypatch.setattr(ledger, "renew", lambda: renewed.append(renew()))
    judge_all(JUDGE, requests_for(*range(8)), ledger, "run", 1.0, connect=judge.connect)
    assert len(renewed) >= 2


# What it costs


def test_the_estimate_by_hand(ledger):
    asked = [Request("a", "x" * 400, ()), Request("b", "x" * 800, ()), Request("b", "x" * 800, ())]
    assert estimate(JUDGE, asked, ledger) == pytest.approx((300 * 1.0 + 2 * 100 / 3 * 4.0) / 1e6, rel=0.01)
    ledger.put("old", JUDGE, Judgement(outcome="score", usage=Usage(sent=1, received=10)))
    assert estimate(JUDGE, asked, ledger) == pytest.approx((300 * 1.0 + 20 * 4.0) / 1e6)
    assert estimate(JUDGE, asked, ledger, batch=True) == pytest.approx((300 * 1.0 + 20 * 4.0) / 2e6)
    ledger.put("a", JUDGE, Judgement(outcome="na", usage=Usage(sent=1, received=10)))
    ledger.put("b", JUDGE, Judgement(outcome="failed"))
    assert estimate(JUDGE, asked, ledger) == pytest.approx((200 * 1.0 + 10 * 4.0) / 1e6)
    assert estimate(JUDGE.model_copy(update={"prices": None}), asked, ledger) == 0


@pytest.mark.parametrize("structured", [False, True])
def test_the_bound_is_what_the_client_reserves(ledger, structured):
    asked = [Request(key, text, ("depth",)) for key, text in (("a", "plain"), ("b", 'ü€😀\n"quoted"' * 20))]
    with JudgeServer(lambda one: as_json(completion(verdict({"depth": 4}), usage=None))) as server:
        judge = JUDGE.model_copy(update={"base_url": server.url, "model": "judge-2026-01-01", "structured": structured})
        most = bound(judge, asked, ledger)
        judge_all(judge, asked, ledger, "run", 1.0)
    assert ledger.spent("run").bounds == pytest.approx(most)  # no usage: the bound stays
    assert bound(judge, asked, ledger) == 0


# With the client, over HTTP


@pytest.mark.parametrize("status", [200, 401, 402, 500])
def test_the_key_is_in_no_file_no_log_and_no_error(path, monkeypatch, caplog, status):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CANARY_KEY", CANARY)
    good = as_json(completion(verdict({"depth": 4}, reason=f"You sent {CANARY}.")))
    reply = good if status == 200 else refused(status, f"Incorrect key {CANARY}")
    told = ""
    with JudgeServer(lambda asked: reply) as server, Ledger(path) as ledger:
        judge = JUDGE.model_copy(update={"base_url": server.url, "model": "judge-2026-01-01", "key": "CANARY_KEY"})
        try:
            judge_all(judge, requests_for(1, 2), ledger, "run", 1.0, connect=partial(JudgeClient, attempts=1))
        except JudgeError as error:
            told = f"{error!r} {error.__cause__!r}"
        assert any(CANARY in asked.headers["authorization"] for asked in server.requests)
        for file in path.parent.iterdir():
            assert CANARY.encode() not in file.read_bytes()
    assert bool(told) == (status in (401, 402))
    assert CANARY not in told + caplog.text


def judge_and_note(path, url, count, most):
    """A process of its own, which is killed."""
    judge = JUDGE.model_copy(update={"base_url": url, "model": "judge-2026-01-01", "concurrency": 8})
    with Ledger(path) as ledger:
        judge_all(judge, requests_for(*range(count)), ledger, "run", most)


def test_killed_and_resumed_it_pays_again_at_most_what_was_under_way(path):
    count = 60
    with JudgeServer(lambda asked: as_json(completion(verdict({"depth": 4})), delay=0.03)) as server:
        process = multiprocessing.get_context("spawn").Process(
            target=judge_and_note, args=(path, server.url, count, 1.0)
        )
        process.start()
        deadline = time.monotonic() + 60
        while len(server.requests) < count // 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        before = len(server.requests)
        assert before < count
        judge_and_note(path, server.url, count, 1.0)
        assert count <= len(server.requests) <= count + 8
    with Ledger(path) as ledger:
        assert len(ledger.get(map(str, range(count)))) == count
        spent = ledger.spent("run")
        assert spent.known == pytest.approx((count * (100 * 1.0 + 20 * 4.0)) / 1e6, rel=0.2)
        assert spent.open <= 8 * 0.001


KINDS = ("refused", "limited", "broken", "empty", "cut", "reset", "no usage", "prose", "another", "filtered")
PATIENCE = 60.0  # seconds: long enough that on a busy machine no reply is late but those that shall be


def faulty(asked, share=0.1):
    """One in ten replies fails, in every way; which of them is drawn by the number of the request."""
    draw, good = random.Random(asked.number), completion(verdict({"depth": 4}))
    kind = draw.choice(KINDS) if draw.random() < share else "good"
    kind = "late" if asked.number % 1000 == 500 else kind
    half = len(str(good)) // 2
    return {
        "good": lambda: as_json(good, delay=0.02),
        "refused": lambda: refused(draw.choice((500, 502, 503))),
        "limited": lambda: refused(429, headers={"retry-after": "0"}),
        "broken": lambda: as_json("no object"),
        "empty": lambda: as_json({}),
        "cut": lambda: as_json(good, cut=half),
        "reset": lambda: as_json(good, cut=half, reset=True),
        "late": lambda: as_json(good, delay=2 * PATIENCE),
        "no usage": lambda: as_json(completion(verdict({"depth": 4}), usage=None)),
        "prose": lambda: as_json(completion("I would rather not say.")),
        "another": lambda: as_json(completion(verdict({"depth": 4}), model="another-1")),
        "filtered": lambda: refused(400, code="content_filter"),
    }[kind]()


@pytest.mark.slow
def test_five_thousand_judgements_of_a_server_that_fails_in_every_way(path, capsys):
    count, asked = 5000, requests_for(*range(5000))
    fresh = partial(JudgeClient, longest_wait=0.2)
    with JudgeServer(faulty) as server, Ledger(path) as ledger:
        changes = {"base_url": server.url, "model": "judge-2026-01-01", "concurrency": 64, "timeout": PATIENCE}
        judge = JUDGE.model_copy(update=changes)
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        found = judge_all(judge, asked, ledger, "run", 100.0, connect=fresh)
        seconds = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        failed = [key for key, one in found.items() if one.outcome == "failed"]
        again = judge_all(judge, asked, ledger, "run", 100.0, connect=fresh)
        sent, arrived = server.sent, len(server.requests)
    assert list(found) == list(again) == [str(number) for number in range(count)]
    known, free = money_of(sent)
    unknown = arrived - known - free
    known *= (100 * 1.0 + 20 * 4.0) / 1e6
    spent, (total,) = ledger_of(path)
    with capsys.disabled():
        print(
            f"\n{count} judgements, {arrived} requests, {len(failed)} failed first, {seconds:.1f} s, "
            f"{before // 1024} -> {after // 1024} MB at most; known ${spent.known:.6f}, server ${known:.6f}, "
            f"{unknown} lost, ${spent.bounds:.6f} at their bound"
        )
    assert spent.open == 0
    assert spent.known == pytest.approx(known, abs=1e-9)
    assert (total.judged, total.others, total.requests, total.exceeded) == (count, 0, arrived, 0)
    assert unknown * 0.00018 < spent.bounds < unknown * 0.001


def ledger_of(path):
    with Ledger(path) as ledger:
        return ledger.spent("run"), ledger.totals()


def money_of(sent):
    """How many replies told the client what they cost, and how many were refused at no cost."""
    good = [one for one in sent if one.reply.status == 200 and one.whole and one.reply.delay < PATIENCE]
    return sum(one.reply.usage != (0, 0) for one in good), sum(400 <= one.reply.status < 500 for one in sent)
