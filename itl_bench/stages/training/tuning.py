"""The one recipe of tuning, on transformers' Trainer: every method and model goes through it."""

import tempfile
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, TrainingArguments, set_seed

from itl_bench.data.rows import Item
from itl_bench.data.tokens.preflight import ModelFacts, Pipeline, check_targets, preflight
from itl_bench.data.tokens.template import IGNORED, Example, padding_id, tokenize_items
from itl_bench.methods.method import Method
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.adapters import adaptable, check_shared, linear_weights, reach_note
from itl_bench.stages.generation.decoding import left_mask
from itl_bench.stages.positions import check_rows, positions
from itl_bench.stages.training.arguments import (
    check_master_weights,
    round_frozen_weights,
    runs_in_bf16,
    training_arguments,
)
from itl_bench.stages.training.log import StepTimer, StopAfter, TrainingLog, forget_peak_memory, now, step_losses
from itl_bench.stages.training.packing import rows_mix
from itl_bench.stages.training.response_head import output_head, reason_against
from itl_bench.stages.training.sharding import ALONE, Sharding, add_up
from itl_bench.stages.training.trainer import RecipeTrainer


class Prepared(NamedTuple):
    """What a method has made of a model, before it is trained."""

    model: nn.Module
    facts: ModelFacts
    notes: tuple[str, ...] = ()  # for the log


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
    return fit(prepare(model, method, recipe, seed), tokenizer, items, method, recipe, rate, seed)


def prepare(model: PreTrainedModel, method: Method, recipe: TuningRecipe, seed: int) -> Prepared:
    """Let a method make of a model what it trains.

    Args:
        model: As for `tune`.
        method: What to do differently from plain full tuning.
        recipe: In which precision.
        seed: Of what the method adds.

    Raises:
        ItlError: The method's adapters would go nowhere, or to a weight that has another place in the model.
    """
    set_seed(seed)
    rows, limit, linear = _embedding_rows(model), positions(model.config), linear_weights(model)
    check_targets(adaptable(model), _targets(method))
    wrapped = method.wrap_model(model)
    check_shared(wrapped)
    note = reach_note(linear, wrapped)
    if runs_in_bf16(recipe):
        round_frozen_weights(wrapped)
    return Prepared(wrapped, ModelFacts(rows, _embedding_rows(wrapped), limit), (note,) if note else ())


def fit(
    prepared: Prepared,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Item],
    method: Method,
    recipe: TuningRecipe,
    rate: float,
    seed: int,
    sharding: Sharding = ALONE,
) -> tuple[nn.Module, TrainingLog]:
    """Train what `prepare` made, on items; the other arguments are those of `tune`.

    Args:
        prepared: Changed in place; sharded already, where sharding says so.
        tokenizer: Whose chat template turns items into examples.
        items: To tune on, before the method prepares them.
        method: Whose items, arguments and loss count.
        recipe: Epochs, batch and the rest.
        rate: Highest learning rate.
        seed: Of the order, and of the method's noise.
        sharding: How the model is spread over processes.
    """
    taken, model = method.prepare_data(list(items)), prepared.model
    pipeline = Pipeline(collate=collate, prompt_mask=left_mask)
    preflight(tokenizer, prepared.facts, taken, recipe.template, recipe.cutoff, pipeline)
    tokenized = tokenize_items(tokenizer, taken, recipe.template, recipe.cutoff)
    check_rows(tokenized.rows, [len(one.ids) for one in tokenized.examples], prepared.facts.positions)
    log = train(model, tokenized.examples, method, recipe, rate, seed, padding_id(tokenizer), sharding)
    log.truncated, log.dropped = tokenized.truncated, tokenized.dropped
    log.notes[:0] = [*prepared.notes, *tokenized.notes]
    return model.eval(), log


def _targets(method: Method) -> str | Sequence[str]:
    targets = method.parameters.get("targets", "")
    return targets if isinstance(targets, str | tuple) else ""  # a method of one's own may call another thing so


def _embedding_rows(model: nn.Module) -> int:
    return len(model.get_input_embeddings().weight)  # type: ignore[operator]


def train(
    model: nn.Module,
    examples: Sequence[Example],
    method: Method,
    recipe: TuningRecipe,
    rate: float,
    seed: int,
    padding: int,
    sharding: Sharding = ALONE,
) -> TrainingLog:
    """Train what a method has made of a model on examples that are tokenized already.

    Args:
        model: Changed in place.
        examples: To train on.
        method: Whose arguments and loss count.
        recipe: Epochs, batch and the rest.
        rate: Highest learning rate.
        seed: Of the order.
        padding: Id of the token for padding.
        sharding: How the model is spread over processes.

    Raises:
        UsageError: The recipe asks for what this machine lacks.
        ItlError: The weights to train are not in fp32, or the model is not spread as it should be.
    """
    check_master_weights(model)
    forget_peak_memory()
    log = TrainingLog(processes=sharding.processes)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(**method.training_arguments(training_arguments(recipe, rate, seed, scratch)))
        callbacks = [StepTimer(log), *([StopAfter(recipe.stop_after)] if recipe.stop_after < 1 else [])]
        trainer = RecipeTrainer(
            model=model, args=arguments, train_dataset=examples, callbacks=callbacks,
            data_collator=lambda some: collate(some, padding), method=method, recipe=recipe, log=log,
            head=_response_head(model, examples, method, recipe, log), packing=_packing(model, examples, recipe, log),
            sharding=sharding,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)  # it prints every step's loss, which the log keeps
        if sharding.processes > 1:
            torch.manual_seed(seed + trainer.args.process_index)  # each draws noise of its own, for its own rows
        started = now()
        trainer.train()
        seconds = now() - started
    positions = add_up(log, trainer.positions) if sharding.processes > 1 else trainer.positions
    log.finish(step_losses(trainer.state.log_history), positions, seconds)
    return log


def _response_head(
    model: nn.Module, examples: Sequence[Example], method: Method, recipe: TuningRecipe, log: TrainingLog
) -> nn.Module | None:
    """The output head, where the recipe wants it on response positions only and nothing needs the others."""
    if not recipe.response_head or not examples:
        return None
    if type(method).loss is not Method.loss:
        reason: str | None = "the method's own loss may need the logits of all positions"
    else:
        with _as_called(model, recipe):
            reason = reason_against(model, examples[0].ids)
    if reason:
        log.notes.append(f"the output head sees all positions: {reason}")
        return None
    log.response_head = True
    return output_head(model)


def _packing(model: nn.Module, examples: Sequence[Example], recipe: TuningRecipe, log: TrainingLog) -> bool:
    """Whether rows can be joined: what a method does to embeddings may depend on each row's own length."""
    if not recipe.packing or len(examples) < 2:
        return recipe.packing
    reason = None
    if model.get_input_embeddings()._forward_hooks:  # type: ignore[operator]
        reason = "the method changes the input embeddings row by row"
    else:
        with _as_called(model, recipe):
            if rows_mix(model, examples[0].ids, examples[1].ids):
                reason = "the model would read a row as going on from the one before it"
    if reason:
        log.notes.append(f"rows are padded, not packed: {reason}")
    return reason is None


def _as_called(model: nn.Module, recipe: TuningRecipe) -> torch.autocast:
    """In the precision in which the Trainer calls the model."""
    return torch.autocast(next(model.parameters()).device.type, torch.bfloat16, enabled=runs_in_bf16(recipe))


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
