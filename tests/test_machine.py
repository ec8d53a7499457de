"""What a machine has: from the answers of nvidia-smi, real and broken ones, and from the system."""

import os
import stat
from math import inf

import pytest

from itl_bench import machine
from itl_bench.machine import Gpu, Machine, read_gpus, this_machine, visible

TWO = """0, GPU-aaaa1111-0000, NVIDIA H100 80GB HBM3, 81559
1, GPU-bbbb2222-0000, NVIDIA A100-SXM4-40GB, 40960
"""
GPUS = read_gpus(TWO)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Puts a program in the place of nvidia-smi; counts its calls."""
    this_machine.cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def install(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\necho call >> {tmp_path}/calls\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return tmp_path / "calls"

    yield install
    this_machine.cache_clear()


def test_gpus_of_a_machine_are_asked_for_once(asked):
    calls = asked(f"cat <<'END'\n{TWO}END")
    found = [this_machine() for _ in range(3)]
    assert found[0].gpus == pytest.approx((81559 * 1.048576e-3, 40960 * 1.048576e-3))  # MiB are 1,048,576 bytes
    assert found[0].gpu == "NVIDIA H100 80GB HBM3"
    assert calls.read_text().count("call") == 1


def test_the_machine_of_a_worker_has_the_gpus_that_it_may_use(asked, monkeypatch):
    asked(f"cat <<'END'\n{TWO}END")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert this_machine().gpus == pytest.approx((42.95,), abs=0.01)
    assert this_machine().gpu == "NVIDIA A100-SXM4-40GB"


@pytest.mark.parametrize(
    "script",
    ["exit 9", "echo NVIDIA-SMI has failed because it could not communicate with the driver", "sleep 30",
     "printf '\\377\\376'", "true"],
)  # fmt: skip
def test_gpus_that_cannot_be_asked_for_are_none(asked, monkeypatch, script):
    monkeypatch.setattr(machine, "SECONDS_TO_ANSWER", 0.3)
    asked(script)
    assert this_machine().gpus == ()
    assert this_machine().gpu == ""


def test_without_the_program_there_are_no_gpus(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert this_machine().gpus == ()
    assert this_machine().cores >= 1


def test_a_gpu_without_memory_of_its_own_uses_the_machines(asked):
    asked("echo '0, GPU-1, NVIDIA GB10, [N/A]'")
    assert this_machine().gpus == (this_machine().ram_gb,)


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (None, "01"), ("0,1", "01"), ("1,0", "10"), (" 1 ", "1"), ("", ""), ("-1", ""), ("0,-1,1", "0"), ("7", ""),
        ("0,7,1", "0"), ("GPU-bbbb", "1"), ("GPU-bbbb2222-0000,GPU-aaaa", "10"), ("GPU-", ""), ("nonsense", ""),
        ("MIG-GPU-aaaa1111-0000/1/0", ""),
    ],
)  # fmt: skip
def test_visible_devices_as_cuda_reads_them(chosen, numbers):
    assert "".join(gpu.number for gpu in visible(GPUS, chosen)) == numbers


@pytest.mark.parametrize("text", ["", "\n\n", "0, GPU-1, H100", "x, GPU-1, H100, 80000", "No devices were found"])
def test_lines_of_another_form_are_no_gpus(text):
    assert read_gpus(text) == ()
    assert read_gpus(f"{text}\n0, GPU-1, H100, 1000\n") == (Gpu("0", "GPU-1", "H100", pytest.approx(1.048576)),)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [(["2000000000"], 2.0), (["max"], None), ([], None), (["max", "3000000000"], 3.0), (["9223372036854771712"], None)],
)
def test_a_containers_limit_counts_where_it_is_lower(asked, tmp_path, monkeypatch, limits, expected):
    paths = [tmp_path / f"limit-{number}" for number in range(len(limits))]
    for path, text in zip(paths, limits, strict=True):
        path.write_text(f"{text}\n", encoding="ascii")
    monkeypatch.setattr(machine, "LIMITS", (tmp_path / "absent", *paths))
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    assert this_machine().ram_gb == pytest.approx(expected or physical)


def test_a_system_that_does_not_say_has_no_limit(asked, monkeypatch):
    monkeypatch.setattr(machine, "LIMITS", ())
    monkeypatch.delattr(os, "sysconf")
    assert this_machine().ram_gb == inf


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Machine(ram_gb=25.2), "no GPU and 25 GB of memory"),
        (Machine((85.5,), "NVIDIA H100", 8, 64.0), "1 GPU of 86 GB (NVIDIA H100)"),
        (Machine((85.5, 85.5), "NVIDIA H100", 8, 64.0), "2 GPUs of 86 GB (NVIDIA H100)"),
    ],
)
def test_in_words(given, words):
    assert given.in_words() == words
