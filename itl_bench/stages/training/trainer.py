"""Transformers' Trainer with the method's loss, micro-batches inside one step, and a clock."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from accelerate.data_loader import BatchSamplerShard
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer

from itl_bench.data.tokens.template import IGNORED
from itl_bench.methods.method import Method
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training.batching import Batch, packed_rows, padded_rows, shares
from itl_bench.stages.training.log import TrainingLog, now
from itl_bench.stages.training.response_head import response_loss
from itl_bench.stages.training.sharding import ALONE, Sharding, check_sharding


class RecipeTrainer(Trainer):
    """Makes every update from the rows that the plain Trainer would take, in the parts that the recipe says."""

    def __init__(
        self,
        *,
        method: Method,
        recipe: TuningRecipe,
        log: TrainingLog,
        head: nn.Module | None,
        packing: bool,
        sharding: Sharding = ALONE,
        **others: Any,
    ) -> None:
        """Take what the Trainer takes, and more.

        Args:
            method: Whose loss counts.
            recipe: How an update is divided.
            log: Where to write what happened.
            head: The output head, where it is to see response positions only.
            packing: Whether the rows of a micro-batch are joined.
            sharding: How the model is spread over processes.
            others: The Trainer's own.
        """
        super().__init__(**others)
        self.method, self.recipe, self.log_of_run, self.positions = method, recipe, log, 0
        self.head, self.packing, self.sharding, self.checked = head, packing, sharding, False
        self.in_parts = bool(head or packing or recipe.micro_batch or recipe.micro_tokens or sharding.processes > 1)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The rows of every update, whole and the same on every process: each takes its share of them later."""
        loader = super().get_train_dataloader()
        sampler = loader.batch_sampler
        if isinstance(sampler, BatchSamplerShard):
            sampler.num_processes, sampler.process_index, sampler.even_batches = 1, 0, False
        return loader

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *others: Any, **keywords: Any) -> Any:
        """The mean loss per response token, normalised over the whole accumulated batch where its size is given."""
        loss = self._loss(model, inputs, **keywords)
        present = inputs.get("attention_mask", inputs["labels"].new_ones(inputs["labels"].shape))
        self.log_of_run.tokens += int(present.sum())
        self.log_of_run.response_tokens += int((inputs["labels"] != IGNORED).sum())
        self.positions += inputs["labels"].numel()
        return loss

    def _loss(self, model: nn.Module, inputs: dict[str, Any], **keywords: Any) -> torch.Tensor:
        started = now()
        if self.head is None:
            loss, outputs = super().compute_loss(model, inputs, **(keywords | {"return_outputs": True}))
        else:
            loss, outputs = response_loss(model, self.head, inputs)
        loss = self.method.loss(outputs, inputs, loss)
        self.log_of_run.seconds["forward"] += now() - started
        return loss

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *others: Any, **keywords: Any) -> torch.Tensor:
        """The forward and backward passes of one batch.

        Raises:
            ItlError: The model is not spread over processes as it was asked to be.
        """
        if not self.checked:
            check_sharding(model, self.sharding)
            self.checked = True
        started, forward = now(), self.log_of_run.seconds["forward"]
        step = self._step_in_parts if self.in_parts else super().training_step
        loss: torch.Tensor = step(model, inputs, *others, **keywords)
        forward = self.log_of_run.seconds["forward"] - forward
        self.log_of_run.seconds["backward"] += now() - started - forward
        return loss

    def _step_in_parts(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """One batch, part by part: each part's mean loss counts by its share of the update's response tokens."""
        model.train()
        batch = self._prepare_inputs(inputs)
        accumulated = self.current_gradient_accumulation_steps  # 1, unless the method asks for more
        items = _items(batch) * accumulated if num_items_in_batch is None else int(num_items_in_batch)
        copies = self.sharding.processes  # whose gradients are averaged, not summed
        whole = torch.zeros((), device=self.args.device)
        parts = self._parts(batch)
        for number, (part, counts) in enumerate(parts, start=1):
            # Several devices exchange gradients once an update, not once a part.
            with nullcontext() if number == len(parts) else self.accelerator.no_sync(model):
                loss = self.compute_loss(model, part) if counts else self._loss(model, part) * 0
                loss = loss * (copies * _items(part) / items)
                self.accelerator.backward(loss)
            whole += loss.detach()
        return whole

    def _parts(self, batch: Batch) -> list[tuple[Batch, bool]]:
        """This process's micro-batches that bear a loss, and whether they count.

        All processes go through the model equally often: one that has no more rows takes the shortest again.
        """
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        bearing = (batch["labels"][:, 1:] != IGNORED).any(dim=1).nonzero().flatten().tolist()
        if not bearing:
            return []
        limits = self.recipe.micro_batch, self.recipe.micro_tokens, self.recipe.grouped
        every = shares([lengths[row] for row in bearing], *limits, self.sharding.processes)
        shortest = min(bearing, key=lengths.__getitem__)
        take = packed_rows if self.packing else padded_rows
        return [
            (take(batch, [bearing[place] for place in part] or [shortest]), bool(part))
            for part in every[self.args.process_index]
        ]


def _items(batch: Mapping[str, torch.Tensor]) -> int:
    """Tokens that are predicted: the first of a row never is."""
    return int((batch["labels"][:, 1:] != IGNORED).sum())
