import inspect
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from itl_bench.data.sources.spec import MissingDatasetError
from itl_bench.errors import EvidenceError, ItlError, UnsuitableBaseError, UsageError
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.keys import Task
from itl_bench.store.queue import Failure, Queue
from itl_bench.store.store import Store
from tests.helpers.building_worker import builder, graph, work

WORKER = Path(__file__).parents[1] / "helpers" / "building_worker.py"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def start(root, log, seconds=0.05):
    command = [sys.executable, str(WORKER), str(root), str(log), "run", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process):
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def built(log):
    return Counter(log.read_text(encoding="utf-8").split()) if log.exists() else Counter()


def test_one_worker_builds_everything_once_and_a_second_run_nothing(root, log):
    report = work(root, log, "first", 0)
    assert sorted(report.built) == sorted(task.key for task in graph(seconds=0))
    assert work(root, log, "second", 0).built == []
    assert set(built(log).values()) == {1}


def test_parents_come_first_and_the_longest_of_a_stage_before_the_others(root, log):
    report = work(root, log, "run", 0)
    kinds = {task.key: (task.kind, task.seconds) for task in graph(seconds=0)}
    order = [kinds[key] for key in report.built]
    assert order[0][0] == "corpus"
    assert [seconds for kind, seconds in order if kind == "cell"] == [5, 4, 3, 2, 1, 0]
    assert [kind for kind, _ in order[7:]] == ["measure"] * 6


def test_workers_share_the_work_and_build_nothing_twice(root, log):
    workers = [start(root, log, 0.3) for _ in range(3)]
    for worker in workers:
        finish(worker)
    assert built(log) == Counter(task.key for task in graph(seconds=0.3))
    assert list((root / "claims").iterdir()) == []


@pytest.mark.parametrize("seed", range(6))
def test_killing_a_worker_at_any_moment_loses_only_what_it_was_writing(root, log, seed):
    victim = start(root, log, 0.1)
    time.sleep(0.3 + random.Random(seed).uniform(0, 1.2))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    before = set(Store(root).keys())
    counted = built(log)
    finish(start(root, log, 0.1))
    store = Store(root)
    assert sorted(store.keys()) == sorted(task.key for task in graph(seconds=0.1))
    assert list(store.verify()) == []
    again = [key for key, times in built(log).items() if times > 1]
    assert not before & set(again)
    assert len(again) <= 1
    assert all(counted[key] == 1 for key in again)


def test_a_survivor_takes_over_what_a_killed_worker_held(root, log):
    victim, survivor = start(root, log, 0.5), start(root, log, 0.5)
    time.sleep(1.5)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    started = time.monotonic()
    finish(survivor)
    assert time.monotonic() - started < 30  # not the lease of 60 seconds
    assert sorted(Store(root).keys()) == sorted(task.key for task in graph(seconds=0.5))


def test_a_damaged_parent_is_built_again_before_its_child(root, log):
    tasks = graph(seconds=0)
    corpus = next(task for task in tasks if task.kind == "corpus")
    build = builder(log, 0)
    executor = LocalExecutor(Store(root), dict.fromkeys(("corpus", "cell", "measure"), build))
    executor.build([corpus], "first")
    (Store(root).folder(corpus.key) / "text").write_text("changed", encoding="utf-8")
    fresh = LocalExecutor(Store(root), executor.builders)
    report = fresh.build(tasks, "second")
    assert report.built[0] == corpus.key
    assert len(report.built) == len(tasks)
    assert len(report.damaged) == 1
    assert "text has changed" in report.damaged[0]
    assert list(Store(root).verify()) == []


def test_a_damaged_parent_that_nobody_builds_fails_its_child(root, log):
    corpus = Task("corpus", {})
    build = builder(log, 0)
    kinds = {"corpus": build, "cell": build}
    LocalExecutor(Store(root), kinds).build([corpus], "first")
    (Store(root).folder(corpus.key) / "text").write_text("changed", encoding="utf-8")
    child = Task("cell", {}, (corpus.key,))
    report = LocalExecutor(Store(root), kinds).build([child], "second")
    assert "is lost" in str(report.failed[child.key])
    assert report.built == []


def test_a_parent_that_nothing_missing_needs_is_not_built_again(root, log):
    tasks = graph(seconds=0)
    build = builder(log, 0)
    kinds = dict.fromkeys(("corpus", "cell", "measure"), build)
    executor = LocalExecutor(Store(root), kinds)
    executor.build(tasks, "first")
    cells = [task.key for task in tasks if task.kind == "cell"]
    for key in cells:
        shutil.rmtree(Store(root).folder(key))  # as checkpoints are dropped once their measures exist
    measures = [task.key for task in tasks if task.kind == "measure"]
    assert LocalExecutor(Store(root), kinds).build(tasks, "second", measures).built == []
    shutil.rmtree(Store(root).folder(measures[0]))
    again = LocalExecutor(Store(root), kinds).build(tasks, "third", measures).built
    parent = next(task.parents[0] for task in tasks if task.key == measures[0])
    assert again == [parent, measures[0]]


KILLER = """
import os, sys
from pathlib import Path
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
def build(task, parents, folder):
    if task.spec.get("kills"):
        os.kill(os.getpid(), 9)
    (folder / "text").write_text("x", encoding="utf-8")
tasks = [Task("cell", {"kills": True}, seconds=9.0), *(Task("cell", {"seed": seed}) for seed in range(4))]
report = LocalExecutor(Store(Path(sys.argv[1])), {"cell": build}).build(tasks, "run")
print(len(report.built), *report.failed.values())
"""


def test_a_task_that_kills_its_workers_does_not_stop_the_others(root):
    command = [sys.executable, "-c", KILLER, str(root)]
    results = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(3)]
    assert [result.returncode for result in results] == [-9, -9, 0]
    assert results[2].stdout.strip() == "4 2 workers died while building it"


def test_a_long_chain_and_a_deep_net_are_ordered_quickly(root):
    chain = [Task("corpus", {})]
    for number in range(1500):
        chain.append(Task("cell", {"number": number}, (chain[-1].key,)))
    net = [Task("a", {}), Task("b", {})]
    for number in range(40):
        net += [Task(kind, {"number": number}, (net[-1].key, net[-2].key)) for kind in "ab"]
    for tasks in (chain, net):
        queue = Queue(Store(root), reversed(tasks), "run")
        assert queue.missing()[0].parents == ()


def test_a_run_id_is_a_plain_name(root):
    with pytest.raises(UsageError, match="a run's id is made of"):
        Queue(Store(root), [], "../artifacts")


def test_workers_may_start_together_on_a_new_store(root, log):
    workers = [start(root, log, 0) for _ in range(6)]
    for worker in workers:
        finish(worker)
    assert built(log) == Counter(task.key for task in graph(seconds=0))


def failing(task, parents, folder):
    raise ValueError("out of memory")


def test_what_fails_blocks_its_children_only_and_is_tried_again_by_the_next_run(root, log):
    tasks = graph(seconds=0)
    build = builder(log, 0)
    kinds = {"corpus": build, "cell": build, "measure": failing}
    report = LocalExecutor(Store(root), kinds).build(tasks, "first")
    measures = sorted(task.key for task in tasks if task.kind == "measure")
    assert sorted(report.failed) == measures
    assert report.blocked == []
    assert set(report.failed.values()) == {Failure("out of memory", "ValueError")}
    assert {str(failure) for failure in report.failed.values()} == {"ValueError: out of memory"}
    again = LocalExecutor(Store(root), dict.fromkeys(kinds, build)).build(tasks, "second")
    assert sorted(again.built) == measures
    assert again.failed == {}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (UnsuitableBaseError("40\nfacts"), Failure("40\nfacts", "UnsuitableBaseError", unsuitable=True)),
        (UsageError("a table of other facts"), Failure("a table of other facts", "UsageError")),
        (MissingDatasetError("no rows"), Failure("no rows", "MissingDatasetError")),
        (EvidenceError("NaN"), Failure("NaN", "EvidenceError")),
        (FileNotFoundError(2, "gone"), Failure("[Errno 2] gone", "FileNotFoundError")),
        (RuntimeError(), Failure("", "RuntimeError")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_worker_learns_what_kind_of_failure_it_was(root, log, error, failure):
    def fail(task, parents, folder):
        raise error

    tasks = [Task("corpus", {})]
    LocalExecutor(Store(root), {"corpus": fail}).build(tasks, "run")
    other = LocalExecutor(Store(root), {"corpus": builder(log, 0)}).build(tasks, "run")
    assert other.built == []
    assert other.failed == {tasks[0].key: failure}


def test_nothing_of_a_failed_task_is_left(root, log):
    def half(task, parents, folder):
        (folder / "half").write_text("x", encoding="utf-8")
        raise ValueError

    LocalExecutor(Store(root), {"corpus": half}).build([Task("corpus", {})], "run")
    assert Store(root).keys() == []
    assert list((root / "partial").iterdir()) == list((root / "claims").iterdir()) == []


def test_an_interrupt_gives_the_claim_back(root):
    def interrupt(task, parents, folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(Store(root), {"corpus": interrupt}).build([Task("corpus", {})], "run")
    assert list((root / "claims").iterdir()) == list((root / "partial").iterdir()) == []


def test_progress_counts_to_the_end(root, log):
    seen = []
    build = builder(log, 0)
    kinds = dict.fromkeys(("corpus", "cell", "measure"), build)
    LocalExecutor(Store(root), kinds, on_progress=seen.append).build(graph(seconds=0), "run")
    assert [progress.done for progress in seen] == list(range(14))
    assert seen[-1].seconds_left == 0
    assert {progress.total for progress in seen} == {13}


def test_a_parent_that_nobody_builds_is_an_error(root):
    with pytest.raises(ItlError, match="neither to be built nor in the store"):
        Queue(Store(root), [Task("cell", {}, ("f" * 32,))], "run")


def test_a_kind_without_builder_is_an_error(root):
    with pytest.raises(ItlError, match="no builder for corpus; there are builders for cell"):
        LocalExecutor(Store(root), {"cell": failing}).build([Task("corpus", {})], "run")


def test_what_the_processes_run_is_what_is_imported_here():
    assert Path(inspect.getfile(work)) == WORKER
