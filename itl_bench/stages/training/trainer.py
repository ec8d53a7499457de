"""Transformers' Trainer with the method's loss, micro-batches inside one step, and a clock."""

from collections.abc import Mapping, Sequence
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
from itl_bench.stages.training.log import TrainingLog, now
from itl_bench.stages.training.response_head import response_loss
from itl_bench.stages.training.sharding import ALONE, Sharding, check_sharding

Batch = dict[str, torch.Tensor]


def micro_batches(lengths: Sequence[int], rows: int | None, tokens: int | None, grouped: bool) -> list[list[int]]:
    """Divide the rows of one update.

    Args:
        lengths: Tokens of every row.
        rows: Most rows of a micro-batch; None for any number.
        tokens: Most positions of a micro-batch, padding included; a longer row goes alone. None for any number.
        grouped: Put rows of similar length together, the longest first, so that too little memory shows at once.

    Returns:
        Numbers of rows; every row is in one micro-batch.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row]) if grouped else range(len(lengths))
    parts: list[list[int]] = []
    for row in order:
        wider = [*parts[-1], row] if parts else []
        fits = bool(wider) and (rows is None or len(wider) <= rows)
        if fits and (tokens is None or len(wider) * max(lengths[one] for one in wider) <= tokens):
            parts[-1] = wider
        else:
            parts.append([row])
    return parts


def shares(
    lengths: Sequence[int], rows: int | None, tokens: int | None, grouped: bool, processes: int
) -> list[list[list[int]]]:
    """Divide the rows of one update among processes, and the share of each into micro-batches.

    Args:
        lengths: Tokens of every row.
        rows: As for `micro_batches`, of each process.
        tokens: Likewise.
        grouped: Likewise.
        processes: Among how many.

    Returns:
        Micro-batches of every process; every row is in one of them. All have equally many, for all go through the
        model at the same time, so that some may be empty.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row]) if processes > 1 else list(range(len(lengths)))
    made = []
    for own in (order[first::processes] for first in range(processes)):  # each gets as long rows as the others
        parts = micro_batches([lengths[row] for row in own], rows, tokens, grouped)
        made.append([[own[row] for row in part] for part in parts])
    most = max(map(len, made))
    return [parts + [[]] * (most - len(parts)) for parts in made]


def padded_rows(batch: Mapping[str, torch.Tensor], rows: Sequence[int]) -> Batch:
    """Some rows of a batch that is padded on the right, no longer than the longest of them."""
    chosen = torch.tensor(rows, device=batch["attention_mask"].device)
    longest = int(batch["attention_mask"][chosen].sum(dim=1).max())
    return {name: values[chosen, :longest] for name, values in batch.items()}


def packed_rows(batch: Mapping[str, torch.Tensor], rows: Sequence[int]) -> Batch:
    """Some rows joined into one without padding.

    Positions start at 0 with every row, and there is no attention mask: by that transformers knows where rows begin,
    and lets none see another.

    Returns:
        input_ids, labels and position_ids, each of shape (1, tokens).
    """
    mask = batch["attention_mask"][torch.tensor(rows, device=batch["attention_mask"].device)].bool()
    ids, labels = (batch[name][rows] for name in ("input_ids", "labels"))
    labels = torch.cat([torch.full_like(labels[:, :1], IGNORED), labels[:, 1:]], dim=1)  # no row predicts the next
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    joined = {"input_ids": ids, "labels": labels, "position_ids": places}
    return {name: values[mask][None] for name, values in joined.items()}


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
            (take(batch, [bearing[row] for row in part] or [shortest]), bool(part))
            for part in every[self.args.process_index]
        ]


def _items(batch: Mapping[str, torch.Tensor]) -> int:
    """Tokens that are predicted: the first of a row never is."""
    return int((batch["labels"][:, 1:] != IGNORED).sum())
