"""What this machine has: GPUs, processors, memory and disk; learned without torch."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import NamedTuple

QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")
SECONDS_TO_ANSWER = 10  # of nvidia-smi: its first call on an idle machine loads the driver
MIB = 2**20
# A container may be given less than there is: version 2 and version 1 of Linux's control groups.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Machine:
    """A machine as far as it decides what can be trained on it; memory in GB (10^9 bytes).

    Attributes:
        gpus: Memory of each visible NVIDIA GPU.
        gpu: Name of the first one.
        cores: Processors that this process may use.
        ram_gb: Memory; infinite where the system does not say.
    """

    gpus: tuple[float, ...] = ()
    gpu: str = ""
    cores: int = 1
    ram_gb: float = inf

    def in_words(self) -> str:
        """For example "2 GPUs of 80 GB (NVIDIA H100)" or "no GPU and 25 GB of memory"."""
        if not self.gpus:
            return f"no GPU and {self.ram_gb:,.0f} GB of memory"
        several = "s" if len(self.gpus) > 1 else ""
        return f"{len(self.gpus)} GPU{several} of {min(self.gpus):,.0f} GB ({self.gpu})"


class Gpu(NamedTuple):
    """One line of nvidia-smi; memory in GB, None where it has none of its own."""

    number: str
    uuid: str
    name: str
    memory_gb: float | None


@cache
def this_machine() -> Machine:
    """The machine of this process, asked once; GPUs that cannot be asked for count as none."""
    gpus, ram = visible(_query(), os.environ.get("CUDA_VISIBLE_DEVICES")), _ram_gb()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    sizes = tuple(ram if gpu.memory_gb is None else gpu.memory_gb for gpu in gpus)  # none of its own: it uses the RAM
    return Machine(sizes, gpus[0].name if gpus else "", cores, ram)


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
