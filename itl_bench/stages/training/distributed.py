"""One of the processes that train a cell together: `torchrun ... -m itl_bench.stages.training.distributed JOB.json`."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed

from itl_bench.data.rows import Item, read_lines
from itl_bench.errors import ItlError
from itl_bench.methods.registry import load_method
from itl_bench.stages.loading import load_model, load_tokenizer
from itl_bench.stages.reading import one_line
from itl_bench.stages.training.arguments import runs_in_bf16
from itl_bench.stages.training.distributed_launch import ERROR, Job
from itl_bench.stages.training.sharding import Sharding, in_turn, save_tuned, shard
from itl_bench.stages.training.tuning import fit, prepare

LONGEST_WAIT = timedelta(hours=2)  # for the others, which load the model one after the other
LOOK_SECONDS = 5.0


def main(file: Path) -> None:
    """Do what a file says; an error is noted beside it."""
    job = Job.model_validate_json(file.read_text(encoding="utf-8"))
    _end_with(job.ends_with)
    try:
        with _process_group():
            run(job)
    except Exception as error:
        said = str(error) if isinstance(error, ItlError) else one_line(error)  # ours are one line, and whole
        note = f"{type(error).__name__}: {said}"
        file.with_name(ERROR.format(os.environ["RANK"])).write_text(note, encoding="utf-8")
        raise


def run(job: Job) -> None:
    """Tune with the other processes; the first one writes checkpoint and log.

    Raises:
        ItlError: The weights cannot be loaded, or the model is not spread as it should be.
        DivergedError: On the first process: the weights that came of it are no numbers.
    """
    torch.set_num_threads(job.threads)
    method, sharding = load_method(job.method, job.parameters), Sharding(job.kind, job.processes)
    with in_turn():  # so that the machine holds one whole model, not one for each process
        prepared = prepare(load_model(job.base, device=_first_device(job.kind)), method, job.recipe, job.seed)
        shard(prepared.model, sharding, runs_in_bf16(job.recipe))
    items = read_lines(job.items, Item)
    tokenizer = load_tokenizer(job.base)
    tuned, log = fit(prepared, tokenizer, items, method, job.recipe, job.rate, job.seed, sharding)
    save_tuned(tuned, job.folder, log, job.rate)
    if distributed.get_rank() == 0:
        log.write(job.folder / job.log)


def _first_device(kind: str) -> str:
    """Where a process holds the whole model: on the CPU where it is then sharded, as no GPU has room for it."""
    return "cpu" if kind == "fsdp" or not torch.cuda.is_available() else f"cuda:{torch.cuda.current_device()}"


@contextmanager
def _process_group() -> Iterator[None]:
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=LONGEST_WAIT)
    yield
    distributed.destroy_process_group()  # not after an error: it may wait for processes that wait for this one


def _end_with(process: int) -> None:
    """End when another process has ended: a worker that was killed could not stop what it had started."""

    def watch() -> None:
        while True:
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                os._exit(1)
            time.sleep(LOOK_SECONDS)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
