"""Batched greedy decoding with a key-value cache: token ids in, token ids out."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

BATCH = 256  # prompts decoded together


def generate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, end: int, padding: int
) -> list[list[int]]:
    """Greedy responses, in the order of the prompts.

    Args:
        model: A causal language model, in evaluation mode.
        prompts: Token ids of each prompt, everything before the response included.
        max_new_tokens: Longest response, in tokens.
        end: Id of the token that ends a response.
        padding: Id of the token for padding, on the left.

    Returns:
        Token ids of each response, with the end token where the model gave one.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    responses: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        for index, response in zip(
            some, _batch(model, [prompts[index] for index in some], max_new_tokens, end, padding), strict=True
        ):
            responses[index] = response
    return responses


@torch.inference_mode()
def _batch(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, end: int, padding: int
) -> list[list[int]]:
    length = max(map(len, prompts))
    ids = torch.tensor([[padding] * (length - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    output = model.generate(  # type: ignore[operator]
        input_ids=ids.to(model.device), attention_mask=mask.to(model.device), max_new_tokens=max_new_tokens,
        do_sample=False, eos_token_id=end, pad_token_id=padding, use_cache=True,
    )  # fmt: skip
    return [_ended(row, end) for row in output[:, length:].tolist()]


def _ended(response: list[int], end: int) -> list[int]:
    return response[: response.index(end) + 1] if end in response else response
