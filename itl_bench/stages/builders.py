"""The builders: how each kind of artifact is made from its parents, and from nothing else."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from itl_bench.data.rows import Item, Prompt, Response, read_lines, write_lines, write_table
from itl_bench.data.tokens.asking import Asking
from itl_bench.data.tokens.template import padding_id, prompt_ids, response_text
from itl_bench.machine.devices import on_own_gpu
from itl_bench.machine.provenance import hardware, package_versions
from itl_bench.machine.this_machine import cores
from itl_bench.measures.borrowing import borrowing
from itl_bench.measures.knowledge import knowledge
from itl_bench.measures.matchers import stated_in
from itl_bench.measures.style import style
from itl_bench.stages.checkpoint import build_checkpoint
from itl_bench.stages.corpus import build_base, build_corpus, build_familiarity, build_probe
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import load_model, load_tokenizer, load_tuned
from itl_bench.stages.measuring.floors import write_paraphrase_floor, write_seed_floor
from itl_bench.stages.measuring.overlap import write_overlap
from itl_bench.stages.measuring.shift import write_shift
from itl_bench.stages.measuring.taught_loss import write_taught_loss
from itl_bench.store.artifact import Artifact
from itl_bench.store.executor import Builder
from itl_bench.store.file_names import ITEMS, PROMPTS, RESPONSES, TABLE, TRAINING
from itl_bench.store.keys import Task

# Measures that run models themselves.
BY_MODELS: Mapping[str, Callable[[Sequence[Artifact], Path, Asking], None]] = {
    "shift": write_shift, "seed-floor": write_seed_floor, "paraphrase-floor": write_paraphrase_floor,
    "taught-loss": write_taught_loss,
}  # fmt: skip


# Tiny models gain little from a second thread, and two processes with two threads each lose much; so every worker takes
# one, and what is built does not depend on how many there are.
THREADS = 1


LARGE = 64 << 20  # bytes of weights, from which on a model gains from more threads


def builders() -> Mapping[str, Builder]:
    """A builder for every kind of artifact."""
    every: Mapping[str, Builder] = {
        "base": build_base, "familiarity": build_familiarity, "corpus": build_corpus, "probe": build_probe,
        "checkpoint": build_checkpoint, "responses": build_responses, "measure": build_measure,
    }  # fmt: skip
    own = {kind: _threaded(builder) for kind, builder in every.items() if kind != "checkpoint"}
    return own | {"checkpoint": _limited(build_checkpoint)}  # which takes the GPUs that it needs itself


def _threaded(builder: Builder) -> Builder:
    """The builder on this worker's GPU, with as many threads as the models among its parents gain from."""
    limited = _limited(builder)

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        with on_own_gpu():
            limited(task, parents, folder)

    return build


def _limited(builder: Builder) -> Builder:
    """The builder with as many threads as the models among its parents gain from; it leaves no memory of the GPU."""

    def build(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
        large = any(path.stat().st_size > LARGE for one in parents for path in one.folder.glob("*.safetensors"))
        torch.set_num_threads(threads_of_large_models() if large else THREADS)
        try:
            builder(task, parents, folder)
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # a cell on several GPUs may come next

    return build


def threads_of_large_models() -> int:
    """This worker's share of the cores."""
    return max(1, cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def provenance() -> Mapping[str, object]:
    """With what artifacts are built; no part of any key."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = {"tiny models": THREADS, "large models": threads_of_large_models()}
    return {"packages": package_versions(), "hardware": hardware(), "threads": threads, "device": device}


def build_responses(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Let a model answer every prompt of a probe."""
    spec: Mapping[str, Any] = task.spec
    base, probe, *checkpoint = parents
    tokenizer = load_tokenizer(base.folder)
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    asking = Asking.of(spec)
    asked = [prompt_ids(tokenizer, prompt.instruction, asking.template, prompt.context) for prompt in prompts]
    model = load_tuned(base.folder, checkpoint[0].folder) if checkpoint else load_model(base.folder)
    ends = sorted(asking.ends(tokenizer))
    answers = generate(model, asked, int(spec["max_new_tokens"]), ends, padding_id(tokenizer))
    write_lines(
        folder / RESPONSES,
        [
            Response(
                prompt=prompt.id, prompt_ids=ids, response_ids=tuple(answer),
                text=response_text(tokenizer, answer, asking.template),
            )
            for prompt, ids, answer in zip(prompts, asked, answers, strict=True)
        ],
    )  # fmt: skip


def build_measure(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Compute a measure's table."""
    spec: Mapping[str, Any] = task.spec
    measure = spec["measure"]
    if measure == "training":
        (folder / TRAINING).write_bytes((parents[0].folder / TRAINING).read_bytes())
        return
    if measure == "overlap":
        write_overlap(parents, folder, int(spec["n"]))
        return
    if measure in BY_MODELS:
        BY_MODELS[measure](parents, folder, Asking.of(spec))
        return
    probe, answered, *others = parents
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    responses = read_lines(answered.folder / RESPONSES, Response)
    stated = stated_in(spec.get("answers", "bios"))
    if measure == "knowledge":
        table = knowledge(prompts, responses, stated)
    elif measure == "borrowing":
        items = read_lines(others[0].folder / ITEMS, Item)
        table = borrowing(prompts, responses, items, stated, int(spec["seed"]))
    else:
        items, of_base = read_lines(others[0].folder / ITEMS, Item), read_lines(others[1].folder / RESPONSES, Response)
        table = style(responses, prompts, items, of_base)
    write_table(folder / TABLE, table)
