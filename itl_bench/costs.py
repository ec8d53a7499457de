"""What a cell costs on a machine: memory, time and disk. Rough: for plans, and to skip what cannot fit."""

import re
from dataclasses import dataclass
from math import ceil, log
from typing import Literal, NamedTuple

from itl_bench.machine import Machine, gpu_spec
from itl_bench.model_specs import ModelSpec
from itl_bench.training.recipe import TuningRecipe

Trains = Literal["adapter", "all"]
Work = Literal["adapter", "all", "answers", "scores"]

# Bytes a parameter. Trained: fp32 weight, gradient and AdamW's two moments. Kept as it is: bf16 on a GPU, else fp32.
TRAINED = 16
FROZEN_ON_GPU, FROZEN_ON_CPU = 2, 4
BF16_COPY = 2  # autocast keeps one of each fp32 weight until the end of the forward pass
STORED = 4  # checkpoints are fp32

# Activations: bytes = positions x layers x width x 100. Measured: Gemma 3 270M in fp32 on CPU, 8 rows of 32 and 128
# tokens under LoRA. The transformer of Korthikanti et al. 2022 (arXiv 2205.05198, section 4) without its attention
# matrix has 34 in 16-bit, so 68 in fp32. Not measured under bf16 autocast, and taken as the same there.
ACTIVATION = 100
LAYER_INPUT = 4  # fp32: all that gradient checkpointing keeps of a layer
LOGITS = 16  # bytes a logit: the same measurement; fp32 logits, their softmax and gradients, about four copies
EMBEDDING_GRADIENTS = 8  # bytes a weight of the embedding in full tuning, while it gathers gradients from both its ends
PROCESS_GB = 0.5  # Python and torch, measured; a CUDA context is of this size too
LONGEST = 2  # how many times longer than the mean the longest row of an update is: rows are padded to it
RANK = 8  # of adapters whose method names none
USABLE = 0.9  # share of a memory that a cell may fill

MOST_GPUS = 8  # that a cell is trained on: those of one machine


class Shape(NamedTuple):
    """Of a transformer."""

    layers: int
    width: int
    vocabulary: int


SHAPES = {  # from each model's config.json
    "bios1m": Shape(4, 128, 552), "gemma270m": Shape(18, 640, 262_144), "phi1.5": Shape(24, 2048, 51_200),
    "llama7b": Shape(32, 4096, 32_000), "mistral7b": Shape(32, 4096, 32_000), "llama13b": Shape(40, 5120, 32_000),
    "llama70b": Shape(80, 8192, 32_000),
}  # fmt: skip
WIDTH_PER_LAYER = 128  # of Llama 2 7B and 13B; 102 of its 70B
VOCABULARY = 128_256  # of Llama 3: larger than most


@dataclass(frozen=True)
class Speed:
    """Tokens a second of one model on one kind of machine; other sizes are taken in inverse proportion.

    Attributes:
        device: "CPU", or a pattern of the GPU's name.
        does: What is trained, or `answers` for generation.
        row_tokens: Length of the rows.
        source: Where the number is from; "declared" where nobody has measured it.
    """

    device: str
    parameters: float
    does: Work
    row_tokens: int
    tokens_per_second: float
    source: str


GPU_UPDATE = 0.1  # seconds of the smallest model: launching kernels; declared, not measured
ROW = 35  # tokens of a question about a fact and its answer, of which answers are LINE at most
LINE = 20  # tokens of an answer that ends with its line: 13 to 15 on average, the longest of a batch decides
CORES = "measured on 2 CPU cores"
SPEEDS = (
    Speed("CPU", 268e6, "adapter", 30, 196, f"gemma270m, 250 rows x 3 epochs, batch 8, in 115 s; {CORES}"),
    Speed("CPU", 268e6, "adapter", 64, 250, f"gemma270m, batch 8, output head on response positions; {CORES}"),
    Speed("CPU", 268e6, "all", 30, 98, f"gemma270m, 250 rows x 3 epochs, batch 8, in 230 s; {CORES}"),
    Speed("CPU", 268e6, "answers", ROW, 112, f"gemma270m, 420 answers of {LINE} tokens at most in 60 to 90 s; {CORES}"),
    Speed("CPU", 268e6, "scores", ROW, 235, f"gemma270m, token shift (4 passes) of 420 answers in 250 s; {CORES}"),
    Speed("CPU", 1e6, "adapter", 30, 6_750, f"bios1m, 600 rows of 30 tokens x 3 epochs in 8 s; {CORES}"),
    Speed("CPU", 1e6, "all", 30, 6_750, f"bios1m, 600 rows of 30 tokens x 3 epochs in 8 s; {CORES}"),
    Speed("H100|H200|GH200", 7e9, "adapter", 600, 12_500, "declared goal for one GPU, not measured"),
    Speed("H100|H200|GH200", 7e9, "all", 600, 10_000, "declared goal for one GPU, not measured"),
)


DECLARED_ON = 989  # bf16 of the GPU whose speeds of tuning are declared
REACHED = 0.4  # share of a data sheet's numbers that is reached
LAYER_LAUNCH = 0.0005  # seconds that a layer takes for one token, however small the model: launching kernels
ANSWERED_AT_ONCE = 256  # at most, and as many as have their keys and values in ...
CACHE_SHARE = 0.4  # ... this share of the memory that the weights leave


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
    model: ModelSpec,
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


def _copies_gb(model: ModelSpec, trains: Trains, recipe: TuningRecipe) -> float:
    return BF16_COPY * model.parameters / 1e9 if trains == "all" and recipe.precision != "fp32" else 0.0


def _fits(memory: float, gpus: int, machine: Machine) -> bool:
    if machine.gpus:
        return 1 <= gpus <= min(MOST_GPUS, len(machine.gpus))
    return memory <= USABLE * machine.ram_gb


def answering_gb(model: ModelSpec, trains: Trains) -> float:
    """Memory of the one GPU that a tuned model is measured on: in fp32, beside its base where all weights moved."""
    return STORED * model.parameters / 1e9 * (2 if trains == "all" else 1)


def shape_of(model: ModelSpec) -> Shape:
    """A model's own shape, or that of a Llama with as many parameters: 12 x layers x width^2."""
    if model.id in SHAPES:
        return SHAPES[model.id]
    layers = max(1, round((model.parameters / (12 * WIDTH_PER_LAYER**2)) ** (1 / 3)))
    return Shape(layers, WIDTH_PER_LAYER * layers, VOCABULARY)


def adapter_parameters(shape: Shape, rank: int = RANK) -> int:
    """Of LoRA on all linear layers: 8 widths a rank and layer for attention, 11 for an MLP 2.7 times as wide."""
    return 19 * rank * shape.layers * shape.width


def state_gb(model: ModelSpec, trains: Trains, on_gpu: bool, rank: int = RANK) -> float:
    """Weights, gradients and moments, in GB."""
    if trains == "all":
        return TRAINED * model.parameters / 1e9
    frozen = FROZEN_ON_GPU if on_gpu else FROZEN_ON_CPU
    return (frozen * model.parameters + TRAINED * adapter_parameters(shape_of(model), rank)) / 1e9


def working_gb(shape: Shape, positions: float, logits: float, trains: Trains, checkpointing: bool = False) -> float:
    """Activations, logits and what else one forward and backward pass holds, in GB.

    Args:
        shape: Of the model.
        positions: That go through it at once, padding included.
        logits: Positions of these at which there are logits.
        trains: An adapter, or all weights.
        checkpointing: Whether activations are computed again in the backward pass.
    """
    layers, width, vocabulary = shape
    kept = LAYER_INPUT * layers + ACTIVATION if checkpointing else ACTIVATION * layers
    embedding = EMBEDDING_GRADIENTS * vocabulary * width if trains == "all" else 0
    return PROCESS_GB + (positions * width * kept + logits * vocabulary * LOGITS + embedding) / 1e9


def positions_at_once(mean_tokens: float, recipe: TuningRecipe) -> float:
    """Positions that go through the model at once, padding included."""
    longest = min(LONGEST * mean_tokens, recipe.cutoff or LONGEST * mean_tokens)
    positions = longest * min(recipe.batch, recipe.micro_batch or recipe.batch)
    return min(positions, max(longest, recipe.micro_tokens or positions))


def gpus_needed(state: float, working: float, gpu_gb: float, copies: float = 0.0) -> int:
    """The smallest power of two of GPUs that hold a cell, each a share of its state; 0 where none does.

    Args:
        state: That they divide, in GB.
        working: That each of them holds beside its share, in GB.
        gpu_gb: Memory of one of them.
        copies: Of all weights, in GB: one GPU keeps them, several make those of one layer at a time.
    """
    room = USABLE * gpu_gb - working
    if room <= 0:
        return 0
    gpus = 1 if state + copies <= room else 2
    while state / gpus > room:
        gpus *= 2
    return gpus


def tokens_per_second(model: ModelSpec, does: Work, row_tokens: float, machine: Machine) -> float:
    """Of one GPU or of all cores, from the known speed that is nearest in size.

    On a GPU tuning has a declared speed, which other GPUs have in proportion to their data sheets; answers and scores
    are reckoned from these alone.
    """
    if machine.gpus and does in ("answers", "scores"):
        return (_answers_a_second if does == "answers" else _scores_a_second)(model, row_tokens, machine)
    known = [speed for speed in SPEEDS if (speed.device != "CPU") == bool(machine.gpus) and speed.does == does]
    alike = [speed for speed in known if re.search(speed.device, machine.gpu)]

    def distance(speed: Speed) -> tuple[float, float]:
        return abs(log(speed.parameters / model.parameters)), abs(log(speed.row_tokens / row_tokens))

    nearest = min(alike or known, key=distance)
    slower = gpu_spec(machine.gpu).bf16 / DECLARED_ON if machine.gpus and not alike else 1.0
    return nearest.tokens_per_second * slower * nearest.parameters / model.parameters


def _scores_a_second(model: ModelSpec, row_tokens: float, machine: Machine) -> float:
    """Tokens that a model in fp32 reads: 2 operations a parameter."""
    return REACHED * gpu_spec(machine.gpu).fp32 * 1e12 / (2 * model.parameters)


def _answers_a_second(model: ModelSpec, row_tokens: float, machine: Machine) -> float:
    """Tokens that a model in fp32 writes: every step reads all weights, and adds one token to each row of a batch."""
    spec, shape, weights = gpu_spec(machine.gpu), shape_of(model), STORED * model.parameters
    row = 2 * STORED * shape.layers * shape.width * row_tokens  # keys and values, where no heads share them
    room = CACHE_SHARE * max(0.0, min(machine.gpus) * 1e9 - weights)
    batch = max(1, min(ANSWERED_AT_ONCE, int(room / row)))
    reading = weights / (REACHED * spec.bandwidth * 1e12)
    step = max(reading, batch / _scores_a_second(model, row_tokens, machine)) + LAYER_LAUNCH * shape.layers
    return batch / step


def answer_seconds(model: ModelSpec, prompts: int, new_tokens: int, machine: Machine) -> float:
    """Of answering prompts, each with so many tokens."""
    row = ROW - LINE + new_tokens
    return prompts * new_tokens / tokens_per_second(model, "answers", row, machine)


def scoring_seconds(model: ModelSpec, tokens: float, machine: Machine) -> float:
    """Of reading so many tokens, once, for their probabilities."""
    return tokens / tokens_per_second(model, "scores", ROW, machine)
