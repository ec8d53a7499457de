"""What a machine has: from the answers of nvidia-smi, real and broken ones, and from the system."""

import os
import stat
from importlib.machinery import ModuleSpec
from math import inf
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from itl_bench.machine import this_machine as machine
from itl_bench.machine.this_machine import (
    UNKNOWN_GPU,
    Gpu,
    Machine,
    cores,
    disagreement,
    free_gb,
    gpu_spec,
    gpus_of_torch,
    read_gpus,
    this_machine,
    torch_build,
    visible,
)

TWO = """0, GPU-aaaa1111-0000, NVIDIA H100 80GB HBM3, 81559
1, GPU-bbbb2222-0000, NVIDIA A100-SXM4-40GB, 40960
"""
GPUS = read_gpus(TWO)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Puts a program in the place of nvidia-smi; counts its calls. Torch is as if not installed."""
    this_machine.cache_clear()
    monkeypatch.setattr(machine, "gpus_of_torch", lambda: None)
    monkeypatch.setattr(machine, "SIGNS", ())
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


# What the installed torch can use


@pytest.fixture
def torch_of(tmp_path, monkeypatch):
    """A torch of a given build in the place of the installed one; it says what it sees, or fails."""

    def install(build, code="", origin=True):
        folder = tmp_path / "torch"
        folder.mkdir()
        lines = f"__version__ = '9.9'\ncuda: Optional[str] = {build!r}\nhip: Optional[str] = None\n"
        (folder / "version.py").write_text(f"{lines}raise RuntimeError('read, not run')\n", encoding="utf-8")
        (folder / "__init__.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        spec = ModuleSpec("torch", None, origin=str(folder / "__init__.py") if origin else None)
        monkeypatch.setattr(machine, "find_spec", lambda name: spec)

    return install


SEES = """
from types import SimpleNamespace
gpus = [SimpleNamespace(total_memory={memory}, name="NVIDIA H100 80GB HBM3")] * {count}
cuda = SimpleNamespace(device_count=lambda: len(gpus), get_device_properties=gpus.__getitem__)
"""


@pytest.mark.parametrize(
    ("build", "code", "expected"),
    [
        (None, "raise SystemExit('a build for the CPU is not loaded')", []),
        ("12.8", SEES.format(memory=85_520_000_000, count=2), [(85.52, "NVIDIA H100 80GB HBM3")] * 2),
        ("12.8", SEES.format(memory=1, count=0), []),
        ("12.8", "raise RuntimeError('the driver is too old')", []),
        ("12.8", "import time; time.sleep(60)", None),
    ],
)
def test_what_torch_can_use_is_asked_in_a_process_of_its_own(torch_of, monkeypatch, build, code, expected):
    monkeypatch.setattr(machine, "SECONDS_TO_LOAD_TORCH", 2 if "sleep" in code else 60)
    torch_of(build, code)
    assert torch_build() == (build or "")
    assert gpus_of_torch() == expected


def test_without_torch_nothing_is_known_of_it(torch_of, monkeypatch):
    torch_of("12.8", origin=False)
    assert torch_build() is None
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert (torch_build(), gpus_of_torch()) == (None, None)


def test_the_build_of_the_torch_that_tests_run_with():
    version = pytest.importorskip("torch.version")
    assert torch_build() == (version.cuda or version.hip or "")


def test_gpus_that_torch_cannot_use_are_not_planned_for(asked, monkeypatch):
    asked(f"cat <<'END'\n{TWO}END")
    monkeypatch.setattr(machine, "gpus_of_torch", list)
    found = this_machine()
    assert (found.gpus, found.gpu) == ((), "")
    assert found.note.startswith(
        "nvidia-smi lists 2 and the installed torch can use 0 GPUs (NVIDIA H100 80GB HBM3): the plan is for the CPU; "
        "install a build of torch for CUDA"
    )
    assert found.in_words().startswith("no GPU that torch can use and ")


def test_a_gpu_that_only_torch_knows_is_planned_for(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "gpus_of_torch", lambda: [(64.0, "AMD Instinct MI250X")])
    assert this_machine().gpus == ()  # without a sign of a GPU torch is not asked
    this_machine.cache_clear()
    monkeypatch.setattr(machine, "SIGNS", ("/nowhere", str(tmp_path)))
    found = this_machine()
    assert (found.gpus, found.gpu) == ((64.0,), "AMD Instinct MI250X")
    assert found.note == (
        "nvidia-smi lists 0 and the installed torch can use 1 GPU (AMD Instinct MI250X): the plan is for 1"
    )


def test_where_both_agree_the_memory_is_that_of_torch(asked, monkeypatch):
    asked("echo '0, GPU-1, NVIDIA H100 80GB HBM3, 81559'")
    monkeypatch.setattr(machine, "gpus_of_torch", lambda: [(10.0, "NVIDIA H100 80GB HBM3 MIG 1g.10gb")])
    assert this_machine().gpus == (10.0,)
    assert this_machine().note == ""


def test_nobody_disagrees_about_no_gpus():
    assert disagreement((), []) == ""


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_free_space_is_that_of_the_disk_on_which_a_folder_would_be(tmp_path, monkeypatch):
    asked_for = []

    def usage(path):
        asked_for.append(path)
        return SimpleNamespace(free=3e9)

    monkeypatch.setattr(machine.shutil, "disk_usage", usage)
    assert free_gb(tmp_path / "not" / "yet") == 3.0
    assert asked_for == [tmp_path]


def test_a_disk_that_says_nothing_has_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", Mock(side_effect=PermissionError))
    assert free_gb(tmp_path) == inf


@pytest.mark.parametrize(
    ("name", "bandwidth"),
    [
        ("NVIDIA H100 80GB HBM3", 3.35), ("NVIDIA H200", 4.8), ("NVIDIA GH200 480GB", 4.0), ("Tesla T4", 0.32),
        ("NVIDIA A100-SXM4-80GB", 1.555), ("NVIDIA A10G", 0.6), ("NVIDIA L4", 0.3), ("NVIDIA L40S", 0.864),
        ("Matrox G200", 0.3),
    ],
)  # fmt: skip
def test_the_data_sheet_of_a_gpu(name, bandwidth):
    assert gpu_spec(name).bandwidth == bandwidth
    assert (gpu_spec(name) == UNKNOWN_GPU) == name.startswith("Matrox")


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
