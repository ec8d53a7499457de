"""Models and rows small enough to train in no time, and one training of them."""

import random

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

from itl_bench.data.tokens.template import IGNORED, Example
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training.tuning import train

EXAMPLES = [
    Example(ids, (IGNORED,) * 2 + ids[2:])
    for ids in [(3, 4, 5), (6, 7, 8, 9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19)]
]
SMALL = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 64,
}  # fmt: skip
LORA = {"rank": 4, "alpha": 8, "targets": "all-linear"}
RATE, SEED = 1e-3, 5
FAST = {
    "micro_batch": 8, "micro_tokens": 100, "grouped": True, "response_head": True, "optimizer": "adamw_torch_fused",
}  # fmt: skip


def llama():
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(**SMALL)).eval()


def gemma():
    torch.manual_seed(1)
    kinds = ["sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(Gemma3TextConfig(**SMALL, head_dim=8, layer_types=kinds, sliding_window=3)).eval()


def examples(count=96, seed=1):
    """Rows whose lengths and numbers of response tokens differ much."""
    draw, made = random.Random(seed), []
    for _ in range(count):
        prompt, response = ([draw.randrange(3, 40) for _ in range(draw.randint(1, most))] for most in (12, 24))
        made.append(Example((*prompt, *response), (*[IGNORED] * len(prompt), *response)))
    return made


def run(method, model, rows=None, **changes):
    log = train(model, rows or examples(), method, TuningRecipe(epochs=1, **changes), RATE, SEED, 0)
    return {name: weight.detach() for name, weight in model.named_parameters()}, log
