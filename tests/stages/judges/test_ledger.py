"""The ledger against a plain dictionary; budgets that hold; files that are damaged; several processes at once."""

import math
import multiprocessing
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from itl_bench.errors import BudgetError
from itl_bench.measures.judge import Judge, Prices
from itl_bench.stages.judges.judgement import Judgement, Usage
from itl_bench.stages.judges.ledger import Ledger

JUDGE = Judge(id="judge", model="judge-1", prices=Prices(input=1.0, output=4.0, dated=date(2026, 1, 1)))
SCORE = Judgement(outcome="score", scores={"depth": 4}, usage=Usage(sent=10, received=5), dollars=0.00003)
FAILED = Judgement(outcome="failed", detail="no reply")
OUTCOMES = ("score", "na", "refusal", "unparseable", "failed")


def today():
    return datetime.now(UTC).date().isoformat()


def test_what_is_put_is_there_in_the_order_of_the_keys(ledger):
    for key in ("a", "b"):
        assert ledger.put(key, JUDGE, SCORE)
    assert list(ledger.get(["b", "c", "a"]).items()) == [("b", SCORE), ("a", SCORE)]


def test_the_first_judgement_stays_and_another_one_is_counted(ledger):
    other = SCORE.model_copy(update={"scores": {"depth": 5}})
    assert [ledger.put("a", JUDGE, one) for one in (SCORE, SCORE, other, FAILED)] == [True, True, False, False]
    assert ledger.get(["a"]) == {"a": SCORE}
    assert [(one.judged, one.failed, one.others) for one in ledger.totals()] == [(1, 0, 2)]


def test_a_failed_judgement_gives_way_to_a_later_one(ledger):
    ledger.put("a", JUDGE, FAILED)
    assert [(one.judged, one.failed) for one in ledger.totals()] == [(1, 1)]
    assert ledger.put("a", JUDGE, SCORE)
    assert ledger.get(["a"]) == {"a": SCORE}
    assert [(one.judged, one.failed, one.others) for one in ledger.totals()] == [(1, 0, 0)]


def test_more_keys_than_one_query_takes(ledger):
    keys = [f"{number}" for number in range(1201)]
    ledger.put("1200", JUDGE, SCORE)
    assert ledger.get(keys) == {"1200": SCORE}
    found = ledger.claim([*keys, "0"], since=0.0)
    assert (found.judged, len(found.mine)) == (["1200"], 1200)


def test_a_budget_refuses_what_it_may_not_hold(ledger):
    account = ledger.account("run", 1.0)
    first = account.reserve(0.6, "a")
    with pytest.raises(BudgetError) as refused:
        account.reserve(0.5, "b")
    told = str(refused.value)
    assert "$0.5000" in told
    assert "$1.0000" in told
    assert "$0.0000 are spent and $0.6000 reserved" in told
    assert "--itl-max-cost USD" in told
    account.settle(first, 0.1, Usage(sent=1, received=1))
    account.reserve(0.5, "b")
    account.reserve(0.4, "c")
    with pytest.raises(BudgetError):
        account.reserve(1e-12, "d")


def test_a_budget_is_filled_exactly_in_spite_of_binary_fractions(ledger):
    account = ledger.account("run", 0.3)
    for key in "abc":
        account.reserve(0.1, key)
    assert ledger.spent("run").total == pytest.approx(0.3)
    assert 0.1 + 0.1 + 0.1 > 0.3  # as floats have it


def test_without_usage_the_bound_stays(ledger):
    account = ledger.account("run", 1.0, "judge")
    account.settle(account.reserve(0.25, "a"), 0.0, None)
    account.settle(account.reserve(0.25, "b"), 0.125, Usage(sent=1, received=1))
    account.reserve(0.5, "c")
    assert ledger.spent("run") == (0.125, 0.25, 0.5)
    (total,) = ledger.totals()
    assert (total.judge, total.day, total.requests, total.spent) == ("judge", today(), 3, (0.125, 0.25, 0.5))


def test_runs_have_budgets_of_their_own(ledger):
    ledger.account("one", 1.0).reserve(1.0, "a")
    ledger.account("other", 1.0).reserve(1.0, "a")
    ledger.account("free", math.inf).reserve(1e6, "a")
    assert (ledger.spent("one").total, ledger.spent("none").total) == (1.0, 0.0)


def test_what_cost_more_than_its_bound_is_counted(ledger):
    account = ledger.account("run", 1.0)
    account.settle(account.reserve(0.1, "a"), 0.2, Usage(sent=1, received=1))
    assert ledger.totals()[0].exceeded == 1
    assert ledger.spent("run").known == 0.2


@pytest.mark.parametrize("dollars", [math.nan, math.inf, -1.0])
def test_an_amount_that_is_none_is_no_damage(ledger, dollars):
    with pytest.raises(ValueError, match="no amount"):
        ledger.account("run", 1.0).reserve(dollars, "a")
    with pytest.raises(ValueError, match="no budget"):
        ledger.account("run", -1.0 if dollars == math.inf else dollars)
    assert ledger.spent("run").total == 0


def test_a_reservation_is_settled_once(ledger):
    account = ledger.account("run", 1.0)
    number = account.reserve(0.5, "a")
    account.settle(number, 0.1, Usage(sent=1, received=1))
    for wrong in (number, number + 1):
        with pytest.raises(KeyError):
            account.settle(wrong, 0.1, None)
    assert ledger.spent("run") == (0.1, 0.0, 0.0)


def test_the_mean_length_of_replies(ledger):
    assert ledger.mean_received("judge") is None
    for number, received in enumerate((10, 20)):
        ledger.put(f"{number}", JUDGE, Judgement(outcome="score", usage=Usage(sent=1, received=received)))
    ledger.put("failed", JUDGE, FAILED)
    assert ledger.mean_received("judge") == 15.0
    assert ledger.mean_received("other") is None


class Model(RuleBasedStateMachine):
    """Two ledgers on one file, as two processes have them, against dictionaries."""

    keys = st.sampled_from("abcd")
    which = st.integers(0, 1)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledgers = [Ledger(Path(self.folder.name) / "judgements.sqlite3") for _ in range(2)]
        self.judged, self.others, self.claims = {}, 0, {}
        self.open, self.settled = {}, {}

    @rule(key=keys, outcome=st.sampled_from(OUTCOMES), attempts=st.integers(1, 2), which=which)
    def put(self, key, outcome, attempts, which):
        judgement = Judgement(outcome=outcome, attempts=attempts)
        held = self.judged.get(key)
        if held is None or held.outcome == "failed":
            self.judged[key] = judgement
        else:
            self.others += held != judgement
        assert self.ledgers[which].put(key, JUDGE, judgement) == (self.judged[key] == judgement)
        self.claims.pop(key, None)

    @rule(keys=st.lists(keys), which=which)
    def claim(self, keys, which):
        found = self.ledgers[which].claim(keys, since=time.time() + 60)
        final = {key for key, one in self.judged.items() if one.outcome != "failed"}
        assert set(found.judged) == final & set(keys)
        assert set(found.others) == {key for key in keys if self.claims.get(key) == 1 - which} - final
        assert set(found.mine) == set(keys) - set(found.judged) - set(found.others)
        self.claims |= dict.fromkeys(found.mine, which)

    @rule(key=keys, which=which)
    def release(self, key, which):
        self.ledgers[which].release([key])
        if self.claims.get(key) == which:
            del self.claims[key]

    @rule(run=st.sampled_from("xy"), cents=st.integers(0, 60), key=keys, which=which)
    def reserve(self, run, cents, key, which):
        spent = sum(cents for owner, cents in [*self.open.values(), *self.settled.values()] if owner == run)
        account = self.ledgers[which].account(run, 1.0)
        if spent + cents > 100:
            with pytest.raises(BudgetError):
                account.reserve(cents / 100, key)
        else:
            self.open[account.reserve(cents / 100, key)] = (run, cents)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), known=st.booleans(), which=which)
    def settle(self, data, known, which):
        number = data.draw(st.sampled_from(sorted(self.open)))
        run, cents = self.open.pop(number)
        paid = data.draw(st.integers(0, cents))
        usage = Usage(sent=1, received=1) if known else None
        self.ledgers[which].account(run, 1.0).settle(number, paid / 100, usage)
        self.settled[number] = (run, paid if known else cents)

    @invariant()
    def same(self):
        for ledger in self.ledgers:
            assert ledger.get("abcd") == self.judged
        for run in "xy":
            spent = ledger.spent(run)
            assert round(spent.open * 100) == sum(cents for owner, cents in self.open.values() if owner == run)
            settled = sum(cents for owner, cents in self.settled.values() if owner == run)
            assert round((spent.known + spent.bounds) * 100) == settled
        assert sum(one.others for one in ledger.totals()) == self.others

    def teardown(self):
        for ledger in self.ledgers:
            ledger.close()
        self.folder.cleanup()


Model.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestModel = Model.TestCase


def work(path, name, count):
    """Another process: judges keys that others judge too, and spends from one budget."""
    with Ledger(path) as ledger:
        account, mine, refused = ledger.account("run", count * 0.01, "judge"), 0, 0
        for number in range(count):
            key = f"{number}"
            if ledger.claim([key], since=0.0).mine:
                try:
                    account.settle(account.reserve(0.01, key), 0.01, Usage(sent=1, received=1))
                    ledger.put(key, JUDGE, SCORE.model_copy(update={"detail": name}))
                    mine += 1
                except BudgetError:
                    refused += 1
        return mine, refused


def test_several_processes_judge_each_key_once_and_keep_one_budget(tmp_path):
    path, count = tmp_path / "judgements.sqlite3", 60
    with multiprocessing.get_context("fork").Pool(3) as pool:
        found = pool.starmap(work, [(path, f"{number}", count) for number in range(3)])
    assert sum(mine for mine, _ in found) == count
    assert sum(refused for _, refused in found) == 0
    with Ledger(path) as ledger:
        assert len(ledger.get([f"{number}" for number in range(count)])) == count
        assert ledger.spent("run") == (pytest.approx(count * 0.01), 0.0, 0.0)
        assert [one.others for one in ledger.totals()] == [0]


def test_threads_share_one_ledger(ledger):
    account = ledger.account("run", 0.5)

    def spend(number):
        try:
            return account.reserve(0.01, f"{number}")
        except BudgetError:
            return None

    with ThreadPoolExecutor(8) as pool:
        numbers = [one for one in pool.map(spend, range(80)) if one]
    assert len(set(numbers)) == len(numbers) == 50


def test_the_claim_of_a_process_that_is_gone_is_taken_over(tmp_path):
    path = tmp_path / "judgements.sqlite3"
    code = (
        "import os, sys; from pathlib import Path; from itl_bench.stages.judges.ledger import Ledger; "
        "one = Ledger(Path(sys.argv[1])); one.claim(['a'], 0.0); one.account('run', 1.0).reserve(0.5, 'a'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    with Ledger(path) as ledger:
        assert ledger.claim(["a"], since=0.0).mine == ["a"]
        assert ledger.spent("run").open == 0.5  # what it sent may be on the bill


def test_a_claim_that_is_not_renewed_is_taken_over(tmp_path, monkeypatch):
    path = tmp_path / "judgements.sqlite3"
    with Ledger(path) as one, Ledger(path) as other:
        one.claim(["a", "b"], since=0.0)
        assert other.claim(["a"], since=0.0).others == ["a"]
        later = time.time() + 170
        monkeypatch.setattr(time, "time", lambda: later)
        one.renew()
        later += 100
        assert other.claim(["a"], since=0.0).others == ["a"]
        later += 100
        assert other.claim(["a"], since=0.0).mine == ["a"]


# What is wrong with a file
