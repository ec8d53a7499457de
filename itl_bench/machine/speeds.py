"""How fast machines tune, answer and score: measured on a CPU, declared or reckoned from data sheets on GPUs."""

import re
from dataclasses import dataclass
from math import log
from typing import Literal

from itl_bench.machine.memory import STORED, Model, shape_of
from itl_bench.machine.this_machine import Machine, gpu_spec

Work = Literal["adapter", "all", "answers", "scores"]


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


def tokens_per_second(model: Model, does: Work, row_tokens: float, machine: Machine) -> float:
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


def _scores_a_second(model: Model, row_tokens: float, machine: Machine) -> float:
    """Tokens that a model in fp32 reads: 2 operations a parameter."""
    return REACHED * gpu_spec(machine.gpu).fp32 * 1e12 / (2 * model.parameters)


def _answers_a_second(model: Model, row_tokens: float, machine: Machine) -> float:
    """Tokens that a model in fp32 writes: every step reads all weights, and adds one token to each row of a batch."""
    spec, shape, weights = gpu_spec(machine.gpu), shape_of(model), STORED * model.parameters
    row = 2 * STORED * shape.layers * shape.width * row_tokens  # keys and values, where no heads share them
    room = CACHE_SHARE * max(0.0, min(machine.gpus) * 1e9 - weights)
    batch = max(1, min(ANSWERED_AT_ONCE, int(room / row)))
    reading = weights / (REACHED * spec.bandwidth * 1e12)
    step = max(reading, batch / _scores_a_second(model, row_tokens, machine)) + LAYER_LAUNCH * shape.layers
    return batch / step


def answer_seconds(model: Model, prompts: int, new_tokens: int, machine: Machine) -> float:
    """Of answering prompts, each with so many tokens."""
    row = ROW - LINE + new_tokens
    return prompts * new_tokens / tokens_per_second(model, "answers", row, machine)


def scoring_seconds(model: Model, tokens: float, machine: Machine) -> float:
    """Of reading so many tokens, once, for their probabilities."""
    return tokens / tokens_per_second(model, "scores", ROW, machine)
