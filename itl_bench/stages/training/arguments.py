"""The recipe in the words of transformers, and what this machine can do of it."""

from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.recipe import TuningRecipe


def training_arguments(recipe: TuningRecipe, rate: float, seed: int, scratch: str) -> dict[str, Any]:
    """Arguments of transformers' `TrainingArguments`.

    Args:
        recipe: What to translate.
        rate: Highest learning rate.
        seed: Of the order.
        scratch: Folder that transformers may write to.

    Raises:
        UsageError: The recipe asks for what this machine lacks.
    """
    if recipe.liger:
        _check_liger()
    return {
        "output_dir": scratch, "learning_rate": rate, "per_device_train_batch_size": recipe.batch,
        "num_train_epochs": recipe.epochs, "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup_ratio or recipe.warmup_steps,  # transformers reads numbers below 1 as shares
        "weight_decay": recipe.weight_decay, "max_grad_norm": recipe.clip, "optim": recipe.optimizer,
        "logging_strategy": "steps", "logging_steps": 1, "logging_nan_inf_filter": False,  # else NaN is logged as 0
        "save_strategy": "no", "report_to": [], "seed": seed,
        "data_seed": seed, "disable_tqdm": True, "remove_unused_columns": False, "dataloader_pin_memory": False,
        "use_cpu": not torch.cuda.is_available(), "log_level": "error", "bf16": runs_in_bf16(recipe),
        "gradient_checkpointing": recipe.gradient_checkpointing, "use_liger_kernel": recipe.liger,
        "average_tokens_across_devices": False,  # every process sees all rows of an update, and counts their tokens
        "gradient_checkpointing_kwargs": {"use_reentrant": False},  # the other kind gives adapters no gradients
    }  # fmt: skip


def runs_in_bf16(recipe: TuningRecipe) -> bool:
    """Whether the forward pass is rounded to bf16 here; weights never are."""
    if recipe.precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return recipe.precision == "bf16"


def round_frozen_weights(model: nn.Module) -> None:
    """Hold what linear layers multiply with in bf16, where it is not trained: half the memory.

    Autocast rounds these matrices in every product anyway. Embeddings, and an output head tied to them, stay in fp32:
    what they give is added up over all layers, in fp32 under every method.
    """
    embeddings: Any = model.get_input_embeddings()  # type: ignore[operator]
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Linear) and weight is not embeddings.weight and not module.weight.requires_grad:
            module.weight.data = module.weight.data.to(torch.bfloat16)


def check_master_weights(model: nn.Module) -> None:
    """See that what is trained is held in fp32: small updates vanish in the rounding of bf16.

    Raises:
        ItlError: Something else.
    """
    for name, weight in model.named_parameters():
        if weight.requires_grad and weight.dtype != torch.float32:
            raise ItlError(
                f"weight {name} is trained in {weight.dtype}; load the model in fp32, precision is the recipe's"
            )


def _check_liger() -> None:
    if not torch.cuda.is_available():
        raise UsageError("the recipe asks for Liger's kernels, which need a GPU, and there is none; set liger: false")
    if find_spec("liger_kernel") is None:
        raise UsageError("the recipe asks for Liger's kernels; pip install liger-kernel, or set liger: false")
