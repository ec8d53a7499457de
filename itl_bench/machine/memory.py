"""What training a cell takes of memory: weights, gradients, moments, activations, logits. Rough."""

from typing import Literal, NamedTuple, Protocol

from itl_bench.methods.recipe import TuningRecipe

Trains = Literal["adapter", "all"]

# Bytes a parameter. Trained: fp32 weight, gradient and AdamW's two moments. Kept as it is: bf16 on a GPU, else fp32.
TRAINED = 16
FROZEN_ON_GPU, FROZEN_ON_CPU = 2, 4
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


class Model(Protocol):
    """What is asked of a model: which one it is, and how many weights it has."""

    @property
    def id(self) -> str:
        """Its name: that of a known model tells its shape."""

    @property
    def parameters(self) -> float:
        """Number of weights."""


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


def answering_gb(model: Model, trains: Trains) -> float:
    """Memory of the one GPU that a tuned model is measured on: in fp32, beside its base where all weights moved."""
    return STORED * model.parameters / 1e9 * (2 if trains == "all" else 1)


def shape_of(model: Model) -> Shape:
    """A model's own shape, or that of a Llama with as many parameters: 12 x layers x width^2."""
    if model.id in SHAPES:
        return SHAPES[model.id]
    layers = max(1, round((model.parameters / (12 * WIDTH_PER_LAYER**2)) ** (1 / 3)))
    return Shape(layers, WIDTH_PER_LAYER * layers, VOCABULARY)


def adapter_parameters(shape: Shape, rank: int = RANK) -> int:
    """Of LoRA on all linear layers: 8 widths a rank and layer for attention, 11 for an MLP 2.7 times as wide."""
    return 19 * rank * shape.layers * shape.width


def state_gb(model: Model, trains: Trains, on_gpu: bool, rank: int = RANK) -> float:
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
