"""A cell of which no probe can be asked is not trained."""

import pytest

from itl_bench.errors import UsageError
from itl_bench.run.asked_first import asked_first
from itl_bench.run.building import Stages, Work, build
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

BASE, CORPUS = Task("base", {}), Task("corpus", {})
PROBES = [Task("probe", {"of": name}) for name in "ab"]
CELL = Task("checkpoint", {}, (BASE.key, CORPUS.key))
ANSWERS = [Task("responses", {"probe": probe.spec["of"]}, (BASE.key, probe.key, CELL.key)) for probe in PROBES]
TASKS = (BASE, CORPUS, *PROBES, CELL, *ANSWERS)


def run(tmp_path, refused):
    """What was built, and what failed."""
    built = []

    def note(task, parents, folder):
        (folder / "text").write_text(task.kind, encoding="utf-8")
        built.append(task.kind)

    def check(task, base, probe):
        if task.spec["probe"] in refused:
            raise UsageError(f"prompt of {task.spec['probe']} is too long")

    builders = dict.fromkeys(["base", "corpus", "probe", "checkpoint", "responses"], note)
    stages = Stages(builders, {}, check)
    report = build(Work(TASKS, tuple(one.key for one in ANSWERS)), Store(tmp_path), "run", lambda: stages)
    return built, [str(one) for one in report.failed.values()]


def test_a_cell_is_not_trained_where_none_of_its_probes_can_be_asked(tmp_path):
    built, failed = run(tmp_path, "ab")
    assert "checkpoint" not in built
    assert failed == ["UsageError: prompt of a is too long"]


@pytest.mark.parametrize("refused", ["", "a", "b"])
def test_a_cell_is_trained_where_one_of_its_probes_can_be_asked(tmp_path, refused):
    built, failed = run(tmp_path, refused)
    assert built.count("checkpoint") == 1
    assert failed == []


def test_a_cell_does_not_wait_for_a_probe_that_is_not_there_yet(tmp_path):
    def fail(*_):
        raise AssertionError("looked at")

    trained = []
    builders = {"checkpoint": lambda *arguments: trained.append(arguments)}
    asked_first(builders, fail, TASKS, Store(tmp_path))["checkpoint"](CELL, [], tmp_path)
    assert len(trained) == 1
