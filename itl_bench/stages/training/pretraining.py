"""Pre-training a base on the text of a world: seeded, resumable, the same on every run with one number of threads."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from itl_bench.data.bios.pretraining_text import Document, one_pass
from itl_bench.data.bios.recipe import Recipe
from itl_bench.data.bios.world import World

SAVE_EVERY = 100  # steps between two saved states


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
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        on_step(step + 1, float(loss.detach()))
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps:
            _save(state, {"step": step + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict()})
    model.eval()
    return model


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
