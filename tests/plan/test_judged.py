"""What a case takes of a judge, and what this machine or budget lacks of it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.judges import JudgeSpec, Judging
from itl_bench.catalog.loading import load_catalog
from itl_bench.measures.judge import Prices
from itl_bench.plan.graph import Graph
from itl_bench.plan.judged import why_no_judge
from itl_bench.plan.reads import read_by
from itl_bench.plan.runnable import why_not
from itl_bench.store.store import Store

EXAMPLE = Path(__file__).parents[2] / "examples" / "scripted-judge" / "cases"
NAME = "C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-aspects-shared-rate"
TABLES, PROMPTS = 12, 450  # two sides, three bases with two seeds each; one probe
KEY = {"OPENAI_API_KEY": "sk-of-a-test"}


@cache
def _catalog():
    return load_catalog(EXAMPLE)


def asked(judge, most=0.0):
    """The catalog with a judge chosen, the case, and its cells."""
    own = replace(_catalog(), judging=Judging(judge=judge, most=most))
    case = next(one for one in build_grid(own) if one.id == NAME)
    return own, case, cell_table(case, own, None)


def reason(tmp_path, judge, most=0.0, environ=KEY):
    own, case, table = asked(judge, most)
    return why_no_judge(case, own, table, tmp_path / "store", environ)


def test_the_price_of_every_table_is_said_and_what_allows_it(tmp_path):
    """0.022 USD an answer: 1,000 tokens at 10 USD a million, 400 at 30."""
    dollars = TABLES * PROMPTS * 0.022
    found = reason(tmp_path, "gpt-4-1106-preview")
    assert found == (
        f"needs the judge gpt-4-1106-preview for 5,400 answers, about {dollars:.2f} USD: "
        f"--itl-max-cost {dollars:.2f}, now 0"
    )
    assert reason(tmp_path, "gpt-4-1106-preview", most=dollars + 0.01) is None
    assert reason(tmp_path, None) == found  # the first that is declared


def test_a_key_that_is_missing_is_named_and_a_server_of_this_machine_needs_none(tmp_path):
    found = reason(tmp_path, "gpt-4o-2024-08-06", most=1e6, environ={})
    assert found.endswith("USD: its key in the environment variable OPENAI_API_KEY")
    assert reason(tmp_path, "planted-up", environ={}) is None


def test_what_is_in_the_store_costs_nothing(tmp_path):
    own, case, table = asked("gpt-4-1106-preview")
    store, graph = Store(tmp_path / "store"), Graph(own)
    for task in {task.key: task for task in read_by(graph, case, table) if "judge" in task.spec}.values():
        with store.writing(task, {}) as folder:
            (folder / "table.json").write_text("{}", encoding="utf-8")
    assert why_no_judge(case, own, table, tmp_path / "store", {}) is None


def test_scripted_scores_are_no_evidence(tmp_path):
    own, case, table = asked("planted-up")
    assert case.role == "sanity"
    evidence = replace(case, claim=case.claim.model_copy(update={"role": "evidence"}))
    assert why_no_judge(evidence, own, table, tmp_path, {}).startswith(
        "the scores of planted-up are scripted, no evidence"
    )


def test_what_no_judge_scores_needs_none(tmp_path):
    own = _catalog()
    case = next(one for one in build_grid(own) if one.measure.measure == "knowledge" and one.model == "bios1m")
    assert why_no_judge(case, own, cell_table(case, own, None), tmp_path, {}) is None


def test_a_case_says_the_judge_when_nothing_else_is_lacking(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    own, case, _ = asked("gpt-4-1106-preview")
    assert why_not(case, own, None, tmp_path / "store").startswith(
        "not run: needs the judge gpt-4-1106-preview for 5,400"
    )


def test_the_key_of_a_score_holds_who_judged_by_what_and_nothing_of_where_or_how_fast():
    def keys(own, case, table):
        return [task.key for task in read_by(Graph(own), case, table) if "judge" in task.spec]

    own, case, table = asked("planted-up")
    first = keys(own, case, table)
    assert len(set(first)) == TABLES
    judge = own.judges["planted-up"]
    for update in (
        {"concurrency": 64},
        {"base_url": "http://127.0.0.1:1/v1"},
        {"prices": Prices(input=1, output=1, dated="2026-01-01")},
    ):
        moved = replace(own, judges={**own.judges, "planted-up": judge.model_copy(update=update)})
        assert keys(moved, case, table) == first
    for update in ({"model": "other"}, {"temperature": 0.5}, {"max_tokens": 99}, {"longest_answer": 10}):
        moved = replace(own, judges={**own.judges, "planted-up": judge.model_copy(update=update)})
        assert not set(keys(moved, case, table)) & set(first)


def test_a_spread_has_its_source():
    with pytest.raises(ValueError, match="belong together"):
        JudgeSpec(id="one", model="one", title="One", spread_table="judge_scores.csv")
