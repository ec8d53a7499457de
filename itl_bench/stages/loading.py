"""From folders of weights to models and tokenizers: safetensors only, no code from a model's folder."""

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
from transformers.utils import logging

from itl_bench.data.tokens.special_tokens import special_ids
from itl_bench.data.weights.folder import ADAPTER, CONFIG, read_object, types_of, weight_files, why_no_tokenizer
from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.adapters import check_shared, check_tensors
from itl_bench.stages.as_in_files import check_files, check_weights
from itl_bench.stages.causality import check_reads_forwards
from itl_bench.stages.finite import check_finite, check_types, tensors_in
from itl_bench.stages.kinds import check_config
from itl_bench.stages.reading import readable

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER_WEIGHTS = "adapter_model.safetensors"
logging.disable_progress_bar()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a base as it is; what pads where it names no padding token, `padding_id` says.

    Raises:
        ItlError: There is none that can be read here, or it has no end token.
    """
    with readable(f"the tokenizer in {folder}"):
        if reason := why_no_tokenizer(folder):
            raise UsageError(reason)
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    if not set(tokenizer.get_vocab().values()) - special_ids(tokenizer):
        raise ItlError(f"the tokenizer in {folder} has no token that text could become; get its files again")
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
        device: Where to put it; the GPU where there is one, else the CPU. "auto" divides it among all GPUs.

    Raises:
        ItlError: The files are damaged, lack weights that the model needs, hold others than it uses, or values that are
            no numbers; or it is no causal language model, or one that sees what it is to predict.
    """
    device = device or best_device()
    # Straight to the device: the CPU's memory need not hold the model. On the CPU, accelerate is not needed.
    placed: dict[str, Any] = {} if device == "cpu" else {"device_map": device if device == "auto" else {"": device}}
    with readable(f"the model in {folder}"):
        check_config(read_object(folder / CONFIG), str(folder))
        files = weight_files(folder)  # by its index, transformers would take any tensor of a name for the one meant
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype or torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True, ignore_mismatched_sizes=True, **placed,  # these are refused in words below
        )  # fmt: skip
    model: PreTrainedModel = loaded[0]
    places = set(map(str, getattr(model, "hf_device_map", {}).values()))
    if len(places) > 1 and places & {"cpu", "disk"}:
        raise ItlError(f"the model in {folder} does not fit into the memory of the GPUs that it may be divided among")
    check_files(model, files, str(folder))
    check_weights(model, loaded[1], str(folder))
    model.generation_config = GenerationConfig()  # an old config.json holds settings that would change greedy answers
    model.eval()
    check_reads_forwards(model, str(folder))
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
        ItlError: The files are damaged, or do not hold the tensors of the adapter that they describe.
    """
    if not has_adapter(checkpoint):
        raise UsageError(f"{checkpoint} holds no adapter ({ADAPTER}); load_tuned loads checkpoints of all weights")
    _adapter_tensors(checkpoint)  # a damaged file is found before a large base is loaded
    return adapt(load_model(base, dtype, device), checkpoint)


def adapt(model: PreTrainedModel, checkpoint: Path) -> "PeftModel":
    """Put a checkpoint's adapter on a base; merged (`merge_and_unload`), the base is the tuned model itself.

    Args:
        model: The base; changed in place.
        checkpoint: With an adapter.

    Raises:
        UsageError: It changes a weight that has another place in the model.
        ItlError: The files are damaged, or do not hold the tensors of the adapter that they describe.
    """
    names = _adapter_tensors(checkpoint)
    from peft import PeftModel

    with readable(f"the adapter in {checkpoint}"):
        adapted: PeftModel = PeftModel.from_pretrained(model, checkpoint, local_files_only=True)
    check_tensors(adapted, names, "default", str(checkpoint))
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
        ItlError: The files are damaged, or do not hold the tensors of the adapter that they describe.
    """
    names = _adapter_tensors(checkpoint)
    with readable(f"the adapter in {checkpoint}"):
        model.load_adapter(str(checkpoint), name, local_files_only=True)
    check_tensors(model, names, name, str(checkpoint))
    check_shared(model)
    model.eval()


def has_adapter(checkpoint: Path) -> bool:
    """Whether a checkpoint holds an adapter rather than all weights."""
    return (checkpoint / ADAPTER).exists()


def _adapter_tensors(checkpoint: Path) -> frozenset[str]:
    """The names of an adapter's tensors, all of which are numbers."""
    file = checkpoint / ADAPTER_WEIGHTS
    if not file.is_file():  # peft would go on to look for pickled ones
        raise ItlError(f"{checkpoint} has no {ADAPTER_WEIGHTS}; train the cell again")
    with readable(f"the adapter in {checkpoint}"):
        types = types_of(file)
        check_types(types, str(checkpoint))
        check_finite(tensors_in([file]), str(checkpoint))
    return frozenset(types)


def best_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
