"""The stage that tunes: in this process, or in one for each GPU where a model is larger than one of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from safetensors import safe_open

from itl_bench.data.rows import Item, read_lines
from itl_bench.data.tokens.template import tokenize_items
from itl_bench.data.weights.folder import weight_files
from itl_bench.machine.cell_cost import cell_cost
from itl_bench.machine.devices import on_own_gpu, on_several_gpus
from itl_bench.machine.memory import RANK
from itl_bench.machine.this_machine import Machine, cores, this_machine
from itl_bench.methods.recipe import Tuning, tuning_of
from itl_bench.methods.registry import load_method
from itl_bench.stages.loading import load_model, load_tokenizer
from itl_bench.stages.training.distributed_launch import Job, train_in_processes
from itl_bench.stages.training.sharding import save_tuned
from itl_bench.stages.training.tuning import tune
from itl_bench.store.artifact import ITEMS, TRAINING, Artifact
from itl_bench.store.keys import Task


class _Tuned(NamedTuple):
    """A base, as its cost asks for it."""

    id: str
    parameters: float


def build_checkpoint(task: Task, parents: Mapping[str, Artifact], folder: Path) -> None:
    """Tune a base on a corpus with a method.

    Raises:
        DivergedError: The weights that came of it are no numbers.
    """
    spec: Mapping[str, Any] = task.spec
    base, items = parents["base"].folder, parents["corpus"].folder / ITEMS
    how = tuning_of(task.place)
    method = load_method(how.code, spec["method"]["parameters"])  # what is wrong with them is said first
    count = gpus_of(spec, how, base, items, this_machine())
    if count > 1:
        with on_several_gpus(count) as gpus:
            train_in_processes(_job(spec, how, base, items, folder, count), gpus)
        return
    with on_own_gpu():
        model, log = tune(
            load_model(base), load_tokenizer(base), read_lines(items, Item), method, how.recipe,
            float(spec["rate"]), int(spec["seed"]),
        )  # fmt: skip
        save_tuned(model, folder, log, float(spec["rate"]))
    log.write(folder / TRAINING)


def gpus_of(spec: Mapping[str, Any], how: Tuning, base: Path, items: Path, machine: Machine) -> int:
    """How many GPUs a cell takes, by its own weights and rows; 1 where that is no question."""
    if len(machine.gpus) < 2:
        return 1
    recipe = how.recipe
    examples = tokenize_items(load_tokenizer(base), read_lines(items, Item), recipe.template, recipe.cutoff).examples
    rank = spec["method"]["parameters"].get("rank")
    model = _Tuned(str(spec["model"]), parameters_in(base))
    mean = fmean(len(example.ids) for example in examples) if examples else 1.0
    cost = cell_cost(model, max(1, len(examples)), mean, how.trains, recipe, machine, rank=rank or RANK)
    return max(1, cost.gpus)


def parameters_in(folder: Path) -> int:
    """Weights in the files that a model is loaded from, and not in others beside them; only their headers are read."""
    total = 0
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            total += sum(torch.Size(file.get_slice(name).get_shape()).numel() for name in file.keys())  # noqa: SIM118
    return total


def _job(spec: Mapping[str, Any], how: Tuning, base: Path, items: Path, folder: Path, processes: int) -> Job:
    return Job(
        base=base, items=items, folder=folder, log=TRAINING, method=how.code,
        parameters=spec["method"]["parameters"], recipe=how.recipe,
        rate=float(spec["rate"]), seed=int(spec["seed"]), kind="fsdp", processes=processes,
        threads=max(1, min(8, cores() // processes)), ends_with=os.getpid(),
    )  # fmt: skip
