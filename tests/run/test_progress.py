"""How far a build is: counts against a plain search of the graph, time left against closed forms, lines as written."""

import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from itl_bench.errors import UnsuitableBaseError
from itl_bench.run import progress
from itl_bench.run.progress import TRUST, BuildProgress, Counts, Pace, count, duration, last_sentence, sentence
from itl_bench.store.keys import Task
from itl_bench.store.queue import Queue
from itl_bench.store.store import Store


def publish(store, task):
    with store.writing(task) as folder:
        (folder / "text").write_text("built", encoding="utf-8")


@some.composite
def builds(draw):
    """Tasks whose parents come before them, and for each whether it is there, has failed, or is still to do."""
    tasks = []
    for number in range(draw(some.integers(1, 7))):
        parents = draw(some.sets(some.sampled_from(tasks))) if tasks else []
        kind = draw(some.sampled_from(["checkpoint", "measure"]))
        keys = tuple(sorted(task.key for task in parents))
        tasks.append(Task(kind, {"number": number}, keys, seconds=draw(some.integers(0, 9))))
    return tasks, [draw(some.sampled_from(["there", "failed", "to do"])) for _ in tasks]


def fates(tasks, states):
    """What becomes of each task when all are wanted: a plain walk in the order in which they were made."""
    fate = {}
    for task, state in zip(tasks, states, strict=True):
        lost = any(fate[parent] in ("failed", "stuck") for parent in task.parents)
        fate[task.key] = "there" if state == "there" else "stuck" if lost and state == "to do" else state
    return fate


@settings(max_examples=40, deadline=None)
@given(builds())
def test_counts_are_those_of_a_plain_walk(build):
    tasks, states = build
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        queue = Queue(store, tasks, "run")
        for task, state in zip(tasks, states, strict=True):
            if state == "there":
                publish(store, task)
            elif state == "failed":
                Queue(store, tasks, "run").fail(task, "as planned")
        found = count(queue)
    fate = fates(tasks, states)

    def number(*wanted, kind=None):
        return sum(fate[task.key] in wanted and kind in (None, task.kind) for task in tasks)

    assert found == Counts(
        done=number("there"),
        total=len(tasks),
        cells_done=number("there", kind="checkpoint"),
        cells=number("there", "failed", "stuck", "to do", kind="checkpoint"),
        failed=number("failed"),
        stuck=number("stuck"),
        work_done=sum(task.seconds for task in tasks if fate[task.key] == "there"),
        work_left=sum(task.seconds for task in tasks if fate[task.key] == "to do"),
    )


def test_what_no_target_needs_counts_as_done(tmp_path):
    parent = Task("checkpoint", {"seed": 1}, seconds=8)
    child = Task("measure", {}, (parent.key,), seconds=1)
    store = Store(tmp_path)
    queue = Queue(store, [parent, child], "run", [child.key])
    assert count(queue).work_left == 9
    publish(store, child)  # its parent was never built, or is not kept
    assert count(queue).done == 2
    assert count(queue).work_left == 0


WORK = some.floats(0.1, 1e6)
SECONDS = some.floats(0, 1e6)


@given(WORK, some.integers(1, 64))
def test_before_anything_is_finished_the_declared_seconds_count(work, workers):
    assert Pace(0, 0, workers).seconds_left(work, 0) == pytest.approx(work / workers)


@given(WORK, SECONDS, some.integers(1, 64))
def test_a_machine_as_fast_as_declared_takes_what_is_declared(work, elapsed, workers):
    assert Pace(elapsed * workers, elapsed, workers).seconds_left(work, 0) == pytest.approx(work / workers)


@given(WORK, some.floats(0.01, 100), some.integers(1, 64))
def test_after_a_long_time_the_measured_speed_counts_alone(work, speed, workers):
    elapsed = TRUST * max(1, workers / speed) * 1e6
    assert Pace(speed * elapsed, elapsed, workers).seconds_left(work, 0) == pytest.approx(work / speed, rel=1e-3)


@given(WORK, WORK, SECONDS, some.floats(0, 1e5))
def test_waiting_for_one_artifact_shortens_what_is_left_and_never_below_nothing(work, worked, elapsed, since):
    pace = Pace(worked, elapsed, 2)
    now, later = pace.seconds_left(work, 0), pace.seconds_left(work, since)
    assert later is None if now <= since else later == pytest.approx(now - since)


def test_short_first_tasks_after_a_slow_start_give_no_wild_numbers():
    """Half a second of work after ten seconds of loading: 20 times too slow, if it were believed."""
    assert Pace(0.5, 10, 1).seconds_left(600, 0) < 2 * 600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (47, "47 s"), (59.9, "59 s"), (60, "1 min"), (185, "3 min"), (5399, "90 min"), (9000, "2.5 h")],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


COUNTS = Counts(done=30, total=210, cells_done=12, cells=45, failed=0, stuck=0, work_done=9, work_left=9)


def test_sentences():
    assert sentence(COUNTS, 180) == "building: 12 of 45 cells, 30 of 210 artifacts, about 3 min left"
    assert sentence(COUNTS, None) == "building: 12 of 45 cells, 30 of 210 artifacts"
    lost = Counts(done=1, total=6, cells_done=0, cells=0, failed=2, stuck=3, work_done=0, work_left=0)
    assert last_sentence(lost, 40) == "built: 1 of 6 artifacts (2 failed, 3 waiting for them) in 40 s"


CELLS = [Task("checkpoint", {"seed": seed}, seconds=20) for seed in range(3)]


def watched(folder, width=None):
    store, written = Store(folder), []
    return store, written, BuildProgress(Queue(store, CELLS, "run"), 1, written.append, width)


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_without_a_terminal_a_line_at_the_start_and_one_at_the_end(tmp_path):
    store, written, shown = watched(tmp_path)
    shown.start()
    wait_for(lambda: written)
    for task in CELLS:
        publish(store, task)
    shown.stop()
    shown.stop()
    first, last = written
    assert re.fullmatch(r"building: 0 of 3 cells, 0 of 3 artifacts, about \d+ s left\n", first)
    assert re.fullmatch(r"built: 3 of 3 cells, 3 of 3 artifacts in \d+ s\n", last)


def test_without_a_terminal_lines_keep_their_distance(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.2)
    _, written, shown = watched(tmp_path)
    started = time.monotonic()
    shown.start()
    wait_for(lambda: len(written) >= 3)
    shown.clear()
    assert len(written) <= 1 + (time.monotonic() - started) / 0.2
    assert all(line.endswith(" left\n") for line in written)


def test_on_a_terminal_one_line_is_rewritten_and_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "IN_PLACE_SECONDS", 0.01)
    store, written, shown = watched(tmp_path, width=40)
    shown.start()
    wait_for(lambda: written)
    publish(store, CELLS[0])
    wait_for(lambda: "1 of 3 cells" in written[-1])
    shown.stop()
    assert not shown.running
    assert written.pop() == "\r" + " " * 39 + "\r"
    assert {(text[0], len(text)) for text in written} == {("\r", 40)}  # back to the start, and not a character too many
    assert written[0][1:].startswith("building: 0 of 3 cells, 0 of 3 artifact")


@pytest.mark.parametrize("width", [None, 40])
def test_why_the_first_artifacts_failed_is_told_once_and_at_once(tmp_path, monkeypatch, width):
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.01)
    monkeypatch.setattr(progress, "IN_PLACE_SECONDS", 0.01)
    monkeypatch.setattr(progress, "SAID", 1)
    store, written, shown = watched(tmp_path, width)
    shown.start()
    wait_for(lambda: written)
    Queue(store, CELLS, "run").fail(CELLS[0], UnsuitableBaseError("knows too little"))
    Queue(store, CELLS, "run").fail(CELLS[1], ValueError("the loss is\nNaN\x1b[2J"))
    wait_for(lambda: any("failed: " in text for text in written))
    Queue(store, CELLS, "run").fail(CELLS[2], ValueError("one more"))
    count_now = len(written)
    wait_for(lambda: len(written) > count_now + 3)
    shown.clear()
    assert [text for text in written if "failed: " in text] == ["checkpoint failed: ValueError: the loss is NaN [2J\n"]


def test_nothing_is_written_before_the_delay(tmp_path):
    _, written, shown = watched(tmp_path)
    shown.start(delay=60)
    shown.clear()
    assert written == []


def test_a_disk_that_does_not_answer_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "IN_PLACE_SECONDS", 0.01)
    _, written, shown = watched(tmp_path, width=60)
    answers = iter([OSError("stale file handle")])

    def refresh():
        if error := next(answers, None):
            raise error

    monkeypatch.setattr(shown.queue, "refresh", refresh)
    shown.start()
    wait_for(lambda: written)
    shown.stop()
    assert next(answers, None) is None
    assert "0 of 3 cells" in written[0]
