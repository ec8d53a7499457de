"""Tasks of one group are built together, and what comes of it is what building them one by one gives."""

import random
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.store.executor import LocalExecutor, Made
from itl_bench.store.keys import Task
from itl_bench.store.queue import Failure
from itl_bench.store.store import Store

BASE = Task("base", {})


def members(group, count, start=0):
    return [Task("answers", {"number": start + number}, (BASE.key,), group=group) for number in range(count)]


def write(task, parents, folder):
    if task.spec.get("number") in write.bad:
        raise ValueError(f"no answer to {task.spec['number']}")
    (folder / "text").write_text(f"{task.spec} of {[one.manifest.key for one in parents]}", encoding="utf-8")


write.bad = frozenset()


class Together:
    """A group builder that remembers what it was given, and whether it was closed."""

    def __init__(self, order=list):
        self.lots, self.closed, self.order = [], 0, order

    def __call__(self, group):
        self.lots.append([one.task.spec["number"] for one in group])
        try:
            for task, parents in self.order(group):
                yield Made(task, partial(write, task, parents))
        finally:
            self.closed += 1


def executor(root, together, **options):
    return LocalExecutor(Store(root), {"base": write, "answers": write}, groups={"answers": together}, **options)


def content(root):
    store = Store(root)
    assert list(store.verify()) == []
    return {key: (store.folder(key) / "text").read_text(encoding="utf-8") for key in store.keys()}  # noqa: SIM118  # a method, not a mapping's


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), workers=st.integers(1, 4),
    bad=st.frozensets(st.integers(0, 12)), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_group_gives_what_its_tasks_give_one_by_one(sizes, workers, bad, seed):
    tasks = [BASE]
    for number, size in enumerate(sizes):
        tasks += members(f"group {number}" if number else "", size, len(tasks) - 1)
    random.Random(seed).shuffle(tasks)
    together = Together(lambda group: random.Random(seed).sample(group, len(group)))
    with TemporaryDirectory() as one, TemporaryDirectory() as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "bad", bad)
        plain = LocalExecutor(Store(Path(one)), {"base": write, "answers": write}).build(tasks, "run")
        grouped = executor(Path(other), together, workers=workers).build(tasks, "run")
        assert content(Path(one)) == content(Path(other))
    assert sorted(plain.built) == sorted(grouped.built)
    assert plain.failed == grouped.failed
    assert together.closed == len(together.lots)
    assert all(len(lot) > 1 for lot in together.lots)


def test_each_of_the_workers_takes_its_share(tmp_path):
    together = Together()
    executor(tmp_path, together, workers=2).build([BASE, *members("g", 40)], "run")
    assert [len(lot) for lot in together.lots] == [20, 10, 8, 2]  # of what is left half, and 8 at least


def test_two_workers_split_a_group_and_build_nothing_twice(tmp_path):
    started = threading.Barrier(2)

    def slowly(group):
        started.wait(10)
        return group

    both = [Together(slowly), Together(slowly)]
    reports = {}

    def work(number):
        reports[number] = executor(tmp_path, both[number], workers=2).build([BASE, *members("g", 16)], "run")

    Store(tmp_path)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [[len(lot) for lot in one.lots] for one in both] == [[8], [8]]
    assert len(reports[0].built + reports[1].built) == 17


def test_what_a_group_has_written_stays_when_it_breaks_down(tmp_path):
    def breaks(group):
        for task, parents in group[:2]:
            yield Made(task, partial(write, task, parents))
        raise RuntimeError("the engine is gone")

    tasks = members("g", 5)
    report = executor(tmp_path, breaks).build([BASE, *tasks], "run")
    assert len(report.built) == 3
    assert set(report.failed.values()) == {Failure("the engine is gone", "RuntimeError")}
    assert len(report.failed) == 3
    assert list((tmp_path / "claims").iterdir()) == list((tmp_path / "partial").iterdir()) == []


def test_what_a_group_leaves_out_has_failed(tmp_path):
    def forgetful(group):
        yield from (Made(task, partial(write, task, parents)) for task, parents in group[1:])

    report = executor(tmp_path, forgetful).build([BASE, *members("g", 3)], "run")
    assert [str(one) for one in report.failed.values()] == ["ItlError: its group was built without it"]


def test_an_interrupt_closes_the_group_and_gives_all_locks_back(tmp_path):
    class Interrupted(Together):
        def __call__(self, group):
            for made in super().__call__(group):
                yield made._replace(write=self.interrupt)

        def interrupt(self, folder):
            raise KeyboardInterrupt

    together = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        executor(tmp_path, together).build([BASE, *members("g", 3)], "run")
    assert together.closed == 1
    assert list((tmp_path / "claims").iterdir()) == list((tmp_path / "partial").iterdir()) == []


def test_the_share_of_what_was_spent_together_is_in_the_manifest(tmp_path):
    def batch(group):
        yield from (Made(task, partial(write, task, parents), 40.0) for task, parents in group)

    tasks = members("g", 2)
    executor(tmp_path, batch).build([BASE, *tasks], "run")
    assert [round(Store(tmp_path).manifest(task.key).seconds) for task in tasks] == [40, 40]


WORKER = """
import os, sys, time
from functools import partial
from pathlib import Path
from itl_bench.store.executor import LocalExecutor, Made
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
root, log, seconds, killer = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
def write(task, parents, folder):
    time.sleep(seconds)
    if task.spec["number"] == killer:
        os.kill(os.getpid(), 9)
    (folder / "text").write_text("x", encoding="utf-8")
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{task.key}\\n")
def together(group):
    yield from (Made(task, partial(write, task, parents)) for task, parents in group)
tasks = [Task("answers", {"number": number}, group="g") for number in range(8)]
executor = LocalExecutor(Store(root), {"answers": write}, groups={"answers": together}, workers=2)
report = executor.build(tasks, "run")
print(len(Store(root).keys()), *report.failed.values())
"""


def start(folder, seconds=0.1, killer=-1):
    command = [sys.executable, "-c", WORKER, str(folder / "store"), str(folder / "log"), str(seconds), str(killer)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_loses_only_what_was_being_written(tmp_path, seed):
    victim, survivor = start(tmp_path), start(tmp_path)
    time.sleep(0.4 + random.Random(seed).uniform(0, 0.7))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    output, _ = survivor.communicate(timeout=60)
    assert output.strip() == "8"
    built = (tmp_path / "log").read_text(encoding="utf-8").split()
    assert len(built) - len(set(built)) <= 1  # logged, and killed before it was published


def test_a_task_that_kills_its_workers_is_found_in_its_group(tmp_path):
    results = []
    for _ in range(3):
        worker = start(tmp_path, 0, killer=2)
        output, _ = worker.communicate(timeout=60)
        results.append((worker.returncode, output.strip()))
    assert [code for code, _ in results] == [-9, -9, 0]
    assert results[2][1] == "7 2 workers died while building it"
