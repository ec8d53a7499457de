"""From folders of weights to models and tokenizers: safetensors only, no code from a model's folder."""

from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

ADAPTER = "adapter_config.json"
logging.disable_progress_bar()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a base."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return tokenizer


def load_model(folder: Path) -> PreTrainedModel:
    """A whole model, in evaluation mode, with fp32 weights whatever the precision of the files."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )
    model.eval()
    return model


def load_tuned(base: Path, checkpoint: Path) -> PreTrainedModel:
    """A tuned model: the base with the checkpoint's adapter merged into it, or the checkpoint's own weights."""
    if not (checkpoint / ADAPTER).exists():
        return load_model(checkpoint)
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(load_model(base), checkpoint, local_files_only=True)
    merged: PreTrainedModel = adapted.merge_and_unload()
    merged.eval()
    return merged
