"""How vLLM is opened and asked: what it is told of the models, and which of them it does not take."""

import os
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch

from itl_bench.data.weights.folder import ADAPTER, CONFIG, read_object
from itl_bench.machine.devices import VISIBLE
from itl_bench.machine.vllm import Served, gpus_for
from itl_bench.stages.generation.engine import Asked
from itl_bench.stages.loading import has_adapter

TARGET = "itl_bench.stages.generation.vllm_engine:open_engine"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # of adapters that an engine can be opened for
DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
GIB, MOST_CACHE = 2**30, 4  # GiB of keys and values on a CPU
TOGETHER = 128  # answers whose keys and values should fit there


class How(NamedTuple):
    """How vLLM answers.

    Attributes:
        precision: Of the weights; "fp32" or "bf16".
        batch_invariant: Whether an answer does not depend on what is answered beside it.
        ceiling: Share of answers that may differ from those of transformers in bf16.
        gpus: Number that the weights are divided among; 0 where the machine has none.
        target: "module:function" of what opens an engine in its own process.
    """

    precision: str = "fp32"
    batch_invariant: bool = False
    ceiling: float = 0.5
    gpus: int = 0
    target: str = TARGET

    @classmethod
    def of(cls, spec: Mapping[str, Any], served: Served) -> Self:
        """What a task says of it.

        Args:
            spec: Of the task.
            served: Its place.

        Raises:
            UsageError: The model is larger than all GPUs together.
        """
        gpus = gpus_for(served.parameters, spec["precision"])
        return cls(spec["precision"], spec["batch_invariant"], served.ceiling, gpus)


def why_unserved(checkpoint: Path | None) -> str | None:
    """Why vLLM cannot put an adapter on a base; None where it can, or where there is no adapter."""
    if checkpoint is None or not has_adapter(checkpoint):
        return None
    config: Mapping[str, Any] = read_object(checkpoint / ADAPTER)
    kinds = {
        "modules_to_save": "weights beside its adapter", "use_dora": "DoRA", "lora_bias": "biases of its adapter",
        "trainable_token_indices": "single tokens", "target_parameters": "adapters of single parameters",
    }  # fmt: skip
    found = [words for name, words in kinds.items() if config.get(name)]
    if config.get("peft_type") != "LORA":
        found.append(f"an adapter of the kind {config.get('peft_type')}")
    if config.get("bias", "none") != "none":
        found.append("biases of the model")
    if (rank := _rank(config)) > RANKS[-1]:
        found.append(f"rank {rank}")
    return f"vLLM does not serve {', '.join(found)}" if found else None


def _rank(config: Mapping[str, Any]) -> int:
    pattern: Mapping[str, Any] = config.get("rank_pattern") or {}
    return max(int(config.get("r", 8)), *map(int, pattern.values()), 0)


def row_of(asked: Asked) -> dict[str, object]:
    """What one model is asked, as an engine's process is told."""
    adapter = asked.checkpoint if asked.checkpoint and has_adapter(asked.checkpoint) else None
    return {
        "adapter": str(adapter) if adapter else None, "prompts": [list(one) for one in asked.prompts],
        "max_new_tokens": asked.max_new_tokens, "ends": list(asked.ends),
    }  # fmt: skip


def engine_settings(model: Path, asked: Sequence[Asked], how: How) -> dict[str, object]:
    """What an engine is opened with: as large as those who are asked need it.

    Args:
        model: Folder of the weights.
        asked: The base, or adapters of it.
        how: Precision and GPUs.
    """
    adapters = dict.fromkeys(one.checkpoint for one in asked if one.checkpoint and has_adapter(one.checkpoint))
    configs: list[Mapping[str, Any]] = [read_object(one / ADAPTER) for one in adapters]
    rank = max(map(_rank, configs), default=0)
    named = [one.get("target_modules") for one in configs]
    listed = all(isinstance(names, list) for names in named)  # a pattern stands for modules that it does not name
    targets = sorted({name.rpartition(".")[2] for names in named for name in names or ()}) if listed else []
    length = max(len(prompt) + one.max_new_tokens for one in asked for prompt in one.prompts)
    return {
        "model": str(model), "dtype": {"fp32": "float32", "bf16": "bfloat16"}[how.precision], "length": length,
        "adapters": len(configs), "rank": next(one for one in RANKS if one >= rank) if configs else 0,
        "targets": targets, "gpus": max(1, how.gpus),
    }  # fmt: skip


def environment(settings: Mapping[str, Any], how: How, gpus: Sequence[str]) -> dict[str, str]:
    """Of an engine's process.

    Args:
        settings: That it is opened with.
        how: Whether answers are batch-invariant.
        gpus: That it may use, as CUDA_VISIBLE_DEVICES names them; none on a machine without one.
    """
    own = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0" if settings["gpus"] == 1 else "1", "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": str(_cache_gib(settings)), "OMP_NUM_THREADS": str(torch.get_num_threads()),
        "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    if how.batch_invariant:
        own["VLLM_BATCH_INVARIANT"] = "1"
    if gpus:
        own[VISIBLE] = ",".join(gpus)
    return os.environ | own


def _cache_gib(settings: Mapping[str, Any]) -> int:
    """Whole GiB for keys and values on a CPU."""
    whole: Mapping[str, Any] = read_object(Path(settings["model"]) / CONFIG)
    config: Mapping[str, Any] = whole.get("text_config", whole)
    heads = int(config.get("num_attention_heads", 32))
    width = int(config.get("head_dim") or int(config.get("hidden_size", 4096)) // heads)
    layers, of_values = int(config.get("num_hidden_layers", 32)), int(config.get("num_key_value_heads") or heads)
    size = 4 if settings["dtype"] == "float32" else 2
    return min(MOST_CACHE, ceil(TOGETHER * int(settings["length"]) * 2 * layers * of_values * width * size / GIB))
