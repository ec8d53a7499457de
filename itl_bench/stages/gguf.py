"""From a GGUF file to a plain folder of safetensors and tokenizer."""

import io
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from itl_bench.stages.loading import check_whole, readable

QUANTIZED = ("hf_quantizer", "is_quantized", "quantization_method")


def convert(gguf_file: Path, folder: Path) -> None:
    """Write the model of a GGUF file as fp32 safetensors, with config and tokenizer.

    Quantized weights are de-quantized: what is written is the model as the file has it, not the one it was made from.
    Peak memory is about 10 bytes per parameter beside torch's own (3.3 GB in all for 268 million parameters).

    Args:
        gguf_file: Read as data; its size and content are not trusted.
        folder: Where to write.

    Raises:
        ItlError: The file is damaged, lacks weights, or is of an architecture that transformers does not read.
    """
    with TemporaryDirectory() as scratch:  # alone there: transformers reads other files beside the one it is given
        alone = Path(scratch) / "model.gguf"
        alone.symlink_to(gguf_file.resolve())
        # What is hidden is a progress bar: the library's log keeps the stream that it began with.
        with readable(gguf_file.name), redirect_stderr(io.StringIO()):
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                scratch, gguf_file=alone.name, dtype=torch.float32, trust_remote_code=False, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
            tokenizer = AutoTokenizer.from_pretrained(
                scratch, gguf_file=alone.name, trust_remote_code=False, local_files_only=True
            )
    model, found = loaded
    check_whole(found, gguf_file.name)
    _forget_quantization(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)  # how to decode is said where it is done


def _forget_quantization(model: PreTrainedModel) -> None:
    """The weights are plain by now, but a model that remembers how they were stored refuses to be saved."""
    if hasattr(model.config, "quantization_config"):
        delattr(model.config, "quantization_config")
    for name in QUANTIZED:
        if name in vars(model):
            delattr(model, name)
