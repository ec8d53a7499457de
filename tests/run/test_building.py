"""The parts of the build phase, with stages passed in."""

import dataclasses
import errno
import sys
from pathlib import Path
from types import ModuleType

import pytest

from itl_bench.errors import ItlError
from itl_bench.run.building import (
    Built,
    CannotBeAskedError,
    NotBuiltError,
    Work,
    build,
    in_words,
    require,
    work_of,
)
from itl_bench.run.deciding import measured_verdict
from itl_bench.store.keys import Task
from itl_bench.store.queue import Failure
from itl_bench.store.store import Store
from tests.helpers.shipped_catalog import catalog, grid

BASE = Task("base", {"number": 0})
CELLS = [Task("checkpoint", {"seed": seed}, (BASE.key,)) for seed in range(5)]
TABLE = Task("measure", {}, tuple(cell.key for cell in CELLS))
OTHER = Task("measure", {"of": "the base"}, (BASE.key,))
WORK = Work((TABLE, BASE, *CELLS, OTHER), (TABLE.key, OTHER.key))


def write(task, parents, folder):
    (folder / "text").write_text(task.kind, encoding="utf-8")


def refuse(task, parents, folder):
    raise ValueError(f"seed {task.spec['seed']}")


def stages(checkpoint=write):
    return lambda: ({"base": write, "checkpoint": checkpoint, "measure": write}, {"device": "none"})


def not_to_be_called():
    raise AssertionError("stages were loaded")


@pytest.mark.parametrize(
    ("targets", "needed"),
    [
        ([TABLE.key], [TABLE, BASE, *CELLS]),
        ([OTHER.key], [BASE, OTHER]),
        ([CELLS[3].key, BASE.key], [BASE, CELLS[3]]),
        (["of another run"], []),
    ],
    ids=["table", "other", "cell", "unknown"],
)
def test_needed_are_the_targets_and_what_they_are_built_from(targets, needed):
    assert Work(WORK.tasks, tuple(targets)).needed() == needed


def test_what_is_missing_is_built_and_announced_once(tmp_path):
    store, announced = Store(tmp_path), []
    assert build(WORK, store, "run", stages(), announced.append) == Built()
    assert announced == [WORK]
    assert store.keys() == sorted(task.key for task in WORK.tasks)
    assert store.manifest(TABLE.key).provenance == {"device": "none"}


def test_where_every_target_is_there_no_stage_is_loaded(tmp_path):
    store, announced = Store(tmp_path), []
    for task in (TABLE, OTHER):  # what they were built from is not kept
        with store.writing(task) as folder:
            write(task, [], folder)
    assert build(WORK, store, "run", not_to_be_called, announced.append) == Built()
    assert announced == []


def test_published_cases_need_no_work():
    published = [case for case in grid().values() if case.evidence == "published"]
    assert published
    assert work_of(published, catalog(), None, Path("no-store")) == Work()


def test_failures_are_named_in_words_and_many_are_counted(tmp_path):
    store = Store(tmp_path)
    built = build(WORK, store, "run", stages(checkpoint=refuse))
    assert built.failed == {cell.key: Failure(f"seed {cell.spec['seed']}", "ValueError") for cell in CELLS}
    require(Work(WORK.tasks, (OTHER.key,)), store, built)  # what does not rest on them is there
    with pytest.raises(NotBuiltError) as raised:
        require(WORK, store, built)
    named = "; ".join(f"checkpoint (seed {seed}): ValueError: seed {seed}" for seed in range(3))
    assert str(raised.value) == f"not judged, because building failed: {named}; and 2 more"


KNOWN = Task("familiarity", {}, (BASE.key,))
ITEMS = [Task("corpus", {"atlas": 1, "seed": seed}, (KNOWN.key,)) for seed in (1, 2)]
ELSEWHERE = Task("corpus", {"files": []})
TUNED = [Task("checkpoint", {"of": one.key}, (BASE.key, one.key)) for one in (*ITEMS, ELSEWHERE)]
TOO_FEW = Failure("125 items are wanted\nthe base has 40", "UnsuitableBaseError", unsuitable=True)


def asked_of(*tuned):
    """What a case reads of some of the tuned models."""
    every = (BASE, KNOWN, *ITEMS, ELSEWHERE, *tuned)
    return Work(every, tuple(one.key for one in tuned))


def test_what_a_base_cannot_be_asked_is_said_once_and_as_one_line(tmp_path):
    with pytest.raises(CannotBeAskedError) as raised:
        require(asked_of(*TUNED[:2]), Store(tmp_path), Built({one.key: TOO_FEW for one in ITEMS}))
    assert str(raised.value) == "125 items are wanted; the base has 40"


@pytest.mark.parametrize(
    ("failed", "named"),
    [
        ({ITEMS[0]: Failure("40 facts", "EvidenceError")}, "corpus (atlas 1, seed 1): EvidenceError: 40 facts"),
        ({ITEMS[0]: TOO_FEW, ITEMS[1]: Failure("disk", "OSError")}, "corpus (atlas 1, seed 2): OSError: disk"),
        (
            {ELSEWHERE: Failure("line 3 is no JSON", "UsageError")},
            "corpus: UsageError: line 3 is no JSON",
        ),
        ({TUNED[0]: Failure("no template", "UsageError")}, "UsageError: no template"),
    ],
    ids=["broken down", "both", "data that no base decides", "tuning"],
)
def test_every_other_failure_stays_an_error(tmp_path, failed, named):
    with pytest.raises(NotBuiltError, match="not judged, because building failed: ") as raised:
        require(asked_of(*TUNED), Store(tmp_path), Built({task.key: failure for task, failure in failed.items()}))
    assert named in str(raised.value)


def test_a_build_that_stopped_is_named_with_its_cause(tmp_path):
    cause = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(NotBuiltError, match=r"building stopped: OSError: .* No space left on device") as raised:
        require(WORK, Store(tmp_path), Built(stopped=cause))
    assert raised.value.__cause__ is cause


def test_a_kind_without_builder_is_an_error(tmp_path):
    with pytest.raises(ItlError, match="no builder for checkpoint, measure"):
        build(WORK, Store(tmp_path), "run", lambda: ({"base": write}, {}))


def test_a_task_in_words_leaves_out_what_no_reader_needs():
    spec = {"dataset": "lima-1k", "rate": 0.001, "method": {"id": "lora", "rank": 8}, "recipe": {"epochs": 3}}
    assert in_words(Task("checkpoint", spec)) == "checkpoint (dataset lima-1k, rate 0.001, method lora)"
    assert in_words(Task("probe", {"world": [1, 2]})) == "probe"


@pytest.fixture
def fake_verdicts(monkeypatch):
    """Trivial modules in place of the real ones; gives the keys that were asked for."""
    asked = []

    def verdict_from_store(case, catalog, profile, store, diverged):
        asked.append(TABLE.key)
        return store.open(TABLE.key).manifest.kind

    modules = {
        "plan.runnable": {"why_not": lambda *_: None},
        "plan.reads": {"tasks_of": lambda *_: (list(WORK.tasks), [TABLE.key])},
        "stages.builders": {"builders": lambda: stages()()[0], "group_builders": dict, "provenance": dict},
        "verdicts.measured": {"verdict_from_store": verdict_from_store},
    }
    for name, functions in modules.items():
        module = ModuleType(f"itl_bench.{name}")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


CASE = next(case for case in grid().values() if case.evidence == "measured")


@pytest.mark.parametrize("loss", ["gone", "damaged"])
def test_a_table_that_is_lost_after_the_build_is_built_again(tmp_path, fake_verdicts, loss):
    store = Store(tmp_path)
    if loss == "damaged":
        build(WORK, store, "run", stages())
        (store.folder(TABLE.key) / "text").write_text("something else", encoding="utf-8")
        with pytest.warns(UserWarning, match="is damaged"):
            assert measured_verdict(CASE, catalog(), None, store, "run", Built()) == "measure"
    else:
        assert measured_verdict(CASE, catalog(), None, store, "run", Built()) == "measure"
    assert len(fake_verdicts) == 2
    assert (store.folder(TABLE.key) / "text").read_text(encoding="utf-8") == "measure"


def test_a_mistake_in_a_verdict_is_no_reason_to_build(tmp_path, fake_verdicts, monkeypatch):
    store = Store(tmp_path)
    build(WORK, store, "run", stages())

    def mistaken(*_):
        raise KeyError("a name that no table has")

    monkeypatch.setattr(sys.modules["itl_bench.verdicts.measured"], "verdict_from_store", mistaken)
    monkeypatch.setattr(sys.modules["itl_bench.stages.builders"], "builders", not_to_be_called)
    with pytest.raises(KeyError, match="a name that no table has"):
        measured_verdict(CASE, catalog(), None, store, "run", Built())


def test_cases_of_experts_are_never_built(fake_verdicts):
    expert = dataclasses.replace(CASE, evidence="expert")
    assert work_of([expert], catalog(), None, Path("no-store")) == Work()
    assert work_of([CASE], catalog(), None, Path("no-store")).targets == (TABLE.key,)
