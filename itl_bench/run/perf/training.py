"""Speed of the one recipe against transformers' Trainer as it comes, on the same rows in one run; no pass/fail test."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.rows import Item
from itl_bench.data.sources.formats import read_rows
from itl_bench.data.sources.loading import load_items
from itl_bench.data.sources.spec import FieldsSpec, SourceSpec
from itl_bench.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import nn

    from itl_bench.data.tokens.template import Example
    from itl_bench.methods.method import Method
    from itl_bench.methods.recipe import TuningRecipe

ROWS_PER_UPDATE = 32
SEED = 1
FIELDS = ("instruction", "response", "output", "context", "input", "history")
RATES = {"adapter": 5e-4, "all": 5e-5}


@dataclass(frozen=True)
class TrainSpeed:
    """The plain Trainer and the recipe on the same rows.

    Attributes:
        tokens: Of all updates, without padding.
        plain_seconds: Of all updates.
        seconds: The same.
        plain_padding: Share of positions that were padding.
        padding: The same.
        differences: Of the two losses of every update, in nats.
        notes: What the recipe left out, with the reason.
    """

    tokens: int
    plain_seconds: float
    seconds: float
    plain_padding: float
    padding: float
    differences: tuple[float, ...]
    notes: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """How many times faster the recipe is."""
        return self.plain_seconds / self.seconds

    @property
    def farthest(self) -> int:
        """The update, counted from 1, whose losses differ most; the first whose difference is no number, if any."""
        sizes = [math.inf if math.isnan(one) else one for one in self.differences]
        return sizes.index(max(sizes)) + 1

    @property
    def largest_difference(self) -> float:
        """Of the losses of any one update, in nats."""
        return self.differences[self.farthest - 1]


def first_items(path: Path, count: int) -> tuple[Item, ...]:
    """The first items of a file of rows, in any format and under any of the names that instruction data come in.

    Args:
        path: With fields `instruction`, `response` or `output`, and perhaps `context` or `input`, and `history`.
        count: How many; rows without instruction or response do not count.

    Raises:
        UsageError: There is no such file, it cannot be read, or has too few such rows.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file; give one with a row (instruction, response) a line")
    names = {name for row in read_rows(path, FIELDS) for name in row}
    fields = FieldsSpec(
        instruction="instruction", output="output" if "output" in names and "response" not in names else "response",
        input=next((name for name in ("context", "input") if name in names), None),
        history="history" if "history" in names else None,
    )  # fmt: skip
    items = load_items(path.stem, SourceSpec(path=str(path.resolve()), fields=fields)).items
    if len(items) < count:
        raise UsageError(f"{path} has {len(items)} rows to train on; {count} are needed, or ask for fewer updates")
    return items[:count]


def compare_train_speed(
    model: Path, data: Path, method: str, updates: int, cutoff: int, micro_batch: int
) -> TrainSpeed:
    """Train a model twice from the same start: with transformers' Trainer as it comes, and with the recipe.

    Both take the same rows for every update, in micro-batches of the same size: the Trainer padded, with the logits of
    all positions and its plain AdamW; the recipe by length, with the logits of response positions and the fused AdamW.

    Args:
        model: Folder of a causal language model and its tokenizer.
        data: File of rows, in the order of the file.
        method: Id of a method that trains.
        updates: Of 32 rows each.
        cutoff: Most tokens of a row.
        micro_batch: Rows that go through the model at once.

    Raises:
        UsageError: A name, a file or a number is wrong.
    """
    from itl_bench.methods.recipe import TuningRecipe

    if ROWS_PER_UPDATE % micro_batch:
        raise UsageError(
            f"{micro_batch} rows at once were asked for; accepted are parts of {ROWS_PER_UPDATE}: 1, 2, 4, 8, 16, 32"
        )
    rate = _rate(method)
    examples, padding = _examples(model, first_items(data, updates * ROWS_PER_UPDATE), cutoff)
    recipe = TuningRecipe(
        epochs=1, micro_batch=micro_batch, grouped=True, response_head=True, optimizer="adamw_torch_fused"
    )
    plain_losses, plain_seconds, plain_padding = _plain(model, examples, method, recipe, rate, padding)
    losses, seconds, own_padding, notes = _recipe(model, examples, method, recipe, rate, padding)
    differences = tuple(abs(one - other) for one, other in zip(plain_losses, losses, strict=True))
    return TrainSpeed(
        sum(len(one.ids) for one in examples),
        plain_seconds,
        seconds,
        plain_padding,
        own_padding,
        differences,
        notes,
    )


def _rate(method: str) -> float:
    methods = {name: spec for name, spec in load_catalog().methods.items() if spec.code}
    if method not in methods:
        raise UsageError(unknown("method that trains", method, methods))
    return RATES[methods[method].trains]


def _examples(folder: Path, items: Sequence[Item], cutoff: int) -> "tuple[tuple[Example, ...], int]":
    """Items as plain questions and answers, and the token for padding."""
    from itl_bench.data.tokens.template import padding_id, tokenize_items
    from itl_bench.stages.loading import load_tokenizer

    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} holds no model (config.json is missing); give a folder of weights and tokenizer")
    tokenizer = load_tokenizer(folder)
    return tokenize_items(tokenizer, items, "plain", cutoff).examples, padding_id(tokenizer)


def _start(folder: Path, method: str) -> "nn.Module":
    """The model with what the method adds, the same each time."""
    from transformers import set_seed

    from itl_bench.stages.loading import load_model

    set_seed(SEED)
    return _method(method).wrap_model(load_model(folder))


def _method(name: str) -> "Method":
    from itl_bench.methods.registry import load_method

    spec = load_catalog().methods[name]
    return load_method(spec.code or "", spec.parameters)


def _plain(
    folder: Path, examples: "Sequence[Example]", method: str, recipe: "TuningRecipe", rate: float, padding: int
) -> tuple[list[float], float, float]:
    """Losses, seconds and share of padding of transformers' Trainer."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    from itl_bench.stages.training.arguments import training_arguments
    from itl_bench.stages.training.log import now, step_losses
    from itl_bench.stages.training.tuning import collate

    rows = recipe.micro_batch or recipe.batch
    positions = [0]

    def padded(some: "Sequence[Example]") -> dict[str, object]:
        batch = collate(some, padding)
        positions[0] += batch["labels"].numel()
        return dict(batch)

    with tempfile.TemporaryDirectory() as scratch:
        named = training_arguments(recipe.model_copy(update={"optimizer": "adamw_torch"}), rate, SEED, scratch)
        named |= {"per_device_train_batch_size": rows, "gradient_accumulation_steps": recipe.batch // rows}
        trainer = Trainer(
            model=_start(folder, method), args=TrainingArguments(**named), train_dataset=examples, data_collator=padded
        )
        trainer.remove_callback(PrinterCallback)
        started = now()
        trainer.train()
        seconds = now() - started
    return step_losses(trainer.state.log_history), seconds, 1 - sum(len(one.ids) for one in examples) / positions[0]


def _recipe(
    folder: Path, examples: "Sequence[Example]", method: str, recipe: "TuningRecipe", rate: float, padding: int
) -> tuple[list[float], float, float, tuple[str, ...]]:
    """The same of the recipe, and what it left out."""
    from itl_bench.stages.training.tuning import train

    log = train(_start(folder, method), examples, _method(method), recipe, rate, SEED, padding)
    return log.losses, log.seconds["total"], log.padding, tuple(log.notes)
