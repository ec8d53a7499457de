"""What a cell costs on a machine: memory, time and disk. Rough: for plans, and to skip what cannot fit."""

from dataclasses import dataclass
from math import ceil

from itl_bench.machine.memory import (
    RANK,
    STORED,
    USABLE,
    Model,
    Trains,
    adapter_parameters,
    answering_gb,
    gpus_needed,
    positions_at_once,
    shape_of,
    state_gb,
    working_gb,
)
from itl_bench.machine.speeds import GPU_UPDATE, tokens_per_second
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import TuningRecipe

MOST_GPUS = 8  # that a cell is trained on: those of one machine
BF16_COPY = 2  # bytes a parameter: autocast keeps one of each fp32 weight until the end of the forward pass


@dataclass(frozen=True)
class CellCost:
    """Of one cell. GB are 10^9 bytes.

    Attributes:
        state_gb: Weights, gradients and moments: what several GPUs divide among them.
        working_gb: Everything else that training holds, on each GPU.
        seconds: Of training, from first update to last.
        disk_gb: Of the checkpoint.
        gpus: How many it takes; 0 on a CPU or where no number of GPUs would do.
        fits: Whether the machine has the memory.
    """

    state_gb: float
    working_gb: float
    seconds: float
    disk_gb: float
    gpus: int
    fits: bool

    @property
    def memory_gb(self) -> float:
        """Of the whole job."""
        return self.state_gb + self.working_gb * max(1, self.gpus)


def cell_cost(
    model: Model,
    rows: int,
    mean_tokens: float,
    trains: Trains,
    recipe: TuningRecipe,
    machine: Machine,
    *,
    response_tokens: float | None = None,
    rank: int = RANK,
) -> CellCost:
    """What training one cell takes.

    Args:
        model: What is tuned.
        rows: Of the dataset.
        mean_tokens: Of a row.
        trains: An adapter, or all weights.
        recipe: How it is tuned.
        machine: On what.
        response_tokens: Of a row; None for half of it.
        rank: Of the adapter.
    """
    shape, positions = shape_of(model), positions_at_once(mean_tokens, recipe)
    share = 0.5 if response_tokens is None else min(1.0, response_tokens / mean_tokens)
    logits = positions * (share if recipe.response_head else 1)
    state = state_gb(model, trains, bool(machine.gpus), rank)
    working = working_gb(shape, positions, logits, trains, recipe.gradient_checkpointing)
    gpus = 0
    if machine.gpus:
        copies = _copies_gb(model, trains, recipe)
        gpus = gpus_needed(state, working, min(machine.gpus), copies)
        working += copies if gpus == 1 else 0.0
    tokens = min(mean_tokens, recipe.cutoff or mean_tokens)
    speed = tokens_per_second(model, trains, tokens, machine) * max(1, gpus)
    updates = ceil(rows / recipe.batch) * recipe.epochs
    seconds = max(rows * tokens * recipe.epochs / speed, updates * GPU_UPDATE if machine.gpus else 0.0)
    room = USABLE * min(machine.gpus, default=0.0)
    stored = model.parameters if trains == "all" else adapter_parameters(shape, rank)
    fits = _fits(state + working, gpus, machine) and (not machine.gpus or answering_gb(model, trains) <= room)
    return CellCost(state, working, seconds, disk_gb=STORED * stored / 1e9, gpus=gpus, fits=fits)


def _copies_gb(model: Model, trains: Trains, recipe: TuningRecipe) -> float:
    return BF16_COPY * model.parameters / 1e9 if trains == "all" and recipe.precision != "fp32" else 0.0


def _fits(memory: float, gpus: int, machine: Machine) -> bool:
    if machine.gpus:
        return 1 <= gpus <= min(MOST_GPUS, len(machine.gpus))
    return memory <= USABLE * machine.ram_gb
