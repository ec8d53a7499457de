"""An engine's process: it answers, says in one line how it failed, and is gone with whoever started it."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from itl_bench.errors import ItlError, UnservedError
from itl_bench.stages.generation.child import child, members
from tests.helpers.stub_engine import PROGRAM, TARGET

TOP = Path(__file__).parents[3]
ROWS = {"rows": [{"prompts": [[1, 2], [3]]}, {"prompts": [[4]]}]}


@pytest.fixture
def mark(tmp_path, monkeypatch):
    """Names what a test makes in shared memory, and is in the environment of every process that comes of it."""
    name = f"itl-test-{os.getpid()}-{random.randrange(10**9)}"
    monkeypatch.setenv("ITL_TEST_MARK", name)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(TOP), prepend=os.pathsep)
    return name


def left(mark):
    """Processes and shared memory that a test has left behind."""
    processes = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if int(path.parent.name) != os.getpid() and mark.encode() in path.read_bytes():
                processes.append(int(path.parent.name))
        except OSError:
            continue
    return processes, sorted(path.name for path in Path("/dev/shm").glob(f"*{mark}*"))


def nothing_left(mark, seconds=15):
    until = time.monotonic() + seconds
    while left(mark) != ([], []) and time.monotonic() < until:
        time.sleep(0.05)
    return left(mark) == ([], [])


def test_it_answers_as_often_as_it_is_asked_and_leaves_nothing(mark, tmp_path):
    with child(TARGET, {"mark": mark}) as engine:
        assert len(left(mark)[1]) >= 1
        for _ in range(2):
            assert [reply["responses"] for reply in engine.ask(ROWS)] == [[[3], [3]], [[4]]]
    assert left(mark) == ([], [])
    assert list(tmp_path.iterdir()) == []  # no log where nothing went wrong


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        ("load", "the engine failed: RuntimeError: no kernel image; its log "),
        ("row", "the engine failed: ValueError: out of cache; its log "),
        ("exit", "the engine failed: its process has ended; its log "),
    ],
)
def test_how_it_failed_is_one_line_with_the_end_of_its_log(mark, tmp_path, fails, says):
    with pytest.raises(ItlError) as error, child(TARGET, {"mark": mark, "fails": fails}) as engine:
        list(engine.ask(ROWS))
    message = str(error.value)
    assert message.startswith(says)
    assert "\n" not in message
    (log,) = tmp_path.glob("itl-bench-engine-*.log")
    assert str(log) in message
    assert "loading weights" in log.read_text(encoding="utf-8")
    assert left(mark) == ([], [])


def test_what_it_cannot_serve_is_no_breakdown(mark):
    with (
        pytest.raises(UnservedError, match="a model of another kind"),
        child(TARGET, {"mark": mark, "fails": "unserved"}),
    ):
        raise AssertionError
    assert left(mark) == ([], [])


def test_an_interrupt_ends_it(mark, tmp_path):
    with pytest.raises(KeyboardInterrupt), child(TARGET, {"mark": mark, "seconds": 0.2}) as engine:
        _interrupt(next(iter(engine.ask(ROWS))))
    assert left(mark) == ([], [])
    assert list(tmp_path.iterdir()) == []


def _interrupt(reply):
    raise KeyboardInterrupt(reply)


def killed_parent(mark, tmp_path, seconds):
    command = [sys.executable, PROGRAM, str(tmp_path / "out"), mark, "0.05"]
    parent = subprocess.Popen(command, cwd=TOP, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    parent.send_signal(signal.SIGKILL)
    parent.wait()


def test_a_parent_that_is_killed_takes_it_along(mark, tmp_path):
    command = [sys.executable, PROGRAM, str(tmp_path / "out"), mark, "0.05"]
    parent = subprocess.Popen(command, cwd=TOP, stderr=subprocess.DEVNULL)
    while len(left(mark)[1]) < 2:  # the engine and the process beside it both hold memory
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert nothing_left(mark)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_parent_killed_at_any_moment_leaves_nothing(mark, tmp_path, seed):
    killed_parent(mark, tmp_path, random.Random(seed).uniform(0.2, 5))
    assert nothing_left(mark)


def test_the_members_of_a_session_are_its_processes():
    process = subprocess.Popen(["sleep", "30"], start_new_session=True)
    assert members(process.pid) == [process.pid]
    process.kill()
    process.wait()
    assert members(process.pid) == []
