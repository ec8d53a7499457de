"""Pre-training a base, measuring what its stored weights know, and writing its manifest."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from itl_bench.data.bios.answers import outcome
from itl_bench.data.bios.gates import Gate, familiarity, gates
from itl_bench.data.bios.pretraining_text import biography, page_entry
from itl_bench.data.bios.probes import Probe, probe_prompts
from itl_bench.data.bios.recipe import Recipe
from itl_bench.data.bios.shipped import ShippedBase
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.words import ATTRIBUTES
from itl_bench.data.bios.world import World, WorldSpec, build_world
from itl_bench.data.rows import Prompt
from itl_bench.data.tokens.template import padding_id, prompt_ids
from itl_bench.machine.provenance import package_versions
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import load_model
from itl_bench.stages.training.pretraining import pretrain
from itl_bench.store.artifact import sha256

PROBES: dict[str, Probe] = {
    "known": "bios-known", "rarely": "bios-rarely", "new": "bios-new", "skill": "bios-skill",
}  # fmt: skip
FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
CONTEXTS = 2  # preceding documents under which familiarity is asked
ANSWER_TOKENS = 40


def make_base(
    spec: WorldSpec, recipe: Recipe, number: int, folder: Path, state: Path, on_step: Callable[[int, float], None]
) -> tuple[ShippedBase, tuple[Gate, ...]]:
    """Pre-train a base and store it in bf16; what it knows is measured on what was stored.

    Args:
        spec: The world to read about.
        recipe: How to pre-train.
        number: As cell tables will name it.
        folder: Where to store it.
        state: File from which an interrupted run goes on.
        on_step: Told the steps done and the last loss.
    """
    world = build_world(spec)
    tokenizer = make_tokenizer(world)
    folder.mkdir(parents=True, exist_ok=True)
    model = pretrain(world, recipe, tokenizer, state, on_step)
    model.bfloat16().save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)  # how to decode is said where it is done
    tokenizer.save_pretrained(folder)
    recall, asked = measure_recall(world, folder, tokenizer)
    found = gates(world, recall, asked)
    return ShippedBase(
        number=number, recipe=recipe, files={name: sha256(folder / name) for name in FILES if (folder / name).exists()},
        recall=recall, familiarity=measure_familiarity(world, folder, tokenizer),
        passed=all(gate.passed for gate in found), made_with=package_versions(),
    ), found  # fmt: skip


def measure_recall(
    world: World, folder: Path, tokenizer: PreTrainedTokenizerBase
) -> tuple[dict[str, float], dict[str, int]]:
    """Share of right answers in the tuning format, and number of prompts, by role."""
    model = load_model(folder)
    recall, asked = {}, {}
    for role, probe in PROBES.items():
        prompts = probe_prompts(world, probe)
        right = _answers(model, tokenizer, prompts, [prompt_ids(tokenizer, one.instruction) for one in prompts])
        recall[role], asked[role] = sum(right) / len(right), len(right)
    return recall, asked


def measure_familiarity(world: World, folder: Path, tokenizer: PreTrainedTokenizerBase) -> dict[str, dict[str, int]]:
    """By role, how many facts are answered always, sometimes or never right in the base's own format.

    Each fact is asked in every wording and after several documents about other people, all seen in pre-training.
    """
    model = load_model(folder)
    before = [biography(one, random.Random(one.number)) for one in world.of("dialogue")[:CONTEXTS]]
    classes = {}
    for role in ("known", "rarely", "new"):
        people = world.of(role)
        facts = [(one, name) for one in people for name in ATTRIBUTES]
        askings = []
        for context in before:
            for wording in range(5):
                entries = [page_entry(one, name, wording).rpartition("Answer:")[0] + "Answer:" for one, name in facts]
                texts = [f"<s>{context}</s><s>{entry}" for entry in entries]
                ids = [tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
                answers = generate(model, ids, 2, [tokenizer.eos_token_id], padding_id(tokenizer))
                said = [str(tokenizer.decode(answer)) for answer in answers]
                askings.append(
                    [
                        outcome(text, name, one.value(name)) == "right"
                        for text, (one, name) in zip(said, facts, strict=True)
                    ]
                )
        classes[role] = familiarity(list(zip(*askings, strict=True)))
    return classes


def _answers(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    ids: Sequence[tuple[int, ...]],
) -> list[bool]:
    answers = generate(model, ids, ANSWER_TOKENS, [tokenizer.eos_token_id], padding_id(tokenizer))  # type: ignore[arg-type]
    texts = [str(tokenizer.decode(answer, skip_special_tokens=True)) for answer in answers]
    return [
        prompt.fact is not None and outcome(text, prompt.fact.attribute, prompt.fact.value) == "right"
        for prompt, text in zip(prompts, texts, strict=True)
    ]
