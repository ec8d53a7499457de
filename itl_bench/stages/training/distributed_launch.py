"""Starting the processes that train one cell together, and waiting for them; loads no torch."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from itl_bench.errors import DivergedError, ItlError
from itl_bench.methods.parameters import Parameter
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.specs import Count, Spec, Text

MODULE = "itl_bench.stages.training.distributed"
JOB, OUTPUT, ERROR = "job.json", "output.txt", "error-{}.txt"
DIVERGED = f"{DivergedError.__name__}: "  # how the note of a process begins whose training diverged
SECONDS_TO_END = 30  # of processes that were asked to
LAST = 400  # characters of their output that an error shows


class Job(Spec):
    """What the processes are to do.

    Attributes:
        base: Folder of the model and its tokenizer.
        items: File with the items to tune on.
        folder: Where the checkpoint goes, and the log as `log`.
        log: Name of the log's file.
        method: "module:Class" of the method.
        parameters: Of the method.
        recipe: Epochs, batch and the rest.
        rate: Highest learning rate.
        seed: Of the order, and of what the method adds.
        kind: A whole model in each process, or a share of it.
        processes: That train it.
        threads: Of each process.
        ends_with: Number of the process without which they end.
    """

    base: Path
    items: Path
    folder: Path
    log: Text
    method: Text
    parameters: dict[str, Parameter]
    recipe: TuningRecipe
    rate: float
    seed: int
    kind: Literal["ddp", "fsdp"]
    processes: Count
    threads: Count = 1
    ends_with: int


def train_in_processes(job: Job, gpus: Sequence[str] = ()) -> None:
    """Train a cell in several processes of this machine, and wait for the checkpoint.

    Args:
        job: What to do.
        gpus: One for each process, as CUDA_VISIBLE_DEVICES names them; none on a machine without.

    Raises:
        DivergedError: The weights that came of it are no numbers.
        ItlError: A process failed; one line says how.
    """
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / JOB).write_text(job.model_dump_json(), encoding="utf-8")
        with (scratch / OUTPUT).open("w", encoding="utf-8") as output:
            command = [*_torchrun(job.processes), str(scratch / JOB)]
            code = _run(command, _environment(job, gpus), output.fileno())
        if code:
            reason = _reason(scratch, code)
            if reason.startswith(DIVERGED):
                raise DivergedError(reason.removeprefix(DIVERGED))
            raise ItlError(f"training in {job.processes} processes failed: {reason}")


def _torchrun(processes: int) -> list[str]:
    place = ["--standalone", "--nproc-per-node", str(processes)]  # a free port; this machine only
    return [sys.executable, "-m", "torch.distributed.run", *place, "-m", MODULE]


def _environment(job: Job, gpus: Sequence[str]) -> Mapping[str, str]:
    """Ours, with the GPUs and threads of the job."""
    threads = {"OMP_NUM_THREADS": str(job.threads)}
    return os.environ | threads | ({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {})


def _run(command: Sequence[str], environment: Mapping[str, str], output: int) -> int:
    """The exit code; whatever ends this process's waiting ends the others too."""
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()  # torchrun ends its processes
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()


def _reason(scratch: Path, code: int) -> str:
    """What the first process that noted an error said, else the end of the output."""
    if noted := sorted(scratch.glob(ERROR.format("*")), key=lambda path: path.stat().st_mtime_ns):
        return noted[0].read_text(encoding="utf-8")
    text = " ".join((scratch / OUTPUT).read_text(encoding="utf-8", errors="replace").split())
    return f"exit code {code}; the end of their output: {text[-LAST:] or 'nothing'}"
