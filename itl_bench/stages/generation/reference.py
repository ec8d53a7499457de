"""What transformers answers to a sample, which another engine is held to: here, or over several GPUs elsewhere."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from itl_bench.machine.devices import VISIBLE
from itl_bench.stages.generation.child import Message, Serve, child
from itl_bench.stages.generation.decoding import Trace
from itl_bench.stages.generation.engine import Asked
from itl_bench.stages.generation.greedy import trace
from itl_bench.stages.generation.hugging_face import each_model
from itl_bench.stages.generation.vllm_settings import DTYPES

TARGET = "itl_bench.stages.generation.reference:open_reference"


def traces(base: Path, asked: Sequence[Asked], precision: str, gpus: Sequence[str] = ()) -> list[list[Trace]]:
    """The greedy responses of every model, with their gaps.

    Args:
        base: Folder of the base.
        asked: The base, and what was tuned from it.
        precision: Of the weights, "fp32" or "bf16".
        gpus: That a model is divided among, in a process of its own, as CUDA_VISIBLE_DEVICES names them; where there
            are none, each is loaded here.
    """
    found: dict[int, list[Trace]] = {}
    if not gpus:
        for number, answers in each_model(base, asked, _trace, DTYPES[precision]):
            found[number] = answers()
    else:
        settings = {"base": str(base), "precision": precision}
        with child(TARGET, settings, os.environ | {VISIBLE: ",".join(gpus)}) as elsewhere:
            for reply in elsewhere.ask({"rows": [_row(one) for one in asked]}):
                found[reply["row"]] = [Trace(tuple(ids), tuple(gaps)) for ids, gaps in reply["traces"]]
    return [found[number] for number in range(len(asked))]


def open_reference(settings: Message) -> Serve:
    """Nothing is loaded before it is asked."""
    return partial(_serve, Path(settings["base"]), settings["precision"])


def _serve(base: Path, precision: str, request: Message) -> Iterator[Message]:
    asked = [Asked(**row | {"checkpoint": row["checkpoint"] and Path(row["checkpoint"])}) for row in request["rows"]]
    for number, answers in each_model(base, asked, _trace, DTYPES[precision], device="auto"):
        yield {"row": number, "traces": answers()}


def _row(asked: Asked) -> dict[str, Any]:
    return asked._asdict() | {"checkpoint": asked.checkpoint and str(asked.checkpoint)}


def _trace(model: PreTrainedModel, asked: Asked) -> list[Trace]:
    return trace(model, asked.prompts, asked.max_new_tokens, asked.ends, asked.padding)
