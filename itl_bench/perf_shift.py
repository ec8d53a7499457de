"""Speed of the token shift against the usual ways of computing it, within one run; never a pass/fail test."""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from itl_bench.errors import EvidenceError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

VOCABULARY, PROMPT_TOKENS, PADDING = 600, 12, 0
TOLERANCE = 1e-4  # nats or probability
RANK, SWAPPED_RANKS = 3, 0.01
Logits = Callable[["PreTrainedModel", "torch.Tensor"], "torch.Tensor"]


def compare_shift_speed(responses: int = 24, tokens: int = 30) -> dict[str, float]:
    """Time the chunked token shift and two loops over tokens without a cache, all on two tiny Llamas.

    The loops call both models once per token: one makes the logits of all positions each time, as the code does that
    the paper borrowed, the other of the last position only.

    Args:
        responses: How many to score.
        tokens: Of each response.

    Returns:
        Seconds of each way (`chunked`, `full_logits_loop`, `last_position_loop`), how many times slower the loops are
        (`full_logits_ratio`, `last_position_ratio`), and the `largest_difference` between the values of any two ways.

    Raises:
        EvidenceError: The ways do not agree.
    """
    from itl_bench.measures.token_shift import shift_values
    from itl_bench.measures.token_shift_logits import compare_logits, teacher_forced

    base, tuned = _model(seed=1), _model(seed=2)
    prompts, texts = _ids(responses, PROMPT_TOKENS, seed=3), _ids(responses, tokens, seed=4)
    rows = teacher_forced(prompts, texts, end=None)

    def chunked() -> "list[list[list[float]]]":
        return compare_logits(shift_values, base, tuned, rows, PADDING, rows_per_chunk=16, positions_per_chunk=128)

    def loop(logits: Logits) -> "Callable[[], list[list[list[float]]]]":
        return lambda: _loop(logits, base, tuned, prompts, texts)

    chunked()  # the first run also loads kernels
    seconds, values = {}, {}
    for name, way in (
        ("chunked", chunked),
        ("full_logits_loop", loop(lambda model, ids: model(ids, use_cache=False).logits[:, -1])),
        ("last_position_loop", loop(lambda model, ids: model(ids, use_cache=False, logits_to_keep=1).logits[:, -1])),
    ):
        started = time.perf_counter()
        values[name] = way()
        seconds[name] = time.perf_counter() - started
    difference = max(_largest_difference(values["chunked"], other) for other in values.values())
    if not difference < TOLERANCE:
        raise EvidenceError(f"the ways of computing a token shift differ by {difference}")
    return {
        **seconds,
        "full_logits_ratio": seconds["full_logits_loop"] / seconds["chunked"],
        "last_position_ratio": seconds["last_position_loop"] / seconds["chunked"],
        "largest_difference": difference,
    }


def _model(seed: int) -> "PreTrainedModel":
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=344, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=256, tie_word_embeddings=True,
    )  # fmt: skip
    kind: Any = LlamaForCausalLM  # its constructor carries no types
    model: PreTrainedModel = kind(config).eval()
    return model


def _ids(rows: int, length: int, seed: int) -> list[list[int]]:
    random_of = random.Random(seed)
    return [[random_of.randrange(1, VOCABULARY) for _ in range(length)] for _ in range(rows)]


def _loop(
    logits: Logits,
    base: "PreTrainedModel",
    tuned: "PreTrainedModel",
    prompts: list[list[int]],
    responses: list[list[int]],
) -> list[list[list[float]]]:
    """The same values, from one call of each model per token."""
    import torch

    from itl_bench.measures.token_shift import shift_values

    values: list[list[list[float]]] = []
    with torch.inference_mode():
        for prompt, response in zip(prompts, responses, strict=True):
            contexts = [torch.tensor([prompt + response[:position]]) for position in range(len(response))]
            pairs = [(logits(base, context), logits(tuned, context)) for context in contexts]
            values.append([shift_values(one, other)[0].tolist() for one, other in pairs])
    return values


def _largest_difference(one: list[list[list[float]]], other: list[list[list[float]]]) -> float:
    """Of divergences and probabilities; ranks, the last value, may swap where two tokens are all but equally likely.

    Raises:
        EvidenceError: More than one rank in a hundred differs.
    """
    import numpy as np

    difference = np.abs(np.array(one) - np.array(other))
    if (difference[..., RANK] != 0).mean() > SWAPPED_RANKS:
        raise EvidenceError("the ways of computing a token shift rank other tokens")
    return float(np.delete(difference, RANK, axis=-1).max())
