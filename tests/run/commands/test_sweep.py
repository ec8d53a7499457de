"""Rates chosen by a sweep, and verdicts at each method's own rate, on the tiny world."""

import math
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.rates import ChosenRate, TriedRate
from itl_bench.cli import main
from itl_bench.data.rows import Item, Table, read_lines
from itl_bench.data.tokens.template import training_example
from itl_bench.errors import UsageError
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.runnable import why_not
from itl_bench.run.sweeping import choose, mean_loss, save, sweep_tasks
from itl_bench.stages.builders import builders
from itl_bench.stages.loading import load_tokenizer, load_tuned
from itl_bench.store.artifact import ITEMS
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import tiny_catalog

DATASET = "bios-new30-short"
FAIR = {
    "id": "fair", "profile": "embedded", "model": "bios1m", "arm": "fair", "bases": [1, 2, 3], "seeds": [1, 2],
    "sweep_seeds": [9], "reason": "as small as can be",
    "cells": [
        {"datasets": [DATASET], "methods": ["lora"], "rates": [0.001, 0.01, 0.1]},
        {"datasets": [DATASET], "methods": ["full"], "rates": [0.0001, 0.001, 0.01]},
    ],
}  # fmt: skip
C10A = "C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-fair"


@pytest.fixture(scope="module")
def catalog(bases):
    return replace(tiny_catalog(), cells={"fair": CellTable.model_validate(FAIR)}, rates={})


@pytest.fixture(scope="module")
def swept(catalog, tiny_store):
    """The catalog with the rates of a sweep, and the store."""
    store, table = Store(tiny_store), catalog.cells["fair"]
    tasks, targets = sweep_tasks(catalog, table)
    assert not LocalExecutor(store, builders()).build(tasks, "sweep", targets).failed
    return replace(catalog, rates={one.id: one for one in choose(catalog, table, store)}), store


def the_case(catalog, name=C10A):
    return next(case for case in build_grid(catalog) if case.id == name)


def slow_loss(graph, store, cell):
    """The loss of every response by transformers' own loss, one at a time."""
    base = store.open(graph.base(cell.model, cell.replicate.base).key).folder
    items = store.open(graph.unseen_items(cell.dataset, cell.replicate.tuning_seed).key).folder
    model = load_tuned(base, store.open(graph.checkpoint(cell).key).folder)
    total, count = 0.0, 0
    for item in read_lines(items / ITEMS, Item):
        example = training_example(load_tokenizer(base), item)
        labels = torch.tensor([example.labels])
        tokens = int((labels != -100).sum())
        with torch.no_grad():
            total += float(model(input_ids=torch.tensor([example.ids]), labels=labels).loss) * tokens
        count += tokens
    return total / count


def test_the_rate_with_the_lowest_loss_is_chosen(catalog, swept):
    chosen, store = swept
    graph = Graph(catalog)
    for method in ("lora", "full"):
        found = chosen.rates[f"fair-{DATASET}-{method}"]
        for tried in found.tried:
            cells = [TunedCell("bios1m", DATASET, method, tried.rate, Replicate(base, 9)) for base in (1, 2, 3)]
            slow = sum(slow_loss(graph, store, cell) for cell in cells) / 3
            assert tried.loss == pytest.approx(slow, rel=1e-4)
        assert found.rate == min(found.tried, key=lambda one: one.loss).rate
        assert (found.bases, found.seeds, found.cells) == ((1, 2, 3), (9,), "fair")


def test_a_sweep_asks_for_all_taught_facts_in_words_of_its_own(catalog, swept):
    _, store = swept
    graph = Graph(catalog)
    seed = Replicate(1, 9).tuning_seed
    tasks = graph.corpus(DATASET, seed), graph.unseen_items(DATASET, seed)
    LocalExecutor(store, builders()).build(list(graph.tasks.values()), "corpora", [one.key for one in tasks])
    tuned, unseen = (read_lines(store.open(one.key).folder / ITEMS, Item) for one in tasks)
    assert {fact for item in tuned for fact in item.facts} == {fact for item in unseen for fact in item.facts}
    assert not {item.instruction for item in tuned} & {item.instruction for item in unseen}


def test_a_case_is_decided_at_the_rates_of_both_methods(swept, build):
    catalog, _ = swept
    inside = {name: one.model_copy(update={"tried": _around(one.rate)}) for name, one in catalog.rates.items()}
    catalog = replace(catalog, rates=inside)
    case = the_case(catalog)
    assert why_not(case, catalog, None, Path("no-store")) is None
    store, _ = build([case], catalog)
    record = verdict_from_store(case, catalog, None, store)
    rates = [catalog.rates[f"fair-{DATASET}-{method}"].rate for method in ("lora", "full")]
    assert (record.arm, record.rates, record.n_replicates) == ("fair", tuple(sorted(set(rates))), 6)
    words = " against ".join(dict.fromkeys(f"{rate:g}" for rate in rates))
    assert f"at learning rate {words}, each method's own" in record.reason
    (point,) = record.points
    assert (point.rate, point.headline) == (None, True)
    assert [point.rate_left, point.rate_right] == rates
    assert "edge of sweep" not in record.reason


def _around(rate):
    return tuple(TriedRate(rate=rate * factor, loss=abs(factor - 1)) for factor in (0.3, 1, 3))


def test_a_rate_at_the_edge_gives_no_verdict(swept, build):
    catalog, _ = swept
    name = f"fair-{DATASET}-full"
    lowest = catalog.rates[name].model_copy(update={"tried": tuple(
        TriedRate(rate=catalog.rates[name].rate * factor, loss=factor) for factor in (1, 3, 10)
    )})  # fmt: skip
    catalog = replace(catalog, rates={**catalog.rates, name: lowest})
    case = the_case(catalog)
    store, _ = build([case], catalog)
    record = verdict_from_store(case, catalog, None, store)
    assert record.verdict == "INCONCLUSIVE"
    assert record.p_value is None
    assert f"edge of sweep: full on {DATASET} was best at {lowest.rate:g}" in record.reason


def test_without_a_sweep_a_case_is_not_run(catalog):
    reason = why_not(the_case(catalog), catalog, None, Path("no-store"))
    assert reason == f"not run: no learning rate was chosen for full on {DATASET}; run itl-bench sweep fair"


def test_a_sweep_of_other_cells_does_not_count(swept):
    catalog, _ = swept
    table = catalog.cells["fair"].model_copy(update={"sweep_seeds": (8,)})
    moved = replace(catalog, cells={"fair": table})
    assert why_not(the_case(moved), moved, None, Path("no-store")) == (
        f"not run: the learning rate of full on {DATASET} was chosen with another recipe, world, method or sweep; "
        "run itl-bench sweep fair again"
    )


def losses(values, tokens):
    names = tuple(map(str, range(len(values))))
    return Table(prompts=names, units=names, columns={"loss": tuple(values), "tokens": tuple(tokens)})


def test_losses_count_by_token_and_then_by_run():
    runs = [losses([1.0, 3.0], [2.0, 6.0]), losses([4.0, 5.0], [2.0, 1.0])]
    assert mean_loss(runs) == pytest.approx((4 / 8 + 9 / 3) / 2)
    assert mean_loss([*runs, losses([1.0, None], [2.0, 6.0])]) == math.inf


def rate(method, cells):
    return ChosenRate(
        id=f"{cells}-{DATASET}-{method}", cells=cells, dataset=DATASET, method=method, rate=0.01,
        bases=(1,), seeds=(9,),
        tried=tuple(TriedRate(rate=one, loss=math.inf if one > 0.1 else 1 - one) for one in (0.001, 0.01, 1.0)),
        sweep="some",
    )  # fmt: skip


def test_what_is_written_is_read_again(tmp_path):
    lora, full, neftune = (rate(method, "bios-full-fair") for method in ("lora", "full", "full-neftune"))
    path, other = tmp_path / "rates.yaml", rate("full", "others")
    save([lora], [other, neftune], path)  # of other cells: stays; of the same cells: goes
    assert path.read_text(encoding="utf-8").startswith("# Learning rates of the arm `fair`")
    with pytest.raises(UsageError, match="unknown cells in the arm fair 'others'"):
        load_catalog(tmp_path)
    save([lora, full], [], path)
    found = load_catalog(tmp_path).rates
    assert [found[one.id] for one in (lora, full)] == [lora, full]
    assert f"others-{DATASET}-full" not in found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rate": 7.0}, "7 is not the best of the rates tried, 0.01 is"),
        ({"rate": 0.001}, "0.001 is not the best of the rates tried, 0.01 is"),
        (
            {"id": "mine"},
            f"the id 'mine' does not fit its cells, dataset and method; it would be 'fair-{DATASET}-lora'",
        ),
        ({"tried": [{"rate": 0.01, "loss": 1.0}] * 3}, "a rate was tried twice"),
    ],
)
def test_a_rate_that_no_sweep_chose_is_refused(changes, expected):
    with pytest.raises(ValueError, match=expected):
        ChosenRate.model_validate(rate("lora", "fair").model_dump() | changes)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["bios-full"], "unknown cells in the arm fair 'bios-full'; did you mean 'bios-full-fair'?"),
        (["bios-full-fair", "--cases", "nowhere"], "no catalog folder at nowhere; give a folder"),
    ],
)
def test_a_mistaken_command_is_one_line(arguments, expected, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["itl-bench", "sweep", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert line.startswith(f"ERROR: {expected}")


@pytest.fixture
def own(monkeypatch, tmp_path, catalog):
    """A folder of a user's own with the tiny cells, and a rate of another table in it."""
    other = rate("lora", "others")
    save([other], [], tmp_path / "rates.yaml")
    kept = rate("full", "shipped")
    files = {other.id: tmp_path / "rates.yaml", kept.id: tmp_path / "elsewhere" / "rates.yaml"}
    sources = {("ChosenRate", name): str(path) for name, path in files.items()}
    catalog = replace(catalog, rates={other.id: other, kept.id: kept}, sources=sources)
    monkeypatch.setattr("itl_bench.catalog.loading.load_catalog", lambda own: catalog)
    return tmp_path


def command(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["itl-bench", "sweep", "fair", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_the_command_writes_what_it_chose_and_keeps_what_the_file_held(swept, own, monkeypatch, capsys, tiny_store):
    chosen, _ = swept
    assert command(monkeypatch, "--store", tiny_store, "--cases", own) == 0
    out, text = capsys.readouterr().out, (own / "rates.yaml").read_text(encoding="utf-8")
    for one in chosen.rates.values():
        assert f"{one.method} on {DATASET}: {one.rate:g}" in out
        assert f"id: {one.id}\n" in text
    assert f"id: others-{DATASET}-lora\n" in text
    assert f"id: shipped-{DATASET}-full\n" not in text
    assert f"wrote {own / 'rates.yaml'}" in out


def test_what_failed_is_tried_again_by_the_next_sweep(own, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("itl_bench.stages.builders.build_corpus", failing := Mock(side_effect=ValueError("a mistake")))
    store = tmp_path / "store"
    assert command(monkeypatch, "--store", store, "--cases", own) == 2
    assert "tasks failed, the first with ValueError: a mistake" in capsys.readouterr().err
    calls = failing.call_count
    assert command(monkeypatch, "--store", store, "--cases", own) == 2
    assert failing.call_count == 2 * calls > 0


def stopped_by(monkeypatch, capsys, table, *arguments):
    monkeypatch.setattr("sys.argv", ["itl-bench", "sweep", table, *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    return line


def test_a_sweep_says_what_it_lacks_before_it_builds(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    line = stopped_by(monkeypatch, capsys, "llama7b-fair", "--store", tmp_path / "store")
    assert line.startswith("ERROR: llama7b-fair: ")
    assert "hf download meta-llama/Llama-2-7b-hf --revision" in line
    assert not (tmp_path / "store").exists()


def test_a_sweep_that_does_not_fit_on_the_disk_is_not_begun(own, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("itl_bench.plan.disk.free_gb", lambda folder: 0.0)
    monkeypatch.setattr("itl_bench.stages.builders.build_corpus", building := Mock(side_effect=ValueError("was begun")))
    line = stopped_by(monkeypatch, capsys, "fair", "--store", tmp_path / "store", "--cases", own)
    assert line.startswith("ERROR: fair: needs ")
    assert "GB on the disk of the store for weights" in line
    assert not building.called


def test_cells_of_a_whole_level_are_swept_model_by_model(own, catalog, monkeypatch, capsys, tmp_path):
    level = catalog.cells["fair"].model_copy(update={"model": "bios"})
    monkeypatch.setattr("itl_bench.catalog.loading.load_catalog", lambda own: replace(catalog, cells={"fair": level}))
    line = stopped_by(monkeypatch, capsys, "fair", "--store", tmp_path / "store", "--cases", own)
    assert line == (
        "ERROR: the cells fair are of every model of level bios, and rates are chosen for one; "
        "declare cells of their own for it in cells.yaml"
    )
