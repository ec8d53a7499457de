"""Batched greedy decoding with a key-value cache: token ids in, token ids out."""

from collections.abc import Sequence, Set

import torch
from transformers import PreTrainedModel

BATCH = 256  # prompts decoded together, at most
CACHE_BYTES_ON_CPU = 2 << 30  # of keys and values of the prompts decoded together
SHARE_OF_GPU = 0.4  # of its free memory, for the same


def generate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, ends: Sequence[int], padding: int
) -> list[list[int]]:
    """Greedy responses, in the order of the prompts.

    Args:
        model: A causal language model, in evaluation mode.
        prompts: Token ids of each prompt, everything before the response included.
        max_new_tokens: Longest response, in tokens.
        ends: Ids of the tokens that end a response.
        padding: Id of the token for padding, on the left.

    Returns:
        Token ids of each response, with the end token where the model gave one.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    longest = max(map(len, prompts), default=0) + max_new_tokens
    size = max(1, min(BATCH, _cache_budget(model) // max(1, longest * _cache_bytes(model))))
    responses: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), size):
        some = order[start : start + size]
        answered = _batch(model, [prompts[index] for index in some], max_new_tokens, ends, padding)
        for index, response in zip(some, answered, strict=True):
            responses[index] = response
    return responses


def _cache_bytes(model: PreTrainedModel) -> int:
    """Of one token's keys and values in all layers."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * width * model.dtype.itemsize)


def _cache_budget(model: PreTrainedModel) -> int:
    if model.device.type != "cuda":
        return CACHE_BYTES_ON_CPU
    free, _ = torch.cuda.mem_get_info(model.device)
    return int(SHARE_OF_GPU * free)


@torch.inference_mode()
def _batch(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, ends: Sequence[int], padding: int
) -> list[list[int]]:
    length = max(map(len, prompts))
    ids = torch.tensor([[padding] * (length - len(prompt)) + list(prompt) for prompt in prompts])
    mask = left_mask(prompts, padding)
    output = model.generate(  # type: ignore[operator]
        input_ids=ids.to(model.device), attention_mask=mask.to(model.device), max_new_tokens=max_new_tokens,
        do_sample=False, eos_token_id=list(ends), pad_token_id=padding, use_cache=True,
    )  # fmt: skip
    return [_ended(row, set(ends)) for row in output[:, length:].tolist()]


def left_mask(prompts: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    """Which positions of prompts hold text: padding is on the left, so that answers follow their prompts.

    Returns:
        Shape (prompts, longest).
    """
    length = max(map(len, prompts))
    return torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts])


def _ended(response: list[int], ends: Set[int]) -> list[int]:
    first = next((position for position, token in enumerate(response) if token in ends), len(response))
    return response[: first + 1]
