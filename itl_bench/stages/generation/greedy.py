"""Batched greedy decoding with a key-value cache: token ids in, token ids out."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from itl_bench.stages.generation.decoding import Trace, decode

BATCH = 256  # prompts decoded together, at most
CACHE_BYTES_ON_CPU = 2 << 30  # of keys and values of the prompts decoded together
SHARE_OF_GPU = 0.4  # of its free memory, for the same
STATE, CONVOLUTION = 16, 4  # numbers that Mamba keeps of each channel
PADS = 8  # tokens of padding that are put before a prompt, to see whether they change what comes after it
HEEDED = 1e-3  # of the largest logit, in fp32: a mask that is ignored moves logits by far more
ROUNDINGS = 4  # of a logit in a coarser precision


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
    return [list(one.ids) for one in _all(model, prompts, max_new_tokens, ends, padding, with_gaps=False)]


def trace(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, ends: Sequence[int], padding: int
) -> list[Trace]:
    """The responses of `generate`, with their gaps."""
    return _all(model, prompts, max_new_tokens, ends, padding, with_gaps=True)


def _all(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, ends: Sequence[int], padding: int,
    with_gaps: bool,
) -> list[Trace]:  # fmt: skip
    found: dict[int, Trace] = {}
    for some in _batches(model, prompts, max_new_tokens, padding):
        batch = [prompts[index] for index in some]
        found |= zip(some, decode(model, batch, max_new_tokens, set(ends), padding, with_gaps), strict=True)
    return [found[index] for index in range(len(prompts))]


def _batches(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, padding: int
) -> list[list[int]]:
    """Which prompts are decoded together: those of about one length, as many as the memory takes."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    longest = max(map(len, prompts), default=0) + max_new_tokens
    size = max(1, min(BATCH, _cache_budget(model) // max(1, cache_bytes(model, longest))))
    if not _mask_is_heeded(model, [prompts[index] for index in order], padding):
        size = 1
    return [order[start : start + size] for start in range(0, len(order), size)]


@torch.inference_mode()
def heeds_padding(model: PreTrainedModel, prompt: Sequence[int], padding: int) -> bool:
    """Whether a model reads a prompt as if there were no padding before it.

    Some that keep a state of what they have read, as RWKV does, ignore the mask: beside others they would give other
    answers, and are asked one prompt after another.

    Args:
        model: A causal language model, in evaluation mode.
        prompt: Token ids.
        padding: Id of the token for padding.
    """
    logits = []
    for pads in (0, PADS):
        ids, mask = [padding] * pads + list(prompt), [0] * pads + [1] * len(prompt)
        found: Any = model.generate(  # type: ignore[operator]
            input_ids=torch.tensor([ids]).to(model.device), attention_mask=torch.tensor([mask]).to(model.device),
            max_new_tokens=1, do_sample=False, pad_token_id=padding, output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
        logits.append(found.logits[0][0].float())
    alone, padded = logits
    tolerance = max(HEEDED, ROUNDINGS * torch.finfo(model.dtype).eps)
    return bool((alone - padded).abs().max() <= tolerance * alone.abs().max())


def _mask_is_heeded(model: PreTrainedModel, ordered: Sequence[Sequence[int]], padding: int) -> bool:
    """Asked of the shortest prompt; where all are equally long, there is no padding, and nothing to heed."""
    if not ordered or len(ordered[0]) == len(ordered[-1]):
        return True
    return heeds_padding(model, ordered[0], padding)


def cache_bytes(model: PreTrainedModel, length: int) -> int:
    """What a model keeps of one prompt and its answer: keys and values of every token, or a state of all of them.

    Args:
        model: A causal language model.
        length: Of prompt and answer, in tokens.
    """
    config = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None)
    if not heads:  # a state-space model; sizes that it does not name are those of Mamba
        kept = getattr(config, "state_size", STATE) + getattr(config, "conv_kernel", CONVOLUTION)
        inner = max(getattr(config, "intermediate_size", 0), 2 * config.hidden_size)
        return int(config.num_hidden_layers * inner * kept * model.dtype.itemsize)
    of_values = getattr(config, "num_key_value_heads", None) or heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(length * 2 * config.num_hidden_layers * of_values * width * model.dtype.itemsize)


def _cache_budget(model: PreTrainedModel) -> int:
    if model.device.type != "cuda":
        return CACHE_BYTES_ON_CPU
    free, _ = torch.cuda.mem_get_info(model.device)
    return int(SHARE_OF_GPU * free)
