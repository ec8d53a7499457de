"""What a folder must hold to be a model: config, safetensors, tokenizer. Nothing of it is ever run."""

import json
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from itl_bench.errors import UsageError

CONFIG = "config.json"
WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "chat_template.jinja",
)  # fmt: skip
TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))  # any one of these is enough
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
LONGEST_RANK = 4096  # bytes: a token in base 64 and its rank, as tiktoken writes them
LARGEST_HEADER = 100_000_000  # bytes: the format's own limit


class ModelFiles(NamedTuple):
    """The files of a folder that make a model; whatever else is there is left alone."""

    small: tuple[Path, ...]  # config, index and tokenizer
    weights: tuple[Path, ...]

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, by name."""
        return tuple(sorted(self.small + self.weights, key=lambda path: path.name))


def model_files(folder: Path) -> ModelFiles:
    """Find the files of a model and check that they are complete; of the weights only headers are read.

    Raises:
        UsageError: Something is missing, cut short, or of a kind that is not loaded; one line.
    """
    if not folder.is_dir():
        raise UsageError(f"no folder of weights at {folder}")
    _check_config(folder / CONFIG)
    weights = weight_files(folder)
    tokenizer = tuple(folder / name for name in TOKENIZER_FILES if (folder / name).is_file())
    if not any({folder / name for name in names} <= set(tokenizer) for names in TOKENIZERS):
        raise UsageError(f"{folder} has no tokenizer; copy the base model's tokenizer.json into it")
    if reason := why_no_tokenizer(folder):
        raise UsageError(reason)
    index = (folder / INDEX,) if len(weights) > 1 or weights[0].name != WHOLE else ()
    return ModelFiles((folder / CONFIG, *index, *tokenizer), weights)


class _TwiceError(Exception):
    """A key that stands twice in one object, of which json would take the last."""


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    counts = Counter(key for key, _ in pairs)
    if twice := [key for key, count in counts.items() if count > 1]:
        raise _TwiceError(twice[0])
    return dict(pairs)


def read_object(path: Path) -> dict[str, object]:
    """A JSON file that must hold an object.

    Raises:
        UsageError: It is not there, or holds something else.
    """
    try:
        found = json.loads(path.read_bytes(), object_pairs_hook=_each_once)
    except _TwiceError as error:
        raise UsageError(f"{path} has the key {str(error)!r} twice; which one is meant? Remove the other") from None
    except FileNotFoundError:
        raise UsageError(f"{path.parent} has no {path.name}; give the folder of a whole model") from None
    except (OSError, ValueError, RecursionError):
        raise UsageError(f"{path} is no valid JSON; get the file again") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no JSON object; get the file again")
    return found


def architecture(config: Path) -> str:
    """The class of the model, as its config names it.

    Raises:
        UsageError: The config names none.
    """
    names = read_object(config).get("architectures")
    if not (isinstance(names, list) and names and isinstance(names[0], str)):
        raise UsageError(f"{config} names no architecture; give the config of a causal language model")
    return names[0]


def why_no_tokenizer(folder: Path) -> str | None:
    """Why a tokenizer cannot be read here that is there as tokenizer.model alone; None where it can, or is another."""
    file = folder / "tokenizer.model"
    if not file.is_file() or (folder / "tokenizer.json").is_file():
        return None
    with file.open("rb") as stream:
        ranked = re.match(rb"[A-Za-z0-9+/=]+ \d+\r?\n", stream.read(LONGEST_RANK))
    packages = {"tiktoken": "tiktoken"} if ranked else {"sentencepiece": "sentencepiece", "google.protobuf": "protobuf"}
    absent = [package for module, package in packages.items() if not _is_installed(module)]
    if not absent:
        return None
    return (
        f"{folder} has its tokenizer as tokenizer.model alone, and {' and '.join(absent)} to read it is not installed; "
        f"pip install {' '.join(absent)}, or copy the model's tokenizer.json into the folder"
    )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what the module is part of
        return False


def _check_config(config: Path) -> None:
    named, found = architecture(config), read_object(config)
    if found.get("is_encoder_decoder") is True:
        raise UsageError(
            f"{config.parent} is a {named}, an encoder-decoder; give a causal language model, which reads on from its "
            "prompt (a decoder alone)"
        )
    quantization = found.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else None
        raise UsageError(f"{config.parent} holds quantized weights ({method or 'unknown method'}); give the full ones")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that transformers reads: one, or the shards of an index, with every tensor where the index has it.

    Raises:
        UsageError: They are not there, cut short, or leave open which of two tensors is meant; one line.
    """
    whole = (folder / WHOLE).exists() or (folder / INDEX).exists()
    if whole and (folder / ADAPTER).exists():
        raise UsageError(
            f"{folder} holds whole weights and an adapter ({ADAPTER}), and which model is meant is open; remove the "
            "adapter, or merge it into the weights and save these"
        )
    if (folder / WHOLE).exists():
        _check_alone(folder)
        tensors_of(folder / WHOLE)
        return (folder / WHOLE,)
    if (folder / INDEX).exists():
        return _shards(folder)
    if (folder / ADAPTER).exists():
        raise UsageError(f"{folder} holds an adapter, no whole model; merge it into its base and save that")
    if pickled := sorted(path.name for pattern in PICKLED for path in folder.glob(pattern)):
        raise UsageError(
            f"{folder} holds pickled weights only ({pickled[0]}), which are never loaded because they can run code; "
            "convert them where that does no harm: transformers' AutoModelForCausalLM.from_pretrained(...)"
            ".save_pretrained(NEW_FOLDER), or give a revision with safetensors"
        )
    raise UsageError(f"{folder} has no weights: neither {WHOLE} nor {INDEX}")


def _check_alone(folder: Path) -> None:
    """Of one file and an index of others, transformers would take the file without a word."""
    if not (folder / INDEX).exists():
        return
    names = set(_placed(folder).values()) - {WHOLE}
    if names:
        raise UsageError(
            f"{folder} holds {WHOLE} beside an index that names {min(names)} ({len(names)} in all), and which are the "
            f"weights nobody can say; remove {WHOLE}, or {INDEX} with the files that it names"
        )


def _placed(folder: Path) -> dict[str, str]:
    """Tensor -> the file that the index has it in."""
    index = read_object(folder / INDEX).get("weight_map")
    if not (isinstance(index, dict) and index and all(_plain_name(name) for name in index.values())):
        raise UsageError(f"{folder / INDEX} has no 'weight_map' of tensors to files of the same folder")
    return index


def _shards(folder: Path) -> tuple[Path, ...]:
    index = _placed(folder)
    names = sorted(set(index.values()))
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise UsageError(f"{folder} lacks {missing[0]} ({len(missing)} of {len(names)} shards are missing)")
    there = {name: tensors_of(folder / name) for name in names}
    for tensor, name in sorted(index.items()):
        if tensor not in there[name]:
            raise UsageError(f"{folder / name} lacks the tensor {tensor} that the index places there")
    for name in names:
        if strange := sorted(tensor for tensor in there[name] if index.get(tensor) != name):
            place = f"in {index[strange[0]]}" if strange[0] in index else "nowhere"
            raise UsageError(
                f"{folder / name} holds the tensor {strange[0]}, which the index has {place} ({len(strange)} such in "
                "this file): it would be loaded in the other's stead; get shards and index again, of one version"
            )
    return tuple(folder / name for name in names)


def _plain_name(name: object) -> bool:
    """An index is untrusted: it may not lead out of its folder, nor to files of another kind."""
    return isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name


def tensors_of(file: Path) -> frozenset[str]:
    """Names of the tensors in a safetensors file; errors are those of `types_of`."""
    return frozenset(types_of(file))


def types_of(file: Path) -> dict[str, str]:
    """The tensors in a safetensors file by name, with their types; its length must be what its header says.

    Raises:
        UsageError: The file is truncated or corrupt.
    """
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(LARGEST_HEADER, size - 8):
                raise ValueError("length of the header")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        ends = [int(one["data_offsets"][1]) for one in header.values() if one["dtype"]]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{file} is no valid safetensors file; get it again") from None
    whole = 8 + length + max(ends, default=0)
    if whole != size:
        raise UsageError(f"{file} is cut short or damaged: {size} bytes, its header says {whole}; get it again")
    return {name: str(one["dtype"]) for name, one in header.items()}
