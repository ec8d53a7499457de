import json
import os
import signal
import subprocess
import sys
import time

import pytest

from itl_bench.store.locks import held, this_process, try_lock
from itl_bench.store.store import Store

KEY = "a" * 32
HOLD = """
import sys, time
from pathlib import Path
from itl_bench.store.locks import try_lock
claim = try_lock(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
print("held" if claim else "refused", flush=True)
time.sleep(60)
"""


@pytest.fixture
def root(tmp_path):
    return Store(tmp_path / "store").root


@pytest.fixture
def holder(root):
    """Another process that holds the claim."""
    command = [sys.executable, "-c", HOLD, str(root), KEY, "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_claim_is_held_by_one(root):
    claim = try_lock(root, KEY)
    assert claim is not None
    assert held(root, KEY)
    assert try_lock(root, KEY) is None
    claim.release()
    assert not held(root, KEY)
    assert list((root / "claims").iterdir()) == []


def test_a_living_process_keeps_its_claim(root, holder):
    assert try_lock(root, KEY) is None


def test_a_killed_process_loses_its_claim_at_once(root, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    claim = try_lock(root, KEY)
    assert claim is not None
    claim.release()


def write(root, age=0.0, **changes):
    path = root / "claims" / KEY
    path.write_text(json.dumps({"token": "t", "lease": 60, **this_process(), **changes}), encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)


@pytest.mark.parametrize(
    ("changes", "age", "free"),
    [
        ({}, 0, False),
        ({}, 61, False),  # silent, but its process lives: the machine slept, say
        ({"started": "1"}, 0, True),  # its number was given to another process since
        ({"pid": 2**22 + 1}, 0, True),
        ({"machine": "elsewhere", "pid": 2**22 + 1}, 0, False),  # nothing is known of processes of other machines
        ({"machine": "elsewhere"}, 61, True),
        ({"machine": "elsewhere", "lease": 600}, 61, False),  # the holder's own lease counts
    ],
)
def test_whose_claim_is_alive(root, changes, age, free):
    write(root, age, **changes)
    claim = try_lock(root, KEY)
    assert (claim is not None) == free
    if claim:
        claim.release()


def test_an_unreadable_claim_ends_with_its_lease(root):
    (root / "claims" / KEY).write_text("{", encoding="utf-8")
    assert try_lock(root, KEY, lease=60) is None
    os.utime(root / "claims" / KEY, (0, 0))
    claim = try_lock(root, KEY)
    assert claim is not None
    claim.release()


def test_a_heartbeat_keeps_a_claim_young(root):
    claim = try_lock(root, KEY, lease=0.4)
    made = (root / "claims" / KEY).stat().st_mtime
    time.sleep(1.0)
    assert (root / "claims" / KEY).stat().st_mtime > made + 0.3
    claim.release()


def test_a_claim_that_was_taken_over_is_left_to_its_new_holder(root):
    claim = try_lock(root, KEY)
    write(root, token="somebody else")
    claim.release()
    assert held(root, KEY)


def test_of_many_processes_one_gets_the_claim(root):
    command = [sys.executable, "-c", HOLD, str(root), KEY, "60"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.kill()
        process.wait()
    assert sorted(answers) == ["held"] + ["refused"] * 5


RACE = """
import sys, time
from pathlib import Path
from itl_bench.store.locks import try_lock
root, keys, go = Path(sys.argv[1]), sys.argv[2].split(","), float(sys.argv[3])
time.sleep(max(0, go - time.time()))
claims = [try_lock(root, key) for key in keys]
print("".join("1" if claim else "0" for claim in claims), flush=True)
sys.stdin.read()
"""


def test_of_many_processes_one_takes_a_dead_claim_over(root):
    keys = [f"{number:032}" for number in range(60)]
    dead = {"token": "dead", "lease": 60, **this_process(), "started": "1"}
    for key in keys:
        (root / "claims" / key).write_text(json.dumps(dead), encoding="utf-8")
    command = [sys.executable, "-c", RACE, str(root), ",".join(keys), str(time.time() + 1.5)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(6)]
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("")
    assert [column.count("1") for column in zip(*answers, strict=True)] == [1] * len(keys)


def test_a_claim_of_a_dead_worker_names_its_run(root):
    write(root, run="monday", started="1")
    claim = try_lock(root, KEY, run_id="tuesday")
    assert claim.orphan_of == "monday"
    claim.release()
