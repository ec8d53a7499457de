"""Cases answered by an engine beside transformers: by it alone, or by transformers alone where it answers wrongly."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.serving import Serving
from itl_bench.plan.engines import engines
from itl_bench.run.building import Built, work_of
from itl_bench.run.deciding import build_cases, measured_verdict
from itl_bench.run.recording.parity import parity_of
from itl_bench.stages import responses as stage
from itl_bench.stages.generation.vllm_settings import How
from itl_bench.store.store import Store
from tests.helpers.tiny import tiny_catalog
from tests.helpers.transformers_engine import FAULT, TARGET

DATASET = "bios-new30-short"
NAMES = [
    f"{claim}-measured-bios1m-{DATASET}-lora-vs-full-bios-known-knowledge-shared-rate" for claim in ("C10a", "C10b")
]
NUMBERS = ("verdict", "effect", "ci_low", "ci_high", "n_prompts")


@pytest.fixture
def served(monkeypatch, bases):
    """A catalog whose cases are answered by the engine that stands in for vLLM."""
    monkeypatch.setattr(stage, "check_installed", lambda: None)
    monkeypatch.setattr(stage, "How", type("Stand-in", (), {"of": lambda spec, place: How(target=TARGET)}))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    cells = [{"datasets": [DATASET], "methods": ["lora", "full"], "rates": [0.01]}]
    catalog = tiny_catalog(cells=cells, headline=0.01, bases=[1], seeds=[1, 2])
    return replace(catalog, serving=Serving(asked="vllm"))


def judged(catalog, store, run):
    cases = [next(case for case in build_grid(catalog) if case.id == name) for name in NAMES]
    work = work_of(cases, catalog, None, store.root)
    catalog, built = build_cases(work, cases, catalog, None, store, run)
    records = [measured_verdict(case, catalog, None, store, run, built) for case in cases]
    return records, work_of(cases, catalog, None, store.root), work


def by_vllm(work):
    return [task for task in work.needed() if task.spec.get("engine") == "vllm"]


def numbers(records):
    return [[getattr(record, name) for name in NUMBERS] for record in records]


def test_an_engine_that_agrees_gives_the_same_verdicts_and_the_record_says_how_far_it_agrees(served, tiny_store):
    store = Store(tiny_store)
    plain, of_plain, _ = judged(replace(served, serving=Serving()), store, "by-transformers")
    records, work, _ = judged(served, store, "by-the-engine")
    assert numbers(records) == numbers(plain)
    assert {record.answered_by for record in records} == {"vLLM (fp32)"}
    assert {record.left for record in records} == {None}
    (parity,) = parity_of(work.needed(), store)
    assert (parity.base, parity.models, parity.identical) == (1, 5, parity.prompts)
    assert parity_of(of_plain.needed(), store) is None
    assert len(engines(work.needed())) == 3  # the base with its adapters, and two checkpoints of all weights


def test_cases_that_the_engine_answers_wrongly_are_left_to_transformers_whole(served, tiny_store, monkeypatch):
    store = Store(tiny_store)
    plain, *_ = judged(replace(served, serving=Serving()), store, "by-transformers")
    monkeypatch.setenv(FAULT, "twice-begun")
    fresh = replace(served, serving=Serving(asked="vllm", batch_invariant=True))  # of which nothing is in the store
    records, work, asked = judged(fresh, store, "wrongly")
    assert numbers(records) == numbers(plain)
    assert all("differ between vLLM and transformers" in record.left for record in records)
    assert all("answered by transformers, because" in record.reason for record in records)
    assert {record.answered_by for record in records} == {None}
    assert by_vllm(asked)
    assert not by_vllm(work)


def test_a_verdict_that_is_asked_for_alone_is_left_to_transformers_too(served, tiny_store, monkeypatch):
    store = Store(tiny_store)
    judged(replace(served, serving=Serving()), store, "by-transformers")
    monkeypatch.setenv(FAULT, "never-ends")
    fresh = replace(served, serving=Serving(asked="vllm", batch_invariant=True))
    case = next(case for case in build_grid(fresh) if case.id == NAMES[0])
    record = measured_verdict(case, fresh, None, store, "alone", Built())
    assert "differ between vLLM and transformers" in record.left
