"""A tuning that diverges is tried once in a run, costs the verdicts at its own rate, and nothing else."""

import math
from dataclasses import replace

import pytest

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.build import build_grid
from itl_bench.cli import main
from itl_bench.errors import DivergedError, UsageError
from itl_bench.plan.reads import tasks_of
from itl_bench.run.building import Built, NotBuiltError, Work, build, require, work_of
from itl_bench.run.built_cells import BuiltCells
from itl_bench.run.deciding import measured_verdict
from itl_bench.run.recording.recorder import behind
from itl_bench.run.sweeping import choose, sweep_tasks
from itl_bench.stages import builders as stages_module
from itl_bench.stages.checkpoint import build_checkpoint
from itl_bench.store.queue import Failure
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import tiny_catalog

HIGH = 1e30  # at which every tuning diverges
DATASET = "bios-new30-short"
KNOWN = f"bios1m-{DATASET}-lora-vs-full-bios-known-knowledge"


def of_rates(rates, headline=0.01):
    cells = [{"datasets": [DATASET], "methods": ["lora", "full"], "rates": rates}]
    return tiny_catalog(cells=cells, headline=headline, bases=[1, 2], seeds=[1])


def the_case(catalog, name):
    return next(case for case in build_grid(catalog) if case.id == name)


@pytest.fixture
def tuned(monkeypatch):
    """Counts the tunings that are begun, by learning rate."""
    rates = []

    def counted(task, parents, folder):
        rates.append(task.spec["rate"])
        build_checkpoint(task, parents, folder)

    monkeypatch.setattr(stages_module, "build_checkpoint", counted)
    return rates


def judged(catalog, store, *names, run="run"):
    """The records of cases, as a run makes them: built together first, then decided one by one."""
    cases = [the_case(catalog, name) for name in names]
    built = build(work_of(cases, catalog, None, store.root), store, run)
    return [measured_verdict(case, catalog, None, store, run, built) for case in cases], built


CASES = [f"C10a-measured-{KNOWN}-shared-rate", f"C10b-measured-{KNOWN}-shared-rate"]


def test_a_rate_that_diverged_has_no_verdict_and_the_headline_keeps_its_own(bases, tiny_store, tuned):
    catalog, store = of_rates([0.01, HIGH]), Store(tiny_store)
    records, built = judged(catalog, store, *CASES, run="diverged")
    assert {failure.error for failure in built.failed.values()} == {"DivergedError"}
    assert tuned.count(HIGH) == len(built.failed) == 4  # two methods on two bases, once each for all cases
    plain = [verdict_from_store(the_case(of_rates([0.01]), name), of_rates([0.01]), None, store) for name in CASES]
    for record, alone in zip(records, plain, strict=True):
        numbers = ("verdict", "effect", "ci_low", "n_prompts", "n_replicates", "reason")
        assert [getattr(record, one) for one in numbers] == [getattr(alone, one) for one in numbers]
        at_headline, diverged = record.points
        assert (at_headline.headline, diverged.headline, diverged.rate) == (True, False, HIGH)
        assert (diverged.verdict, diverged.effect, diverged.loss_left) == ("INCONCLUSIVE", None, None)
        assert diverged.reason.startswith(
            "diverged: lora at 1e+30 (2 of 2 replicates: training at the learning rate 1e+30 diverged: "
        )
        assert " and full at 1e+30 (2 of 2 replicates: " in diverged.reason
        assert "take a lower rate)" in diverged.reason
        assert "\n" not in diverged.reason
        assert set(record.artifacts) == set(alone.artifacts)


def test_at_a_headline_that_diverged_there_is_no_verdict_and_the_reason_says_so(bases, tiny_store):
    records, _ = judged(of_rates([0.01, HIGH], headline=HIGH), Store(tiny_store), *CASES, run="headline")
    for record in records:
        assert (record.verdict, record.p_value, record.effect) == ("INCONCLUSIVE", None, None)
        assert record.reason.startswith("diverged: lora at 1e+30 (2 of 2 replicates: ")
        assert len(record.points) == 2


def test_what_is_behind_the_verdicts_is_recorded_without_what_diverged(bases, tiny_store):
    catalog, store = of_rates([0.01, HIGH]), Store(tiny_store)
    judged(catalog, store, *CASES, run="recorded")
    work = work_of([the_case(catalog, CASES[0])], catalog, None, store.root)
    made = behind(work.needed(), catalog, None, store, "2026-01-01T00:00:00+00:00")
    keys = {one.key for one in made.artifacts}
    assert keys
    assert all(store.has(key) for key in keys)
    assert {one.rate for cell in made.cells for one in cell.training} == {0.01}


def test_at_equal_training_loss_a_rate_that_diverged_ends_the_curve(bases, tiny_store):
    name = f"C01-measured-bios1m-{DATASET}-full-vs-lora-bios-known-token-shift-equal-loss"
    rates = [0.003, 0.01, 0.03]
    plain, _ = judged(of_rates(rates), Store(tiny_store), name, run="curve")
    more, _ = judged(of_rates([*rates, HIGH]), Store(tiny_store), name, run="longer-curve")
    assert plain[0].reason == more[0].reason
    assert (plain[0].effect, plain[0].verdict) == (more[0].effect, more[0].verdict)


def test_a_test_of_ones_own_is_told_in_one_line_and_the_next_one_does_not_train_again(bases, tmp_path, tuned):
    cells = BuiltCells(of_rates([0.01]), Store(tmp_path), "own")
    for _ in range(2):
        with pytest.raises(
            NotBuiltError, match=r"checkpoint \(.*rate 1e\+30.*\): DivergedError: training .* diverged"
        ) as error:
            cells.cell(DATASET, "lora", HIGH, base=1, seed=1)
        assert "\n" not in str(error.value)
    assert tuned == [HIGH]


def test_another_failure_beside_it_stays_an_error(tmp_path):
    catalog = of_rates([0.01, HIGH])
    case = the_case(catalog, CASES[0])
    tasks, _ = tasks_of([case], catalog, None)
    first, second = [task for task in tasks if task.kind == "checkpoint"][:2]
    failed = {first.key: Failure.of(DivergedError("too high")), second.key: Failure.of(ValueError("a mistake"))}
    built, work = Built(failed), work_of([case], catalog, None, tmp_path)
    assert built.diverged == {first.key: "too high"}
    with pytest.raises(NotBuiltError, match=r"not judged, because building failed: .*ValueError: a mistake"):
        require(work.without(built.diverged), Store(tmp_path), built)
    assert set(work.without({}).targets) == set(work.targets)


FAIR = {
    "id": "fair", "profile": "embedded", "model": "bios1m", "arm": "fair", "bases": [1], "seeds": [1],
    "sweep_seeds": [9], "reason": "as small as can be",
    "cells": [{"datasets": [DATASET], "methods": ["lora", "full"], "rates": [0.001, 0.01, HIGH]}],
}  # fmt: skip


def fair(rates=(0.001, 0.01, HIGH)):
    table = CellTable.model_validate(FAIR | {"cells": [{**FAIR["cells"][0], "rates": list(rates)}]})
    return replace(tiny_catalog(), cells={"fair": table}, rates={})


def test_a_sweep_chooses_among_the_rates_that_did_not_diverge(bases, tiny_store, monkeypatch, capsys, tmp_path):
    catalog = fair()
    monkeypatch.setattr("itl_bench.catalog.loading.load_catalog", lambda own: catalog)
    monkeypatch.setattr(
        "sys.argv", ["itl-bench", "sweep", "fair", "--store", str(tiny_store), "--cases", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    said = capsys.readouterr()
    assert stopped.value.code == 0
    assert said.out.count(f"{HIGH:g}: inf") == 2
    assert said.err.count("WARNING: checkpoint (") == 2
    assert "diverged: " in said.err
    assert "loss: .inf" in (tmp_path / "rates.yaml").read_text(encoding="utf-8")


def test_a_sweep_of_rates_that_all_diverged_ends_in_one_line(bases, tiny_store):
    catalog, store = fair([1e29, HIGH, 1e31]), Store(tiny_store)
    tasks, targets = sweep_tasks(catalog, catalog.cells["fair"])
    built = build(Work(tuple(tasks), tuple(targets)), store, "all")
    with pytest.raises(UsageError) as error:
        choose(catalog, catalog.cells["fair"], store, built.diverged)
    assert str(error.value) == f"lora on {DATASET} diverged at every rate of the sweep; declare lower ones"


def test_a_loss_in_the_store_counts_whatever_failed_later(bases, tiny_store):
    catalog, store = fair(), Store(tiny_store)
    tasks, targets = sweep_tasks(catalog, catalog.cells["fair"])
    built = build(Work(tuple(tasks), tuple(targets)), store, "later")
    chosen = choose(catalog, catalog.cells["fair"], store, {task.key for task in tasks if task.kind == "checkpoint"})
    assert [[math.isinf(one.loss) for one in choice.tried] for choice in chosen] == [[False, False, True]] * 2
    assert len(built.diverged) == 2
