"""The builders: how each kind of artifact is made from its parents, and from nothing else."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from itl_bench.machine.devices import on_own_gpu
from itl_bench.machine.provenance import hardware, package_versions
from itl_bench.machine.this_machine import cores
from itl_bench.stages.base import build_base
from itl_bench.stages.checkpoint import build_checkpoint
from itl_bench.stages.corpus import build_corpus, build_probe
from itl_bench.stages.familiarity.stage import build_familiarity
from itl_bench.stages.measuring.table import build_measure
from itl_bench.stages.responses import build_responses
from itl_bench.store.artifact import Artifact
from itl_bench.store.executor import Builder
from itl_bench.store.keys import Task

# Tiny models gain little from a second thread, and two processes with two threads each lose much; so every worker takes
# one, and what is built does not depend on how many there are.
THREADS = 1


LARGE = 64 << 20  # bytes of weights, from which on a model gains from more threads


def builders() -> Mapping[str, Builder]:
    """A builder for every kind of artifact."""
    every: Mapping[str, Builder] = {
        "base": build_base, "familiarity": build_familiarity, "corpus": build_corpus, "probe": build_probe,
        "checkpoint": build_checkpoint, "responses": build_responses, "measure": build_measure,
    }  # fmt: skip
    own = {kind: _threaded(builder) for kind, builder in every.items() if kind != "checkpoint"}
    return own | {"checkpoint": _limited(build_checkpoint)}  # which takes the GPUs that it needs itself


def _threaded(builder: Builder) -> Builder:
    """The builder on this worker's GPU, with as many threads as the models among its parents gain from."""
    limited = _limited(builder)

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        with on_own_gpu():
            limited(task, parents, folder)

    return build


def _limited(builder: Builder) -> Builder:
    """The builder with as many threads as the models among its parents gain from; it leaves no memory of the GPU."""

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        large = any(path.stat().st_size > LARGE for one in parents for path in one.folder.glob("*.safetensors"))
        torch.set_num_threads(threads_of_large_models() if large else THREADS)
        try:
            builder(task, parents, folder)
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # a cell on several GPUs may come next

    return build


def threads_of_large_models() -> int:
    """This worker's share of the cores."""
    return max(1, cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def provenance() -> Mapping[str, object]:
    """With what artifacts are built; no part of any key."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = {"tiny models": THREADS, "large models": threads_of_large_models()}
    return {"packages": package_versions(), "hardware": hardware(), "threads": threads, "device": device}
