"""Pre-training a base on the text of a world: seeded, resumable; what its stored weights know; its manifest."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from itl_bench.data.bios.answers import outcome
from itl_bench.data.bios.gates import Gate, familiarity, gates
from itl_bench.data.bios.pretraining_text import Document, biography, one_pass, page_entry
from itl_bench.data.bios.probes import Probe, probe_prompts
from itl_bench.data.bios.shipped import Recipe, ShippedBase
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.words import ATTRIBUTES
from itl_bench.data.bios.world import World, WorldSpec, build_world
from itl_bench.data.rows import Prompt
from itl_bench.data.tokens.template import padding_id, prompt_ids
from itl_bench.errors import DivergedError
from itl_bench.files import sha256
from itl_bench.machine.this_machine import package_versions
from itl_bench.stages.finite import kept_tensors, not_finite
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import load_model

SAVE_EVERY = 100  # steps between two saved states
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

    Raises:
        DivergedError: A loss, or a weight as it would be stored, is no number.
    """
    world = build_world(spec)
    tokenizer = make_tokenizer(world)
    folder.mkdir(parents=True, exist_ok=True)
    model = pretrain(world, recipe, tokenizer, state, on_step)
    model.bfloat16()
    if broken := not_finite(kept_tensors(model)):
        raise DivergedError(f"pre-training at the learning rate {recipe.rate:g} diverged: {broken.first} is no number")
    model.save_pretrained(folder, safe_serialization=True)
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


def new_model(recipe: Recipe, vocabulary_size: int) -> LlamaForCausalLM:
    """A model with random weights."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size, hidden_size=recipe.width, intermediate_size=recipe.inner_width,
        num_hidden_layers=recipe.layers, num_attention_heads=recipe.heads, num_key_value_heads=recipe.heads,
        max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def batches(world: World, recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Iterator[torch.Tensor]:
    """Endless batches of packed documents, each pass over the world in another order and other words.

    Yields:
        Token ids, shape (sequences, length).
    """
    sequences: list[list[int]] = []
    number = 0
    while True:
        random_of = random.Random(f"pass {number} of base {recipe.seed}")
        stream = [token for document in one_pass(world, random_of) for token in encode(document, tokenizer)]
        sequences += [stream[at : at + recipe.length] for at in range(0, len(stream) - recipe.length, recipe.length)]
        while len(sequences) >= recipe.sequences:
            batch, sequences = sequences[: recipe.sequences], sequences[recipe.sequences :]
            yield torch.tensor(batch)
        number += 1


def encode(document: Document, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Token ids of one document, from begin to end."""
    if isinstance(document, str):
        text = f"{tokenizer.bos_token}{document}{tokenizer.eos_token}"
    else:
        turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), document, strict=True)]
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def pretrain(
    world: World,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    state: Path,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> LlamaForCausalLM:
    """Train a base from scratch, or on from the last saved state.

    Args:
        world: What to read about.
        recipe: Size, steps, rate, seed.
        tokenizer: The world's.
        state: File of the saved state; removed by nobody, so that a finished run can be asked again.
        on_step: Told the number of steps done and the loss of the last one, in nats a token.

    Raises:
        DivergedError: A loss is no number.
    """
    model = new_model(recipe, len(tokenizer))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.1)
    done = _load(state, model, optimizer)
    model.train()
    for step, ids in enumerate(batches(world, recipe, tokenizer)):
        if step >= recipe.steps:
            break
        if step < done:
            continue
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * _schedule(step, recipe)
        loss = model(input_ids=ids, labels=ids).loss
        _check_loss(value := float(loss.detach()), step + 1, recipe)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        on_step(step + 1, value)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps:
            _save(state, {"step": step + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict()})
    model.eval()
    return model


def _check_loss(loss: float, step: int, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        raise DivergedError(
            f"pre-training at the learning rate {recipe.rate:g} diverged: the loss of step {step} of {recipe.steps} is "
            f"{loss}; take a lower rate"
        )


def _schedule(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * part))


def _save(path: Path, state: dict[str, Any]) -> None:
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


def _load(path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
