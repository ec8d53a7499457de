"""The builders: how each kind of artifact is made from its parents, and from nothing else."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from itl_bench.machine.devices import on_own_gpu
from itl_bench.machine.this_machine import cores, hardware, package_versions
from itl_bench.measures.registry import by_name
from itl_bench.stages.base import build_base
from itl_bench.stages.checkpoint import build_checkpoint
from itl_bench.stages.corpus import build_corpus, build_probe
from itl_bench.stages.familiarity.stage import build_familiarity
from itl_bench.stages.measuring.table import build_measure
from itl_bench.stages.responses import build_responses, build_together
from itl_bench.store.artifact import Artifact
from itl_bench.store.executor import Builder, Given, GroupBuilder, Made
from itl_bench.store.keys import Task
from itl_bench.vocabulary import CELL, Kind

# Tiny models gain little from a second thread, and two processes with two threads each lose much; so every worker takes
# one, and what is built does not depend on how many there are.
THREADS = 1
TAKE_GPUS: tuple[Kind, ...] = (CELL, "responses")  # those that they need, themselves
LARGE = 64 << 20  # bytes of weights, from which on a model gains from more threads

Stage = Callable[[Task, Mapping[str, Artifact], Path], None]  # is given what the artifact is made from, by name


def builders() -> Mapping[str, Builder]:
    """A builder for every kind of artifact."""
    stages: Mapping[Kind, Stage] = {
        "base": build_base, "familiarity": build_familiarity, "corpus": build_corpus, "probe": build_probe,
        "checkpoint": build_checkpoint, "responses": build_responses, "measure": build_measure,
    }  # fmt: skip
    limited: dict[Kind, Builder] = {kind: _limited(stage) for kind, stage in stages.items()}
    return {kind: one if kind in TAKE_GPUS else _on_own_gpu(one) for kind, one in limited.items()}


def group_builders() -> Mapping[str, GroupBuilder]:
    """What builds artifacts of one base together, by their kind."""

    def responses(group: Sequence[Given]) -> Generator[Made]:
        every = [parent for _, parents in group for parent in parents]
        with _threads_for(every):
            yield from build_together([(task, by_name(task.kind, task.spec, parents)) for task, parents in group])

    return {"responses": responses}


def _on_own_gpu(builder: Builder) -> Builder:
    """The builder on this worker's own GPU."""

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        with on_own_gpu():
            builder(task, parents, folder)

    return build


def _limited(stage: Stage) -> Builder:
    """The stage with as many threads as the models among its parents gain from; it leaves no memory of the GPU."""

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        with _threads_for(parents):
            stage(task, by_name(task.kind, task.spec, parents), folder)

    return build


@contextmanager
def _threads_for(parents: Sequence[Artifact]) -> Iterator[None]:
    large = any(path.stat().st_size > LARGE for one in parents for path in one.folder.glob("*.safetensors"))
    torch.set_num_threads(threads_of_large_models() if large else THREADS)
    try:
        yield
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # a cell on several GPUs may come next


def threads_of_large_models() -> int:
    """This worker's share of the cores."""
    return max(1, cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def provenance() -> Mapping[str, object]:
    """With what artifacts are built; no part of any key."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = {"tiny models": THREADS, "large models": threads_of_large_models()}
    return {"packages": package_versions(), "hardware": hardware(), "threads": threads, "device": device}
