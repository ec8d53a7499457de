"""The one recipe of tuning, on transformers' Trainer: every method and model goes through it."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from itl_bench.data.rows import Item
from itl_bench.data.template import IGNORED, Example, training_example
from itl_bench.methods.method import Method
from itl_bench.training.recipe import TuningRecipe


@dataclass
class TrainingLog:
    """What happened while tuning.

    Attributes:
        losses: Of every step, in nats per response token.
        tokens: That were trained on, prompts included, over all epochs.
        response_tokens: That bore the loss.
        padding: Share of positions that were padding.
        seconds: By part: forward, backward, step (the optimizer's) and total.
    """

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    response_tokens: int = 0
    padding: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: {"forward": 0.0, "backward": 0.0, "step": 0.0})


def tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Item],
    method: Method,
    recipe: TuningRecipe,
    rate: float,
    seed: int,
) -> tuple[nn.Module, TrainingLog]:
    """Tune a model on items with a method.

    Args:
        model: With fp32 weights; changed in place by methods that train all of them.
        tokenizer: Whose chat template turns items into examples.
        items: To tune on, before the method prepares them.
        method: What to do differently from plain full tuning.
        recipe: Epochs, batch and the rest, the same for all methods.
        rate: Highest learning rate.
        seed: Of the order, of what the method adds, and of its noise.
    """
    set_seed(seed)
    wrapped = method.wrap_model(model)
    examples = [training_example(tokenizer, item) for item in method.prepare_data(list(items))]
    log = TrainingLog()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(**method.training_arguments(_arguments(recipe, rate, seed, scratch)))
        trainer = _Timed(
            model=wrapped, args=arguments, train_dataset=examples, callbacks=[_StepTimer(log)],
            data_collator=lambda some: collate(some, tokenizer.pad_token_id or 0), method=method, log=log,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)  # it prints every step's loss, which the log keeps
        started = time.perf_counter()
        trainer.train()
        log.seconds["total"] = time.perf_counter() - started
    log.losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    log.padding = 1 - log.tokens / max(1, trainer.positions)
    return wrapped.eval(), log


def _arguments(recipe: TuningRecipe, rate: float, seed: int, scratch: str) -> dict[str, Any]:
    return {
        "output_dir": scratch, "learning_rate": rate, "per_device_train_batch_size": recipe.batch,
        "num_train_epochs": recipe.epochs, "lr_scheduler_type": recipe.schedule, "warmup_steps": recipe.warmup_steps,
        "weight_decay": recipe.weight_decay, "max_grad_norm": recipe.clip, "optim": recipe.optimizer,
        "logging_strategy": "steps", "logging_steps": 1, "save_strategy": "no", "report_to": [], "seed": seed,
        "data_seed": seed, "disable_tqdm": True, "remove_unused_columns": False, "dataloader_pin_memory": False,
        "use_cpu": not torch.cuda.is_available(), "log_level": "error",
    }  # fmt: skip


def collate(examples: Sequence[Example], padding: int) -> dict[str, torch.Tensor]:
    """Examples as one batch, padded on the right.

    Returns:
        input_ids, attention_mask and labels, each of shape (examples, longest).
    """
    longest = max(len(example.ids) for example in examples)

    def padded(values: Sequence[int], value: int) -> list[int]:
        return [*values, *[value] * (longest - len(values))]

    return {
        "input_ids": torch.tensor([padded(example.ids, padding) for example in examples]),
        "attention_mask": torch.tensor([padded([1] * len(example.ids), 0) for example in examples]),
        "labels": torch.tensor([padded(example.labels, IGNORED) for example in examples]),
    }


class _Timed(Trainer):
    """Transformers' Trainer with the method's loss, and a clock."""

    def __init__(self, *, method: Method, log: TrainingLog, **others: Any) -> None:
        super().__init__(**others)
        self.method, self.log_of_run, self.positions = method, log, 0

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *others: Any, **keywords: Any) -> Any:
        """The mean loss per response token, normalised over the whole accumulated batch by the Trainer."""
        started = time.perf_counter()
        loss, outputs = super().compute_loss(model, inputs, **(keywords | {"return_outputs": True}))
        loss = self.method.loss(outputs, inputs, loss)
        self.log_of_run.seconds["forward"] += time.perf_counter() - started
        self.log_of_run.tokens += int(inputs["attention_mask"].sum())
        self.log_of_run.response_tokens += int((inputs["labels"] != IGNORED).sum())
        self.positions += inputs["labels"].numel()
        return loss

    def training_step(self, *arguments: Any, **keywords: Any) -> torch.Tensor:
        """One forward and backward pass."""
        started, forward = time.perf_counter(), self.log_of_run.seconds["forward"]
        loss: torch.Tensor = super().training_step(*arguments, **keywords)
        forward = self.log_of_run.seconds["forward"] - forward
        self.log_of_run.seconds["backward"] += time.perf_counter() - started - forward
        return loss


class _StepTimer(TrainerCallback):
    """Measures what the optimizer takes."""

    def __init__(self, log: TrainingLog) -> None:
        self.log, self.started = log, 0.0

    def on_pre_optimizer_step(self, *arguments: Any, **keywords: Any) -> None:
        """The gradients are complete."""
        self.started = time.perf_counter()

    def on_optimizer_step(self, *arguments: Any, **keywords: Any) -> None:
        """The weights have moved."""
        self.log.seconds["step"] += time.perf_counter() - self.started
