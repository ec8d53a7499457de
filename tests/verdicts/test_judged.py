"""Cells that a judge scores over HTTP, from their answers to the verdict: what it said, counted, and what it cost."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.judges import JudgeSpec, Judging
from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import BudgetError, JudgeError
from itl_bench.measures.judge import Prices
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import read_by, tasks_of
from itl_bench.run.building import Built, CannotBeAskedError, Work, require
from itl_bench.stages.builders import builders
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.queue import Failure
from itl_bench.store.store import Store
from itl_bench.verdicts import guards
from itl_bench.verdicts.judged import outcomes, too_many_without_score
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.judge_server import JudgeServer, as_json, completion, verdict
from tests.helpers.tiny import tiny_catalog

EXAMPLE = Path(__file__).parents[2] / "examples" / "scripted-judge" / "cases"
NAME = "C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-aspects-shared-rate"
ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")
CELLS = [{"datasets": ["bios-new30-short"], "methods": ["lora", "full"], "rates": [0.01]}]
MODEL = "a-judge-2026"
PRICES = Prices(input=10, output=30, dated="2026-01-01")


def by_text(asked):
    """A score that the text alone decides; every tenth answer has no factuality."""
    number = int(hashlib.sha256(asked.text.encode()).hexdigest()[:8], 16)
    scores = dict.fromkeys(ASPECTS, 1 + number % 5) | ({"factuality": "N/A"} if number % 10 == 0 else {})
    return as_json(completion(verdict(scores), model=MODEL))


def refuses_some(asked):
    if hashlib.sha256(asked.text.encode()).digest()[0] % 4:
        return by_text(asked)
    return as_json(completion("I'm sorry, but I can't help with that.", model=MODEL))


@pytest.fixture(scope="module")
def server():
    with JudgeServer(by_text) as found:
        yield found


@pytest.fixture
def asked(bases, server, tmp_path, monkeypatch):
    """Gives the catalog and its judged case, for a judge of this id and a budget."""
    monkeypatch.setattr(guards, "FEWEST_PROMPTS", 1)
    monkeypatch.setattr(guards, "TRAINED_SHARE", -float("inf"))

    def of(judge, most=0.0, prices=None):
        tiny = tiny_catalog(cells=CELLS)
        spec = JudgeSpec(id=judge, model=MODEL, title="One", base_url=server.url, scripted=True, prices=prices)
        own = replace(
            tiny, claims={**tiny.claims, "C10a": load_catalog(EXAMPLE).claims["C10a"]},
            judges={**tiny.judges, judge: spec},
            judging=Judging(judge=judge, most=most, run="run", ledger=tmp_path / "judgements.sqlite3"),
        )  # fmt: skip
        return own, next(one for one in build_grid(own) if one.id == NAME)

    return of


def judged_tasks(own, case):
    return {task.key: task for task in read_by(Graph(own), case, own.cells["tiny"]) if "judge" in task.spec}


def test_judged_end_to_end(asked, build, server):
    own, case = asked("judge")
    before = len(server.requests)
    store, _ = build([case], own)
    record = verdict_from_store(case, own, None, store)
    assert [one.name for one in record.columns] == list(ASPECTS)
    assert (record.judge, record.basis, record.role) == ("judge", "scripted", "sanity")
    assert set(record.outcomes) == {"score"}  # answers without factuality are scored in the others
    sent = server.requests[before:]
    assert record.outcomes["score"] > len(sent) == len({one.text for one in sent})  # equal answers are paid once
    assert "at equal length" in record.reason
    again = len(server.requests)
    assert verdict_from_store(case, own, None, build([case], own)[0]) == record
    assert len(server.requests) == again


def test_too_many_without_a_score_are_no_verdict(asked, build, server, monkeypatch):
    own, case = asked("refusing")
    monkeypatch.setattr(server, "script", refuses_some)
    store, _ = build([case], own)
    tasks = judged_tasks(own, case).values()
    found = outcomes(tasks, store)
    assert found["refusal"] > 0
    (reason,) = too_many_without_score(tasks, store, 0.05)
    assert "answers of one model have no score" in reason
    assert too_many_without_score(tasks, store, 1.0) == []
    record = verdict_from_store(case, own, None, store)
    assert record.verdict == "INCONCLUSIVE"
    assert reason in record.reason
    assert record.outcomes == found


def test_a_budget_that_does_not_hold_sends_nothing_and_skips_the_case(asked, tiny_store, server):
    own, case = asked("dear", prices=PRICES)
    tasks, targets = tasks_of([case], own, None)
    before = len(server.requests)
    report = LocalExecutor(Store(tiny_store), builders()).build(tasks, "poor", targets)
    assert len(server.requests) == before
    assert report.failed
    assert all(one.unjudged and "--itl-max-cost" in one.message for one in report.failed.values())
    with pytest.raises(CannotBeAskedError, match="--itl-max-cost"):
        require(Work(tuple(tasks), tuple(targets)), Store(tiny_store), Built(report.failed))


def test_what_is_paid_is_in_the_ledger(asked, build, server, tmp_path):
    own, case = asked("paid", most=1e6, prices=PRICES)
    before = len(server.requests)
    build([case], own)
    sent = server.requests[before:]
    with closing(sqlite3.connect(tmp_path / "judgements.sqlite3")) as database:
        ((judgements,),) = database.execute("SELECT COUNT(*) FROM judgements").fetchall()
    assert judgements == len(sent) > 0


def test_a_failure_of_the_judge_is_told_from_a_breakdown():
    assert Failure.of(JudgeError("no credit")).unjudged
    assert Failure.of(BudgetError("spent")).unjudged
    assert not Failure.of(ValueError("x")).unjudged
