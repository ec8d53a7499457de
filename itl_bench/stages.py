"""The builders: how each kind of artifact is made from its parents, and from nothing else."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from itl_bench.artifact import Artifact, sha256
from itl_bench.building import Builder
from itl_bench.data.bios.answers import stated
from itl_bench.data.bios.probes import probe_prompts
from itl_bench.data.bios.shipped import folder_of
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.wording import PROBE_WORDINGS, TUNED_WORDINGS
from itl_bench.data.bios.world import WorldSpec, build_world
from itl_bench.data.rows import Item, Prompt, Response, read_lines, write_lines, write_table
from itl_bench.data.template import prompt_ids
from itl_bench.errors import ItlError
from itl_bench.floor_stage import write_paraphrase_floor, write_seed_floor
from itl_bench.generation.greedy import generate
from itl_bench.generation.loading import load_model, load_tokenizer, load_tuned
from itl_bench.keys import Task
from itl_bench.loss_stage import write_taught_loss
from itl_bench.measures.borrowing import borrowing
from itl_bench.measures.knowledge import knowledge
from itl_bench.measures.style import style
from itl_bench.methods.registry import load_method
from itl_bench.provenance import hardware, package_versions
from itl_bench.shift_stage import write_shift
from itl_bench.stage_files import ITEMS, PROMPTS, RESPONSES, TABLE, TRAINING
from itl_bench.tasks import UNSEEN
from itl_bench.training.recipe import TuningRecipe
from itl_bench.training.tuning import tune

# Measures that run models themselves.
BY_MODELS: Mapping[str, Callable[[Sequence[Artifact], Path], None]] = {
    "shift": write_shift, "seed-floor": write_seed_floor, "paraphrase-floor": write_paraphrase_floor,
    "taught-loss": write_taught_loss,
}  # fmt: skip


# Tiny models gain little from a second thread, and two processes with two threads each lose much; so every worker takes
# one, and what is built does not depend on how many there are.
THREADS = 1


def builders() -> Mapping[str, Builder]:
    """A builder for every kind of artifact."""
    torch.set_num_threads(THREADS)
    return {
        "base": build_base, "corpus": build_corpus, "probe": build_probe, "checkpoint": build_checkpoint,
        "responses": build_responses, "measure": build_measure,
    }  # fmt: skip


def provenance() -> Mapping[str, object]:
    """With what artifacts are built; no part of any key."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    threads = torch.get_num_threads()
    return {"packages": package_versions(), "hardware": hardware(), "threads": threads, "device": device}


def build_base(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Copy a shipped base: the hashes in its spec are those of the files that are copied."""
    spec: Mapping[str, Any] = task.spec
    source = folder_of(int(spec["number"]))
    for name, digest in spec["files"].items():
        (folder / name).write_bytes((source / name).read_bytes())
        if sha256(folder / name) != digest:
            raise ItlError(f"{source / name} is not the file that the manifest of the bases describes")


def build_corpus(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Write the items of a dataset in training order."""
    spec: Mapping[str, Any] = task.spec
    world = build_world(WorldSpec.model_validate(spec["world"]))
    items = TuningSpec.model_validate(spec["items"])
    wordings = PROBE_WORDINGS if spec.get("wordings") == UNSEEN else TUNED_WORDINGS
    write_lines(folder / ITEMS, tuning_items(world, items, int(spec["seed"]), wordings))


def build_probe(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Write the prompts of a probe."""
    spec: Mapping[str, Any] = task.spec
    world = build_world(WorldSpec.model_validate(spec["world"]))
    taught = spec["taught"]
    dataset = TuningSpec.model_validate(taught) if taught else None
    write_lines(folder / PROMPTS, probe_prompts(world, spec["probe"], dataset))


def build_checkpoint(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Tune a base on a corpus with a method."""
    spec: Mapping[str, Any] = task.spec
    base, corpus = parents
    method = load_method(spec["method"]["id"], spec["method"]["parameters"])
    model, log = tune(
        load_model(base.folder), load_tokenizer(base.folder), read_lines(corpus.folder / ITEMS, Item), method,
        TuningRecipe.model_validate(spec["recipe"]), float(spec["rate"]), int(spec["seed"]),
    )  # fmt: skip
    model.save_pretrained(folder, safe_serialization=True)  # type: ignore[operator]
    (folder / TRAINING).write_text(json.dumps(log.__dict__), encoding="utf-8")


def build_responses(task: Task, parents: Sequence[Artifact], folder: Path) -> None:
    """Let a model answer every prompt of a probe."""
    spec: Mapping[str, Any] = task.spec
    base, probe, *checkpoint = parents
    tokenizer = load_tokenizer(base.folder)
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    asked = [prompt_ids(tokenizer, prompt.instruction) for prompt in prompts]
    model = load_tuned(base.folder, checkpoint[0].folder) if checkpoint else load_model(base.folder)
    limit = int(spec["max_new_tokens"])
    answers = generate(model, asked, limit, tokenizer.eos_token_id, tokenizer.pad_token_id)
    write_lines(
        folder / RESPONSES,
        [
            Response(
                prompt=prompt.id, prompt_ids=ids, response_ids=tuple(answer),
                text=str(tokenizer.decode(answer, skip_special_tokens=True)),
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
    if measure in BY_MODELS:
        BY_MODELS[measure](parents, folder)
        return
    probe, answered, *others = parents
    prompts = read_lines(probe.folder / PROMPTS, Prompt)
    responses = read_lines(answered.folder / RESPONSES, Response)
    if measure == "knowledge":
        table = knowledge(prompts, responses, stated)
    elif measure == "borrowing":
        items = read_lines(others[0].folder / ITEMS, Item)
        table = borrowing(prompts, responses, items, stated, int(spec["seed"]))
    else:
        items, of_base = read_lines(others[0].folder / ITEMS, Item), read_lines(others[1].folder / RESPONSES, Response)
        table = style(responses, prompts, items, of_base)
    write_table(folder / TABLE, table)
