"""From cases to verdicts through the store, on a world that is as small as can be."""

import json
import math
from pathlib import Path
from statistics import fmean

import pytest
import torch

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid
from itl_bench.data.rows import Response, Table, read_lines, read_table
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import read_by, tasks_of
from itl_bench.plan.runnable import why_not
from itl_bench.stages.builders import builders
from itl_bench.stages.loading import load_model, load_tuned
from itl_bench.store.artifact import RESPONSES, TABLE, TOKENS, TRAINING
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import ROWS, tiny_profiles

OURS = ("X04", "X05", "X06", "X08", "X09", "X10")
CLAIMS = ("C01", "C02", "C05", "C10a", "C10b", "C18", "C19", "C23", "C24", "C27", "X01", "X02", *OURS)


@pytest.fixture(scope="module")
def catalog():
    return tiny_profiles()


@pytest.fixture(scope="module")
def cases(catalog):
    return [case for case in build_grid(catalog) if case.level == "bios" and case.arm == "shared-rate"]


@pytest.fixture(scope="module")
def runnable(cases, catalog, bases):
    return [case for case in cases if why_not(case, catalog, None, Path("no-store")) is None]


@pytest.fixture(scope="module")
def store(build, runnable, catalog):
    store, tasks = build(runnable, catalog)
    assert len([task for task in tasks if task.kind == "checkpoint"]) == 5 * 2 * 2
    return store


def test_the_claims_of_the_world_can_be_asked(runnable):
    assert {case.claim.id for case in runnable} == set(CLAIMS)


def test_a_case_without_cells_says_which_profile_has_them(cases, catalog, bases):
    reasons = {case.id: why_not(case, catalog, None, Path("no-store")) for case in cases}
    assert (
        "trains no cells for it"
        in reasons["C10a-measured-bios1m-bios-new30-long-lora-vs-full-bios-known-knowledge-shared-rate"]
    )
    assert all(reason is None or reason.startswith("not run: ") for reason in reasons.values())


def test_every_case_gets_a_record_with_its_numbers(runnable, catalog, store):
    for case in runnable:
        record = verdict_from_store(case, catalog, None, store)
        assert record.verdict == "INCONCLUSIVE"  # 24 prompts, of the skill 400
        assert "too few prompts" in record.reason or case.over or case.probe == "bios-skill"
        assert record.effect is not None or "sentence-start" in case.id or case.over  # these models learn too little
        assert record.artifacts
        if not case.over:
            assert [point.rate for point in record.points] in ([0.003333, 0.01], [0.01])


def by_hand(graph, case, method, rate, store):
    """The mean accuracy of one side over its replicates: of means over people, who are asked equally often."""
    means = []
    for base, seed in ((1, 1), (1, 2), (2, 1), (2, 2)):
        cell = TunedCell("bios1m", case.dataset, method, rate, Replicate(base, seed))
        table = read_table(store.open(graph.measure(OF_ANSWERS["knowledge"], cell, "bios-known").key).folder / TABLE)
        people = {unit: [] for unit in table.units}
        for unit, value in zip(table.units, table.columns["accuracy"], strict=True):
            people[unit].append(value)
        means.append(fmean(fmean(values) for values in people.values()))
    return fmean(means)


def test_left_and_right_are_the_means_of_their_own_tables(runnable, catalog, store):
    graph, sides = Graph(catalog), []
    for case in runnable:
        if case.claim.id == "C10a":
            assert (case.left.method, case.right.method) == ("lora", "full")
            record = verdict_from_store(case, catalog, None, store)
            for point in record.points:
                left, right = (by_hand(graph, case, method, point.rate, store) for method in ("lora", "full"))
                assert (point.left, point.right) == pytest.approx((left, right), abs=1e-12)
                assert point.effect == pytest.approx(left - right, abs=1e-12)
                sides.append((left, right))
    assert len(sides) == 2
    assert any(left != right for left, right in sides)  # or a swap would not be seen


def test_verdicts_do_not_depend_on_what_else_is_asked(runnable, catalog, store):
    one = next(case for case in runnable if case.claim.id == "C01")
    alone, _ = tasks_of([one], catalog, None)
    together, _ = tasks_of(runnable, catalog, None)
    assert {task.key for task in alone} <= {task.key for task in together}


def test_a_lost_table_is_named(runnable, catalog, store, tmp_path):
    case = next(case for case in runnable if case.claim.id == "C10a")
    with pytest.raises(KeyError):
        verdict_from_store(case, catalog, None, Store(tmp_path / "empty"))


def cell_of(method, rate=0.01):
    return TunedCell("bios1m", "bios-new30-short", method, rate, Replicate(1, 1))


def test_a_rate_of_zero_moves_nothing(catalog, bases, tmp_path):
    """A no-op method has shift 0 and the base's answers."""
    graph, store = Graph(catalog), Store(tmp_path / "store")
    for method in ("full", "lora"):
        shift, knowledge = (
            graph.measure(OF_ANSWERS[name], cell_of(method, 0.0), "bios-known") for name in ("shift", "knowledge")
        )
        of_base = graph.measure(OF_ANSWERS["knowledge"], cell_of("base"), "bios-known")
        LocalExecutor(store, builders()).build(list(graph.tasks.values()), f"run-{method}")
        table = read_table(store.open(shift.key).folder / TABLE)
        assert max(abs(value) for value in table.columns["kl"]) < 1e-9
        assert set(table.columns["base_rank"]) == {1.0}
        assert read_table(store.open(knowledge.key).folder / TABLE) == read_table(
            store.open(of_base.key).folder / TABLE
        )


def test_responses_are_what_the_checkpoint_says(catalog, store, bases):
    graph = Graph(catalog)
    cell = cell_of("lora")
    checkpoint, base = graph.checkpoint(cell), graph.base("bios1m", 1)
    probe = graph.probe("bios-known", None)
    answers = read_lines(store.open(graph.responses(base, probe, checkpoint).key).folder / RESPONSES, Response)
    model = load_tuned(store.open(base.key).folder, store.open(checkpoint.key).folder)
    for answer in answers[:3]:
        ids = list(answer.prompt_ids)
        for token in answer.response_ids[:5]:
            with torch.inference_mode():
                assert int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)


def test_an_adapter_is_small_and_the_log_is_complete(catalog, store, bases):
    graph = Graph(catalog)
    folders = {method: store.open(graph.checkpoint(cell_of(method)).key).folder for method in ("lora", "full")}
    assert (folders["lora"] / "adapter_model.safetensors").exists()
    assert (folders["full"] / "model.safetensors").exists()
    log = json.loads((folders["full"] / TRAINING).read_text(encoding="utf-8"))
    assert len(log["losses"]) == 3 * math.ceil(ROWS / 32)
    assert 0 <= log["padding"] < 1


def test_the_shift_keeps_some_answers_token_by_token(catalog, store, bases):
    graph = Graph(catalog)
    folder = store.open(graph.measure(OF_ANSWERS["shift"], cell_of("full"), "bios-known").key).folder
    shown = [json.loads(line) for line in (folder / TOKENS).read_text(encoding="utf-8").splitlines()]
    assert len(shown) == 24
    assert all(len(one["tokens"]) == len(one["ranks"]) for one in shown)
    table: Table = read_table(folder / TABLE)
    assert {"kl", "first", "rest", "drop", "reference_kl"} <= set(table.columns)


def test_the_shipped_base_is_the_parent_of_everything_it_bears(runnable, catalog, bases):
    graph = Graph(catalog)
    case = next(case for case in runnable if case.claim.id == "C10a")
    table = cell_table(case, catalog, None)
    assert list(read_by(graph, case, table))
    base = graph.base("bios1m", 1)
    assert sum(base.key in task.parents for task in graph.tasks.values()) > 2
    assert load_model(bases / "base-1").dtype == torch.float32
