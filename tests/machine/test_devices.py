"""Workers take GPUs by number, several for a large model, and never one that others hold alone."""

import multiprocessing
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.errors import UsageError
from itl_bench.machine import devices
from itl_bench.machine.devices import OF_RUN, ORDER, VISIBLE, gpus_of_run, groups, on_own_gpu, on_several_gpus, take_gpu
from itl_bench.machine.this_machine import Machine

NONE, FOUR, EIGHT = (Machine((80.0,) * count) for count in (0, 4, 8))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(devices, "RETRY_SECONDS", 0.01)


@pytest.mark.parametrize(
    ("worker", "environ", "machine", "own"),
    [
        ("gw0", {}, EIGHT, "0"), ("gw7", {}, EIGHT, "7"), ("gw8", {}, EIGHT, "0"), ("gw13", {}, FOUR, "1"),
        ("master", {}, EIGHT, "0"), ("", {}, FOUR, "0"), ("gw2", {VISIBLE: "4,5,6,7"}, FOUR, "6"),
        ("gw5", {VISIBLE: " 4, 5 ,6,7"}, FOUR, "5"),
        ("gw1", {VISIBLE: "GPU-a1,GPU-b2"}, Machine((80.0,) * 2), "GPU-b2"),
        # As CUDA does, the machine sees what comes before the first entry that names no GPU.
        ("gw3", {VISIBLE: "0,1,9,2"}, Machine((80.0,) * 2), "1"),
    ],
)  # fmt: skip
def test_every_worker_gets_one(worker, environ, machine, own):
    assert take_gpu(worker, environ, machine) == own == environ[VISIBLE]


@pytest.mark.parametrize("environ", [{}, {VISIBLE: ""}, {VISIBLE: "-1"}])
def test_without_gpus_nothing_happens(environ):
    before = dict(environ)
    assert take_gpu("gw3", environ, NONE) is None
    assert environ == before
    with on_own_gpu(environ, Path("/nowhere/to/write")):
        pass


def test_a_worker_with_a_gpu_still_knows_those_of_the_run():
    environ = {VISIBLE: "4,5,6,7"}
    take_gpu("gw3", environ, FOUR)
    assert environ[VISIBLE] == "7"
    assert gpus_of_run(environ, Machine((80.0,))) == ("4", "5", "6", "7")
    assert take_gpu("gw1", environ, Machine((80.0,))) == "5"  # also one that starts from its environment


def test_numbers_are_those_of_nvidia_smi_unless_the_user_gave_them():
    ours, theirs = {}, {VISIBLE: "1,0"}
    for environ, machine in ((ours, FOUR), (theirs, Machine((80.0,) * 2))):
        take_gpu("gw0", environ, machine)
    assert ours[ORDER] == "PCI_BUS_ID"
    assert ORDER not in theirs


@given(st.integers(1, 20), st.integers(1, 20))
def test_groups_are_apart_and_consecutive(gpus, count):
    names = [str(number) for number in range(gpus)]
    if count > gpus:
        with pytest.raises(UsageError, match=f"{count} GPUs were asked for, and this run has {gpus} "):
            groups(names, count)
        return
    found = groups(names, count)
    assert len(found) == gpus // count
    assert [name for group in found for name in group] == names[: gpus // count * count]
    assert {len(group) for group in found} == {count}


def test_several_are_not_to_be_had_without_any(tmp_path):
    with (
        pytest.raises(UsageError, match="2 GPUs were asked for, and this run has 1"),
        on_several_gpus(2, {OF_RUN: "0"}, tmp_path),
    ):
        pass


def environment(own, count=4):
    return {OF_RUN: ",".join(map(str, range(count))), VISIBLE: str(own)}


def test_groups_are_taken_in_order_and_given_back(tmp_path):
    with (
        on_several_gpus(2, environment(0), tmp_path) as first,
        on_several_gpus(2, environment(1), tmp_path) as second,
    ):
        assert (first, second) == (("0", "1"), ("2", "3"))
    with pytest.raises(ZeroDivisionError), on_several_gpus(4, environment(3), tmp_path):
        raise ZeroDivisionError
    with on_several_gpus(4, environment(3), tmp_path) as every:
        assert every == ("0", "1", "2", "3")


def test_a_gpu_that_is_used_is_in_no_group(tmp_path):
    with (
        on_own_gpu(environment(1), tmp_path),
        on_own_gpu(environment(1), tmp_path),  # two workers may share theirs
        on_several_gpus(2, environment(0), tmp_path) as group,
    ):
        assert group == ("2", "3")


def test_a_group_that_is_not_free_holds_none_of_its_gpus(tmp_path):
    with on_own_gpu(environment(3), tmp_path):
        held = devices.ExitStack()
        assert devices._first_free(held, [("0", "1", "2", "3")], tmp_path) == ()
        with on_several_gpus(3, environment(0), tmp_path) as group:
            assert group == ("0", "1", "2")


def use(number, several, folder, events):
    """A process that works on its own GPU or on several; says when it begins and ends."""
    devices.RETRY_SECONDS = 0.005
    for _ in range(3):
        if several:
            with on_several_gpus(several, environment(number), folder) as gpus:
                events.put((number, "begins", "alone", gpus))
                time.sleep(0.02)
                events.put((number, "ends", "alone", gpus))
        else:
            with on_own_gpu(environment(number % 4), folder):
                events.put((number, "begins", "shared", (str(number % 4),)))
                time.sleep(0.01)
                events.put((number, "ends", "shared", (str(number % 4),)))


def test_processes_never_meet_on_a_gpu_and_all_come_to_an_end(tmp_path):
    """A queue keeps the order within a process, and begins are told after the locks are had, ends before they go."""
    context = multiprocessing.get_context("fork")
    events = context.SimpleQueue()  # its own lock keeps the order between processes too
    wants = [2, 4, 0, 0, 2, 3, 0]
    every = [context.Process(target=use, args=(number, want, tmp_path, events)) for number, want in enumerate(wants)]
    for one in every:
        one.start()
    using = {str(number): [] for number in range(4)}
    for _ in range(2 * 3 * len(wants)):
        number, what, how, gpus = events.get()
        for gpu in gpus:
            if what == "ends":
                using[gpu].remove((number, how))
                continue
            assert not using[gpu] or how == "shared" == using[gpu][0][1], f"{number} on {gpu} beside {using[gpu]}"
            using[gpu].append((number, how))
    for one in every:
        one.join(10)
        assert one.exitcode == 0
    assert not any(using.values())


def hold_forever(folder, ready):
    with on_several_gpus(4, environment(0), folder):
        ready.put(1)
        time.sleep(60)


def test_the_gpus_of_a_killed_process_are_free(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.SimpleQueue()
    holder = context.Process(target=hold_forever, args=(tmp_path, ready))
    holder.start()
    ready.get()
    assert devices._first_free(devices.ExitStack(), [("2", "3")], tmp_path) == ()
    holder.kill()
    holder.join()
    with on_several_gpus(4, environment(0), tmp_path) as group:
        assert len(group) == 4
