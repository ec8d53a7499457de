"""Speed of the token shift against the usual ways of computing it, within one run; never a pass/fail test."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from itl_bench.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from itl_bench.measures.shift_table import TokenShift

VOCABULARY, TINY_PROMPT = 600, 12
LOOKED_AT = 400  # rows of a dataset
NOISE = 0.02  # of a weight matrix's spread
TOLERANCE = 1e-4  # nats or probability; of values above 1 a share of the value
RANK, SWAPPED_RANKS = 3, 0.01
Logits = Callable[["PreTrainedModel", "torch.Tensor"], "torch.Tensor"]


class Material(NamedTuple):
    """Two models, prompts and responses to compare them on (token ids), and the id for padding."""

    base: "PreTrainedModel"
    tuned: "PreTrainedModel"
    prompts: list[list[int]]
    responses: list[list[int]]
    padding: int = 0


def tiny_material(responses: int, tokens: int) -> Material:
    """Two tiny Llamas and random tokens."""
    prompts, texts = _ids(responses, TINY_PROMPT, seed=3), _ids(responses, tokens, seed=4)
    return Material(_model(seed=1), _model(seed=2), prompts, texts)


def real_material(folder: Path, data: Path, responses: int, tokens: int, prompt_tokens: int) -> Material:
    """A model, the same with a little noise on every weight, and rows of a dataset that are long enough.

    Raises:
        UsageError: The data hold too few such rows.
    """
    import torch

    from itl_bench.data.tokens.template import padding_id
    from itl_bench.run.perf.training import first_items
    from itl_bench.stages.loading import load_model, load_tokenizer

    tokenizer, needed = load_tokenizer(folder), prompt_tokens + tokens
    texts = (f"{item.instruction}\n{item.response}" for item in first_items(data, LOOKED_AT))
    rows = [ids for text in texts if len(ids := tokenizer(text)["input_ids"]) >= needed][:responses]
    if len(rows) < responses:
        raise UsageError(f"{data}: {len(rows)} of its first {LOOKED_AT} rows have {needed} tokens; ask for fewer")
    base, tuned, draw = load_model(folder), load_model(folder), torch.Generator().manual_seed(1)
    for weight in tuned.parameters():
        noise = torch.randn(weight.shape, generator=draw).to(weight.device)
        weight.data += NOISE * weight.data.std(unbiased=False) * noise
    prompts, answers = [row[:prompt_tokens] for row in rows], [row[prompt_tokens:needed] for row in rows]
    return Material(base, tuned, prompts, answers, padding_id(tokenizer))


def compare_shift_speed(material: Material) -> dict[str, float]:
    """Time the chunked token shift and two loops over tokens without a cache, all on the same models and tokens.

    The loops call both models once per token: one makes the logits of all positions each time, as the code does that
    the paper borrowed, the other of the last position only.

    Returns:
        Seconds of each way (`chunked`, `full_logits_loop`, `last_position_loop`), how many times slower the loops are
        (`full_logits_ratio`, `last_position_ratio`), the `largest_difference` between the values of any two ways, and
        `extra_memory`, bytes that the chunked way held beyond the models at most.

    Raises:
        EvidenceError: The ways do not agree.
    """
    base, tuned, prompts, texts, padding = material

    def chunked() -> "list[list[list[float]]]":
        return [shift_rows(one) for one in token_shifts(base, tuned, prompts, texts, padding, ends=())]

    def loop(logits: Logits) -> "Callable[[], list[list[list[float]]]]":
        return lambda: _loop(logits, base, tuned, prompts, texts)

    from itl_bench.measures.token_shift import token_shifts

    chunked()  # the first run also loads kernels, and weights that so far were only mapped from their files
    memory = _peak_memory_of(chunked)
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
        "extra_memory": memory,
    }


def shift_rows(shift: "TokenShift") -> list[list[float]]:
    """A token shift as one row of values for each token."""
    return [
        list(of_token)
        for of_token in zip(shift.kl, shift.reverse_kl, shift.base_probability, shift.base_rank, strict=True)
    ]


def _peak_memory_of(way: Callable[[], object]) -> float:
    """Bytes that a call held at most beyond what was held before it; of the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        way()
        return float(torch.cuda.max_memory_allocated() - before)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forgets the peak so far
    before = _status("VmRSS")
    way()
    return float(max(0, _status("VmHWM") - before))


def _status(name: str) -> int:
    """Bytes that the system says of this process; 0 where it says nothing."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


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
            contexts = [
                torch.tensor([prompt + response[:position]], device=base.device) for position in range(len(response))
            ]
            pairs = [(logits(base, context), logits(tuned, context)) for context in contexts]
            values.append([shift_values(one, other)[0].tolist() for one, other in pairs])
    return values


def _largest_difference(one: list[list[list[float]]], other: list[list[list[float]]]) -> float:
    """Of divergences (above 1 nat as a share of them) and probabilities.

    Ranks, the last value, may swap where two tokens are all but equally likely.

    Raises:
        EvidenceError: More than one rank in a hundred differs.
    """
    import numpy as np

    values = np.array(one)
    difference = np.abs(values - np.array(other)) / np.maximum(1, np.abs(values))
    if (difference[..., RANK] != 0).mean() > SWAPPED_RANKS:
        raise EvidenceError("the ways of computing a token shift rank other tokens")
    return float(np.delete(difference, RANK, axis=-1).max())
