"""What vLLM takes of a machine: whether it is there, on how many GPUs a model goes, what `auto` stands for."""

import re
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict

from itl_bench.errors import UsageError
from itl_bench.machine.this_machine import Machine, this_machine

BYTES = {"fp32": 4, "bf16": 2}  # a weight
OF_GPU = 0.6  # share of its memory that weights may take, so that keys and values have room
SIZES = (1, 2, 4, 8)  # GPUs that weights are divided among: attention heads are divided evenly
INVARIANT = "H100|H200|GH200|B100|B200|GB200"  # compute capability 9.0 and above, which its batch-invariant mode needs
INSTALL = "pip install 'itl_bench[vllm]' on a machine with a GPU; docs/generation.md says how without one"


class Served(BaseModel):
    """What the stage of answers has to know beside what identifies them.

    Attributes:
        parameters: Of the model.
        ceiling: Share of a sample of answers that may differ from those of transformers in bf16.
    """

    model_config = ConfigDict(frozen=True)

    parameters: int
    ceiling: float


def installed() -> bool:
    """Whether vLLM can be loaded; loads nothing of it."""
    return find_spec("vllm") is not None


def check_installed() -> None:
    """Make sure that vLLM is there.

    Raises:
        UsageError: It is not; one line with the command that installs it.
    """
    if not installed():
        raise UsageError(f"vLLM is not installed; {INSTALL}")


def is_worthwhile(machine: Machine | None = None) -> bool:
    """Whether `auto` stands for vLLM: it is there, and a GPU is."""
    return installed() and bool((machine or this_machine()).gpus)


def batch_invariant(machine: Machine | None = None) -> bool:
    """Whether vLLM has its batch-invariant mode on the GPUs of a machine; None for this one."""
    return re.search(INVARIANT, (machine or this_machine()).gpu) is not None


def gpus_for(parameters: int, precision: str, machine: Machine | None = None) -> int:
    """On how many GPUs a model goes; 0 on a machine without one.

    Raises:
        UsageError: It does not fit on all of them.
    """
    here = machine or this_machine()
    if not here.gpus:
        return 0
    weights, room = parameters * BYTES[precision] / 1e9, OF_GPU * min(here.gpus)
    fitting = [size for size in SIZES if size <= len(here.gpus) and weights / size <= room]
    if not fitting:
        raise UsageError(
            f"needs {weights:,.0f} GB of GPU memory to answer in {precision}; this machine has {here.in_words()}"
        )
    return fitting[0]
