"""Answers by vLLM: one engine for a base and all of its adapters, held to transformers before it is believed."""

import gc
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

import torch

from itl_bench.errors import UnservedError
from itl_bench.machine.devices import on_own_gpu, on_several_gpus
from itl_bench.stages.generation.child import Child, child
from itl_bench.stages.generation.decoding import Trace
from itl_bench.stages.generation.engine import Answered, Asked
from itl_bench.stages.generation.parity import Parity, check, compare, sample
from itl_bench.stages.generation.reference import traces
from itl_bench.stages.generation.vllm_settings import (
    How,
    engine_settings,
    environment,
    row_of,
    why_unserved,
)
from itl_bench.stages.loading import has_adapter


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
    samples = dict(zip(served, _sampled(base, [asked[place] for place in served], how), strict=True))
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


def _sampled(base: Path, asked: Sequence[Asked], how: How) -> list[_Sample]:
    """What transformers answers to a sample of the prompts of every model."""
    places = [sample(len(one.prompts)) for one in asked]
    few = [one._replace(prompts=[one.prompts[place] for place in own]) for one, own in zip(asked, places, strict=True)]
    rows, of_base = _with_bases(few)
    with on_own_gpu() if how.gpus <= 1 else on_several_gpus(how.gpus) as gpus:
        found = traces(base, rows, how.precision, gpus or ())
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()  # the engine needs the memory
    return [_Sample(own, few[n], found[n], found[of_base[n]]) for n, own in enumerate(places)]


def _with_bases(asked: Sequence[Asked]) -> tuple[list[Asked], list[int]]:
    """The models and, behind them, their base with the sets of prompts that it is not asked; and where each base is."""
    numbers = {_prompts(one): number for number, one in enumerate(asked) if one.checkpoint is None}
    more = {_prompts(one): one._replace(checkpoint=None) for one in asked if _prompts(one) not in numbers}
    numbers |= {prompts: len(asked) + number for number, prompts in enumerate(more)}
    return [*asked, *more.values()], [numbers[_prompts(one)] for one in asked]


def _prompts(asked: Asked) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, asked.prompts))


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
