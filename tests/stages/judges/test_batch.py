"""Batches: nothing is lost, and nothing is sent twice, wherever a call is killed; a bad row spoils no other."""

import multiprocessing
from collections import Counter
from functools import partial

import pytest

from itl_bench.errors import BudgetError, ItlError, JudgeError, UsageError
from itl_bench.stages.judges import batch as batch_module
from itl_bench.stages.judges.batch import collect, give_up, submit
from itl_bench.stages.judges.batch_rows import Collected
from itl_bench.stages.judges.costs import bound
from itl_bench.stages.judges.judgement import Judgement
from itl_bench.stages.judges.judging import judge_all
from itl_bench.stages.judges.ledger import Ledger
from itl_bench.stages.judges.payload import payload
from tests.helpers.asking import StandIn, requests_for
from tests.helpers.batch_server import bad_row, good_row
from tests.helpers.judge_server import as_json, completion, refused, verdict

CANARY = "sk-canary-0123456789-abcdefghij"
PAID = (100 * 1.0 + 20 * 4.0) / 2e6  # a good row: half of the price


def sent(provider):
    """Keys in all batches."""
    return [key for name in provider.batches for key in provider.keys(name)]


def test_a_batch_from_submitting_to_its_judgements(judge, ledger, provider):
    asked = requests_for(*range(5))
    most = bound(judge, asked, ledger, batch=True)
    assert submit(judge, asked, ledger, "run", 1.0) == ("batch-0",)
    assert provider.rows("batch-0")[0] == {
        "custom_id": "0", "method": "POST", "url": "/v1/chat/completions", "body": payload(judge, asked[0]),
    }  # fmt: skip
    assert provider.batches["batch-0"]["completion_window"] == "24h"
    assert ledger.spent("run") == (0, 0, pytest.approx(most))
    assert collect(judge, ledger) == Collected(open=1)
    provider.end("batch-0", [good_row(key) for key in provider.keys("batch-0")])
    assert collect(judge, ledger) == Collected(ended=1, outcomes=Counter(score=5))
    found = ledger.get("01234")
    assert [one.scores for one in found.values()] == [{"depth": 4}] * 5
    assert found["0"].dollars == pytest.approx(PAID)
    assert ledger.spent("run") == (pytest.approx(5 * PAID), 0, 0)
    assert collect(judge, ledger) == Collected()
    assert submit(judge, asked, ledger, "run", 1.0) == ()


def test_what_is_judged_or_in_a_batch_is_not_sent_again(judge, ledger, provider):
    ledger.put("0", judge, Judgement(outcome="na"))
    ledger.put("1", judge, Judgement(outcome="failed"))
    submit(judge, requests_for(0, 1, 2), ledger, "run", 1.0)
    assert submit(judge, requests_for(0, 1, 2), ledger, "other run", 1.0) == ()
    assert submit(judge, requests_for(2, 3), ledger, "run", 1.0) == ("batch-1",)
    assert sent(provider) == ["1", "2", "3"]


def test_what_another_process_asks_is_left_to_it(judge, ledger, path, provider):
    with Ledger(path) as other:
        other.claim(["1"], 0.0)
        submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    assert sent(provider) == ["0"]


def test_what_is_in_a_batch_is_not_asked_live(judge, ledger):
    submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    live = StandIn()
    with pytest.raises(JudgeError, match="2 answers are in a batch that is open; 1 of 3 are judged"):
        judge_all(judge, requests_for(0, 1, 2), ledger, "run", 1.0, connect=live.connect)
    assert live.asked == ["2"]


def test_more_than_one_batch_takes(judge, ledger, provider, monkeypatch):
    monkeypatch.setattr(batch_module, "MOST_ROWS", 3)
    assert submit(judge, requests_for(*range(7)), ledger, "run", 1.0) == ("batch-0", "batch-1", "batch-2")
    monkeypatch.setattr(batch_module, "MOST_BYTES", 400)
    assert len(submit(judge, requests_for(*range(7, 10)), ledger, "run", 1.0)) == 3
    assert sent(provider) == [str(number) for number in range(10)]


def test_a_budget_that_does_not_hold_the_bounds_sends_nothing(judge, ledger, server):
    asked = requests_for(0, 1)
    most = bound(judge, asked, ledger, batch=True)
    with pytest.raises(BudgetError, match="2 requests may cost"):
        submit(judge, asked, ledger, "run", most * 0.99)
    assert not server.requests
    assert ledger.spent("run").total == 0
    assert submit(judge, asked, ledger, "run", most)


# Rows


def test_rows_of_all_kinds(judge, ledger, provider):
    keys = "abcdefghijk"
    submit(judge, requests_for(*keys), ledger, "run", 1.0)
    four, na = verdict({"depth": 4}), verdict({"depth": "N/A"})
    output = [
        good_row("a"), good_row("a", completion(verdict({"depth": 2}))), good_row("z"), b"no JSON {", b"[1]", b"",
        good_row("b", completion("I cannot say.")), good_row("c", completion(four, model="another-1")),
        good_row("d", completion(four, usage=None)), good_row("e", completion(na)),
        good_row("f", {}), good_row("g", {"error": "x"}, status=500), {"custom_id": ["h"]}, good_row("h", [1]),
        good_row("k", completion(four, usage=(10**25, 10**25))),
    ]  # fmt: skip
    provider.end("batch-0", output, [bad_row("i"), bad_row("y")], status="expired", seed=1)
    found = collect(judge, ledger)
    outcomes = {key: one.outcome for key, one in ledger.get(keys).items()}
    assert outcomes == dict(zip("abcdefghik", [
        "score", "refusal", "failed", "score", "na", "failed", "failed", "failed", "failed", "score",
    ], strict=True))  # fmt: skip
    assert found == Collected(
        ended=1, outcomes=Counter(outcomes.values()), another=1, unknown=2, repeated=1, unreadable=3, missing=1
    )  # fmt: skip
    each = bound(judge, requests_for("q"), ledger, batch=True)
    spent = ledger.spent("run")
    assert spent.known == pytest.approx(4 * PAID + 1000)  # a, b, c, e; and k, at the most that is believed
    assert spent.bounds == pytest.approx(5 * each)  # d, f, g, h told no usage, j has no row
    assert spent.open == 0
    assert "another-1" in ledger.get(["c"])["c"].detail
    assert submit(judge, requests_for(*keys), ledger, "again", 1.0) == ("batch-1",)
    assert provider.keys("batch-1") == list("cfghij")


@pytest.mark.parametrize(
    ("status", "output", "bounds"),
    [("failed", "", 0), ("cancelled", "", 0), ("cancelled", "a", 2), ("expired", "ab", 1), ("completed", "abc", 0)],
)
def test_batches_that_end_early_keep_what_was_paid(judge, ledger, provider, status, output, bounds):
    asked = requests_for(*"abc")
    each = bound(judge, asked, ledger, batch=True) / 3
    submit(judge, asked, ledger, "run", 1.0)
    provider.end("batch-0", [good_row(key) for key in output], status=status)
    found = collect(judge, ledger)
    assert (found.ended, found.missing, found.outcomes["score"]) == (1, 3 - len(output), len(output))
    assert ledger.spent("run") == (pytest.approx(PAID * len(output)), pytest.approx(bounds * each), 0)
    assert submit(judge, asked, ledger, "again", 1.0) == (() if len(output) == 3 else ("batch-1",))


def failing(method, path, reply, times=1):
    """The first requests of a kind get another reply."""
    left = [times]

    def answer(asked):
        if asked.method == method and path in asked.path and left[0]:
            left[0] -= 1
            return reply
        return None

    return answer


@pytest.mark.parametrize(
    "reply", [refused(500), refused(429), refused(401, f"Incorrect key {CANARY}"), as_json({"a": 1}, cut=3, reset=True)]
)
@pytest.mark.parametrize("place", ["/files", "/batches"])
def test_an_error_while_submitting_is_one_line_and_the_next_call_goes_on(
    judge, ledger, provider, monkeypatch, reply, place
):
    monkeypatch.setenv(judge.key, CANARY)
    provider.reply = failing("POST", place, reply)
    with pytest.raises(JudgeError) as raised:
        submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    assert len(str(raised.value).splitlines()) == 1
    assert CANARY not in str(raised.value)
    assert submit(judge, requests_for(0, 1), ledger, "run", 1.0) == ("batch-0",)
    assert sent(provider) == ["0", "1"]


def test_a_batch_that_was_made_though_its_reply_was_lost_is_found(judge, ledger, provider):
    def lost(asked):
        if asked.method == "POST" and asked.path.endswith("/batches"):
            provider.reply = lambda asked: None
            provider(asked)
            return refused(502)
        return None

    provider.reply = lost
    with pytest.raises(JudgeError, match="HTTP 502"):
        submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    assert list(provider.batches) == ["batch-0"]
    provider.end("batch-0", [good_row(key) for key in "01"])
    assert collect(judge, ledger).outcomes == Counter(score=2)
    assert list(provider.batches) == ["batch-0"]


def test_a_file_that_is_refused_gives_its_money_back_and_the_next_call_starts_anew(judge, ledger, provider):
    provider.reply = failing("POST", "/batches", refused(400, "no such file"))
    with pytest.raises(JudgeError, match="the batch was not made: HTTP 400: no such file"):
        submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    assert ledger.spent("run").total == 0
    assert submit(judge, requests_for(0, 1), ledger, "run", 1.0) == ("batch-0",)


def test_a_file_that_breaks_off_is_read_on_by_the_next_call(judge, ledger, provider, monkeypatch):
    monkeypatch.setattr(batch_module, "AT_ONCE", 1)
    submit(judge, requests_for(*range(4)), ledger, "run", 1.0)
    provider.end("batch-0", [good_row(key) for key in "0123"])
    body = provider.files["batch-0-output_file_id"]
    provider.reply = failing("GET", "content", as_json({}, cut=len(body) // 2).__class__(body=body, cut=len(body) // 2))
    with pytest.raises(JudgeError, match="was not read to its end"):
        collect(judge, ledger)
    kept = len(ledger.get("0123"))
    assert 1 <= kept < 4
    assert collect(judge, ledger) == Collected(ended=1, outcomes=Counter(score=4 - kept))
    assert ledger.spent("run") == (pytest.approx(4 * PAID), 0, 0)


def test_a_batch_that_is_not_there_any_more_stops_no_other_and_can_be_given_up(judge, ledger, provider, monkeypatch):
    monkeypatch.setattr(batch_module, "MOST_ROWS", 2)
    asked = requests_for(*range(4))
    submit(judge, asked, ledger, "run", 1.0)
    del provider.batches["batch-0"]
    provider.end("batch-1", [good_row(key) for key in "23"])
    with pytest.raises(JudgeError, match="no word of batch batch-0: HTTP 404"):
        collect(judge, ledger)
    assert list(ledger.get("0123")) == ["2", "3"]
    with pytest.raises(UsageError, match="unknown open batch 'batch-1'; did you mean 'batch-0'"):
        give_up(judge, ledger, "batch-1")
    give_up(judge, ledger, "batch-0")
    assert ledger.spent("run").bounds == pytest.approx(bound(judge, asked[:2], ledger, batch=True))
    assert collect(judge, ledger) == Collected()


def test_the_model_that_a_batch_asked_is_the_one_that_counts(judge, ledger, provider):
    submit(judge, requests_for(0), ledger, "run", 1.0)
    provider.end("batch-0", [good_row("0")])
    found = collect(judge.model_copy(update={"model": "newer-1"}), ledger)
    assert found == Collected(ended=1, outcomes=Counter(score=1))


def test_the_key_is_in_no_file_and_no_judgement(judge, ledger, path, provider, server, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    monkeypatch.setenv(judge.key, CANARY)
    submit(judge, requests_for(0, 1), ledger, "run", 1.0)
    reason = completion(verdict({"depth": 4}, reason=f"You sent {CANARY}."))
    provider.end("batch-0", [good_row("0", reason)], [bad_row("1", code=CANARY)])
    collect(judge, ledger)
    assert all(CANARY in asked.headers["authorization"] for asked in server.requests)
    for file in path.parent.iterdir():
        assert CANARY.encode() not in file.read_bytes()
    assert CANARY not in caplog.text
    assert "***" in ledger.get(["0"])["0"].reasons["depth"]


def test_two_processes_that_submit_at_once_send_each_answer_once(judge, path, provider):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        names = pool.map(partial(submitted, judge, path), range(2))
    assert sorted(name for some in names for name in some) == ["batch-0"]
    assert sent(provider) == [str(number) for number in range(20)]


def submitted(judge, path, number):
    with Ledger(path) as ledger:
        try:
            return submit(judge, requests_for(*range(20)), ledger, "run", 1.0)
        except ItlError as error:
            return (str(error),)
