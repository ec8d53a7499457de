"""What is written down while tuning, and the clock that does it."""

import json
import math
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState


@dataclass
class TrainingLog:
    """What happened while tuning.

    Attributes:
        losses: Of every step, in nats per response token.
        tokens: That were trained on, prompts included, over all epochs.
        response_tokens: That bore the loss.
        padding: Share of positions that were padding.
        seconds: By part: forward, backward, step (the optimizer's) and total.
        step_tokens: Tokens of every step.
        step_seconds: Of every step, from its first forward pass to the moved weights.
        tokens_per_second: Over all steps.
        peak_memory: In bytes: of the GPU while this cell was tuned, or of the process so far where there is none.
        response_head: Whether the output head saw only the positions that predict response tokens.
        truncated: Items that lost tokens to the cutoff.
        dropped: Items without a token of a response within the cutoff, which were not trained on.
        notes: What the recipe asked for and was left out, with the reason; what adapters do not reach.
        processes: That trained the cell together; times and memory are those of the first one.
    """

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    response_tokens: int = 0
    padding: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: {"forward": 0.0, "backward": 0.0, "step": 0.0})
    step_tokens: list[int] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)
    tokens_per_second: float = 0.0
    peak_memory: int = 0
    response_head: bool = False
    truncated: int = 0
    dropped: int = 0
    notes: list[str] = field(default_factory=list)
    processes: int = 1

    def finish(self, losses: list[float], positions: int, seconds: float) -> None:
        """Add what is known at the end.

        Args:
            losses: Of every step.
            positions: That went through the model, padding included.
            seconds: Of all.
        """
        self.losses = losses
        self.padding = 1 - self.tokens / max(1, positions)
        self.seconds["total"] = seconds
        self.tokens_per_second = self.tokens / max(1e-9, sum(self.step_seconds))
        self.peak_memory = peak_memory()

    def write(self, path: Path) -> None:
        """Write all of it as one JSON object."""
        path.write_text(json.dumps(self.__dict__), encoding="utf-8")


def step_losses(history: Iterable[Mapping[str, float]]) -> list[float]:
    """The loss of every step in what transformers' Trainer logs."""
    return [entry["loss"] for entry in history if "loss" in entry]


def now() -> float:
    """Seconds of a clock, when the GPU has done all that it was given: calls return while it still works on them."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def forget_peak_memory() -> None:
    """Let `peak_memory` of a GPU count anew: a worker trains several cells. What the system says of a process stays."""
    if torch.cuda.is_available():
        torch.cuda.init()  # type: ignore[no-untyped-call]  # before it there is nothing to reset, and torch refuses
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> int:
    """Most memory held, in bytes: of the GPU since `forget_peak_memory`, where there is one, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024  # macOS counts bytes, Linux KiB


class StepTimer(TrainerCallback):
    """Measures every step, and what the optimizer takes of it."""

    def __init__(self, log: TrainingLog) -> None:
        self.log, self.began, self.tokens, self.gradients_done = log, 0.0, 0, 0.0

    def on_step_begin(self, *arguments: Any, **keywords: Any) -> None:
        """The rows of the step are there."""
        self.began, self.tokens = now(), self.log.tokens

    def on_pre_optimizer_step(self, *arguments: Any, **keywords: Any) -> None:
        """The gradients are complete."""
        self.gradients_done = now()

    def on_optimizer_step(self, *arguments: Any, **keywords: Any) -> None:
        """The weights have moved."""
        done = now()
        self.log.seconds["step"] += done - self.gradients_done
        self.log.step_seconds.append(done - self.began)
        self.log.step_tokens.append(self.log.tokens - self.tokens)


class StopAfter(TrainerCallback):
    """Ends training after a share of its updates; the rate has fallen as it does in the whole run."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The weights have moved."""
        last = math.ceil(round(self.share * state.max_steps, 6))  # 0.55 * 100 is a little more than 55
        control.should_training_stop |= state.global_step >= last
