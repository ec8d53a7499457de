"""From folders of weights to models and tokenizers: safetensors only, no code from a model's folder."""

import re
from collections.abc import Iterable, Iterator, Mapping
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
from transformers.utils import logging

from itl_bench.data.tokens.special_tokens import special_ids
from itl_bench.data.weights.folder import CONFIG, read_object, weight_files, why_no_tokenizer
from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.adapters import check_shared
from itl_bench.stages.finite import check_finite, kept_tensors, tensors_in
from itl_bench.stages.kinds import check_config

if TYPE_CHECKING:
    from peft import PeftModel

MASKS = re.compile(r"\.(attn|attention)\.(masked_)?bias$")  # of all models that descend from GPT-2
ADAPTER = "adapter_config.json"
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
        device: Where to put it; the GPU where there is one, else the CPU.

    Raises:
        ItlError: The files are damaged, lack weights that the model needs, hold others than it uses, or values that are
            no numbers; or it is no causal language model.
    """
    device = device or best_device()
    # Straight to the device: the CPU's memory need not hold the model. On the CPU, accelerate is not needed.
    placed: dict[str, Any] = {} if device == "cpu" else {"device_map": {"": device}}
    with readable(f"the model in {folder}"):
        check_config(read_object(folder / CONFIG), str(folder))
        weight_files(folder)  # by its index, transformers would take any tensor of a name for the one that is meant
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype or torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True, **placed,
        )  # fmt: skip
    model: PreTrainedModel = loaded[0]
    check_weights(model, loaded[1], str(folder))
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
    file = checkpoint / ADAPTER_WEIGHTS
    if not file.is_file():  # peft would go on to look for pickled ones
        raise ItlError(f"{checkpoint} has no {ADAPTER_WEIGHTS}; train the cell again")
    with readable(f"the adapter in {checkpoint}"):
        check_finite(tensors_in([file]), str(checkpoint))


def best_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_weights(model: PreTrainedModel, found: Mapping[str, Any], name: str) -> None:
    """Refuse a model that is not what its files hold, or whose weights are no numbers.

    Args:
        model: As it was loaded.
        found: What transformers says of the loading: of missing weights, which it draws at random, and of others.
        name: Of the weights, for the message.

    Raises:
        ItlError: Weights are missing, of another shape, not used, not tied as the config has it, or no numbers.
    """
    if lost := sorted(found["missing_keys"]) or sorted(str(one[0]) for one in found["mismatched_keys"]):
        raise ItlError(f"{name} lacks weights of its architecture: {lost[0]} ({len(lost)} in all); get the files again")
    if unused := _unused(model, found["unexpected_keys"]):
        raise ItlError(
            f"{name} holds weights that its config.json leaves unused: {unused[0]} ({len(unused)} in all); is it the "
            "config of these weights (number of layers, class, tied embeddings)?"
        )
    if apart := sorted(model.get_expanded_tied_weights_keys(all_submodels=True).keys() - model.all_tied_weights_keys):
        raise ItlError(
            f"{name} holds a {apart[0]} of its own, and its config.json says that it is the embeddings "
            "(tie_word_embeddings); set that to false, or remove the weight"
        )
    check_finite(kept_tensors(model), name)


def _unused(model: PreTrainedModel, unexpected: Iterable[str]) -> list[str]:
    """Tensors in the files that nothing was loaded from; what transformers declares as such is not among them.

    Neither is what a model computes for itself and older versions saved: frequencies of positions, masks of attention.
    """
    computed = [f".{name}" for name, _ in model.named_buffers()]
    strange = (key for key in unexpected if not any(name.endswith(f".{key}") for name in computed))
    return sorted(key for key in strange if not MASKS.search(key))


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
        said = str(error) if isinstance(error, ItlError) else one_line(error)  # ours are one line, and whole
        raise ItlError(f"{subject} cannot be loaded: {said}") from error
