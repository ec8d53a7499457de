"""From folders of weights to models and tokenizers: safetensors only, no code from a model's folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GemmaTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.adapters import check_shared

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
logging.disable_progress_bar()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a base as it is; what pads where it names no padding token, `padding_id` says.

    Raises:
        ItlError: There is none that can be read, or it has no end token.
    """
    with readable(f"the tokenizer in {folder}"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    if tokenizer.eos_token_id is None:
        raise ItlError(
            f"the tokenizer in {folder} has no end token, so that no answer would end; declare its eos_token"
        )
    if isinstance(tokenizer, GemmaTokenizer) and "add_bos_token" not in tokenizer.init_kwargs:
        # Every Gemma was trained on texts that begin so; folders that transformers converted from GGUF do not say it.
        tokenizer.add_bos_token = True  # type: ignore[misc]
    return tokenizer


def load_model(folder: Path, dtype: torch.dtype | None = None, device: str | None = None) -> PreTrainedModel:
    """A whole model, in evaluation mode.

    Args:
        folder: With config and safetensors.
        dtype: Of the weights, whatever the precision of the files; fp32 where none is named. Full tuning needs fp32
            (master weights); weights that stay as they are, as under an adapter, may be bf16.
        device: Where to put it; the GPU where there is one, else the CPU.

    Raises:
        ItlError: The files are damaged, or lack weights that the model needs.
    """
    device = device or best_device()
    # Straight to the device: the CPU's memory need not hold the model. On the CPU, accelerate is not needed.
    placed: dict[str, Any] = {} if device == "cpu" else {"device_map": {"": device}}
    with readable(f"the model in {folder}"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype or torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True, **placed,
        )  # fmt: skip
    model: PreTrainedModel = loaded[0]
    check_whole(loaded[1], str(folder))
    model.generation_config = GenerationConfig()  # an old config.json holds settings that would change greedy answers
    model.eval()
    return model


def load_tuned(
    base: Path, checkpoint: Path, dtype: torch.dtype | None = None, device: str | None = None
) -> PreTrainedModel:
    """A tuned model: the base with the checkpoint's adapter merged into it, or the checkpoint's own weights."""
    if not has_adapter(checkpoint):
        return load_model(checkpoint, dtype, device)
    merged: PreTrainedModel = load_adapted(base, checkpoint, dtype, device).merge_and_unload()
    merged.eval()
    return merged


def load_adapted(
    base: Path, checkpoint: Path, dtype: torch.dtype | None = None, device: str | None = None
) -> "PeftModel":
    """A base under a checkpoint's adapter, not merged: switched off (`disable_adapter`), it is the base itself.

    Raises:
        UsageError: The checkpoint is no adapter, or one of a weight that has another place in the model.
        ItlError: The files are damaged.
    """
    if not has_adapter(checkpoint):
        raise UsageError(f"{checkpoint} holds no adapter ({ADAPTER}); load_tuned loads checkpoints of all weights")
    _check_adapter_weights(checkpoint)
    from peft import PeftModel

    model = load_model(base, dtype, device)
    with readable(f"the adapter in {checkpoint}"):
        adapted: PeftModel = PeftModel.from_pretrained(model, checkpoint, local_files_only=True)
    check_shared(adapted)
    adapted.eval()
    return adapted


def add_adapter(model: "PeftModel", checkpoint: Path, name: str) -> None:
    """Put another adapter beside the one of a model, switched off until it is named (`set_adapter`).

    Args:
        model: From `load_adapted`; changed in place.
        checkpoint: With an adapter for the same base.
        name: Of the adapter in the model.

    Raises:
        UsageError: It changes a weight that has another place in the model.
        ItlError: The files are damaged.
    """
    _check_adapter_weights(checkpoint)
    with readable(f"the adapter in {checkpoint}"):
        model.load_adapter(str(checkpoint), name, local_files_only=True)
    check_shared(model)
    model.eval()


def has_adapter(checkpoint: Path) -> bool:
    """Whether a checkpoint holds an adapter rather than all weights."""
    return (checkpoint / ADAPTER).exists()


def _check_adapter_weights(checkpoint: Path) -> None:
    if not (checkpoint / ADAPTER_WEIGHTS).is_file():  # peft would go on to look for pickled ones
        raise ItlError(f"{checkpoint} has no {ADAPTER_WEIGHTS}; train the cell again")


def best_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_causal(architecture: str, name: str) -> None:
    """Refuse what transformers itself cannot run as a causal language model.

    Args:
        architecture: The class that a config names.
        name: Of the weights, for the message.

    Raises:
        UsageError: It is another kind of model, or needs code from its folder, which is never run.
    """
    if architecture not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        raise UsageError(
            f"{name} is a {architecture}, no causal language model that the installed transformers knows; "
            "code that comes with weights is never run"
        )


def check_whole(found: Mapping[str, Any], name: str) -> None:
    """Refuse a model of which some weights were not in the files: transformers draws those at random.

    Raises:
        ItlError: Some were missing, or of another shape.
    """
    if lost := sorted(found["missing_keys"]) or sorted(str(one[0]) for one in found["mismatched_keys"]):
        raise ItlError(f"{name} lacks weights of its architecture: {lost[0]} ({len(lost)} in all); get the files again")


def one_line(error: Exception) -> str:
    """What an error of a library says, as one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


@contextmanager
def readable(subject: str) -> Iterator[None]:
    """What libraries raise about files that they cannot read is of many kinds; here it is one.

    Raises:
        ItlError: Anything was raised but the lack of memory, which is no fault of a file.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:
        raise ItlError(f"{subject} cannot be loaded: {one_line(error)}") from error
