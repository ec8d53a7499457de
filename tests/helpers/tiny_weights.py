"""Folders of weights too small to say anything, but of the layout of real ones."""

import json
import string
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from itl_bench.errors import ItlError

LETTERS = ("<unk>", "<s>", "</s>", *string.ascii_lowercase, " ")


def tiny_config(**changes):
    sizes = {
        "vocab_size": len(LETTERS), "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.5,
        "tie_word_embeddings": False,
    }  # fmt: skip
    return LlamaConfig(**sizes | changes)


def tiny_llama(seed=0, **changes):
    torch.manual_seed(seed)
    return LlamaForCausalLM(tiny_config(**changes)).eval()


def letters_tokenizer(**special):
    """One token for every letter; no padding token unless asked for."""
    core = Tokenizer(WordLevel({letter: index for index, letter in enumerate(LETTERS)}, unk_token="<unk>"))
    core.pre_tokenizer = Split("", "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=core, **({"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"} | special)
    )


@cache
def _saved(tied, shard, dtype):
    kept = TemporaryDirectory()
    model = tiny_llama(tie_word_embeddings=tied).to(getattr(torch, dtype))
    model.save_pretrained(kept.name, **({"max_shard_size": shard} if shard else {}))
    letters_tokenizer().save_pretrained(kept.name)
    return kept


def write_model(folder: Path, tied=False, shard=None, dtype="float32") -> Path:
    """A whole model, as transformers saves it; made once in a process for each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in Path(_saved(tied, shard, dtype).name).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def change_json(path: Path, **changes) -> None:
    """Set keys of a JSON file; None removes one."""
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def logits(model, ids=(3, 4, 5, 6, 7)):
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits


def edit(file, change):
    """Change the tensors of a file of safetensors in place."""
    weights = load_file(file)
    change(weights)
    save_file(weights, file, {"format": "pt"})


def refused(call, *arguments):
    """The one line with which a call is refused."""
    with pytest.raises(ItlError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)
