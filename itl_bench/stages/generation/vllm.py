"""Answers by vLLM: one engine for a base and all of its adapters, held to transformers before it is believed."""

import gc
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self

import torch
from transformers import PreTrainedModel

from itl_bench.data.weights.folder import ADAPTER, CONFIG, read_object
from itl_bench.errors import UnservedError
from itl_bench.machine.devices import VISIBLE, on_own_gpu, on_several_gpus
from itl_bench.machine.vllm import Served, gpus_for
from itl_bench.stages.generation.child import Child, child
from itl_bench.stages.generation.engine import Answered, Asked
from itl_bench.stages.generation.greedy import Trace, trace
from itl_bench.stages.generation.hugging_face import each_model
from itl_bench.stages.generation.parity import Parity, check, compare, sample
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


class _Sample(NamedTuple):
    """Some prompts of one model, and what transformers answers to them: the model, and its base."""

    places: list[int]
    asked: Asked
    expected: list[Trace]
    of_base: list[Trace]


def vllm(base: Path, asked: Sequence[Asked], how: How) -> Generator[Answered]:
    """Greedy responses of a base and of what was tuned from it.

    The base and its adapters have one engine, a checkpoint of all weights has one of its own. Before an engine answers
    everything, it answers a sample of every model's prompts, which transformers has answered, too.

    Args:
        base: Folder of the base.
        asked: Any number of models.
        how: Precision and the like.

    Raises:
        UnservedError: Answers differ beyond rounding: nothing of that engine is given.
        ItlError: The engine broke down.
    """
    served = []
    for place, one in enumerate(asked):
        if reason := why_unserved(one.checkpoint):
            yield Answered(place, partial(_refuse, reason))
        elif not one.prompts:
            yield Answered(place, list)
        else:
            served.append(place)
    with on_own_gpu():
        samples = dict(zip(served, _sampled(base, [asked[place] for place in served], how), strict=True))
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()  # the engine needs the memory
    for model, places in _by_engine(base, {place: asked[place] for place in served}).items():
        yield from _by_one_engine(model, {place: (asked[place], samples[place]) for place in places}, how)


def _by_engine(base: Path, asked: Mapping[int, Asked]) -> dict[Path, list[int]]:
    """The weights that an engine is opened for -> who is asked there."""
    found: dict[Path, list[int]] = {}
    for place, one in asked.items():
        whole = one.checkpoint if one.checkpoint and not has_adapter(one.checkpoint) else None
        found.setdefault(whole or base, []).append(place)
    return found


def _refuse(reason: str) -> NoReturn:
    raise UnservedError(reason)


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


def _sampled(base: Path, asked: Sequence[Asked], how: How) -> list[_Sample]:
    """What transformers answers to a sample of the prompts of every model."""
    places = [sample(len(one.prompts)) for one in asked]
    few = [one._replace(prompts=[one.prompts[place] for place in own]) for one, own in zip(asked, places, strict=True)]
    rows, of_base = _with_bases(few)
    found: dict[int, list[Trace]] = {}
    for number, answers in each_model(base, rows, _trace, DTYPES[how.precision]):
        found[number] = answers()
    return [_Sample(own, few[n], found[n], found[of_base[n]]) for n, own in enumerate(places)]


def _with_bases(asked: Sequence[Asked]) -> tuple[list[Asked], list[int]]:
    """The models and, behind them, their base with the sets of prompts that it is not asked; and where each base is."""
    numbers = {_prompts(one): number for number, one in enumerate(asked) if one.checkpoint is None}
    more = {_prompts(one): one._replace(checkpoint=None) for one in asked if _prompts(one) not in numbers}
    numbers |= {prompts: len(asked) + number for number, prompts in enumerate(more)}
    return [*asked, *more.values()], [numbers[_prompts(one)] for one in asked]


def _prompts(asked: Asked) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, asked.prompts))


def _trace(model: PreTrainedModel, asked: Asked) -> list[Trace]:
    return trace(model, asked.prompts, asked.max_new_tokens, asked.ends, asked.padding)


def _by_one_engine(model: Path, group: Mapping[int, tuple[Asked, _Sample]], how: How) -> Generator[Answered]:
    every = [asked for asked, _ in group.values()]
    settings = engine_settings(model, every, how)
    with _held(how.gpus) as gpus, child(how.target, settings, environment(settings, how, gpus)) as engine:
        of_base = _sample_of_base(engine, model, group, how)
        places, started = list(group), time.monotonic()
        for reply in engine.ask({"rows": [row_of(asked) for asked in every]}):
            place, now = places[reply["row"]], time.monotonic()
            responses: list[list[int]] = reply["responses"]
            parity = _compared(group[place][1], [responses[one] for one in group[place][1].places], of_base[place], how)
            yield Answered(place, partial(list, responses), now - started, parity)
            started = time.monotonic()


@contextmanager
def _held(gpus: int) -> Iterator[tuple[str, ...]]:
    """GPUs for an engine alone: it fills their memory."""
    with on_several_gpus(gpus) if gpus else nullcontext(()) as held:
        yield held


def row_of(asked: Asked) -> dict[str, object]:
    """What one model is asked, as an engine's process is told."""
    adapter = asked.checkpoint if asked.checkpoint and has_adapter(asked.checkpoint) else None
    return {
        "adapter": str(adapter) if adapter else None, "prompts": [list(one) for one in asked.prompts],
        "max_new_tokens": asked.max_new_tokens, "ends": list(asked.ends),
    }  # fmt: skip


def _sample_of_base(
    engine: Child, model: Path, group: Mapping[int, tuple[Asked, _Sample]], how: How
) -> dict[int, list[list[int]] | None]:
    """What the engine answers to every sample as the base; None where its weights are not the base's.

    Whoever is asked answers the sample, too, so that an engine that answers wrongly is found before it answers all.

    Raises:
        UnservedError: Some answers are those of another model.
    """
    asked = [one.asked for _, one in group.values()]
    whole = asked[0].checkpoint == model
    rows, numbers = (asked, []) if whole else _with_bases(asked)
    found = {reply["row"]: reply["responses"] for reply in engine.ask({"rows": [row_of(one) for one in rows]})}
    of_base = dict.fromkeys(group) if whole else dict(zip(group, (found[number] for number in numbers), strict=True))
    for number, (place, (_, one)) in enumerate(group.items()):
        _compared(one, found[number], of_base[place], how)
    return of_base


def _compared(
    one: _Sample, found: Sequence[Sequence[int]], of_base: Sequence[Sequence[int]] | None, how: How
) -> Parity:
    """A model's answers to its sample, held to those of transformers.

    Raises:
        UnservedError: They are those of another model.
    """
    base = (one.expected, found) if of_base is None else (one.of_base, of_base)
    parity = compare(one.places, one.expected, found, *base)
    check(one.asked.name, parity, how.precision == "fp32", how.ceiling)
    return parity


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
