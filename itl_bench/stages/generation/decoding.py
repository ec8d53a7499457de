"""Greedy decoding of one batch: answers that have ended leave it, so that only those that go on cost anything."""

from collections.abc import Sequence, Set
from typing import Any, NamedTuple

import torch
from transformers import LogitsProcessor, PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

STEPS = 8  # tokens between two looks at which answers have ended: each look copies the cache
BY_ROW = (DynamicLayer, DynamicSlidingWindowLayer)  # layers of a cache that keep nothing but keys and values of a row


class Trace(NamedTuple):
    """A greedy response, and how sure the model was of each of its tokens.

    Attributes:
        ids: With the end token where the model gave one.
        gaps: Between the two best tokens in each place, in nats; empty where nobody asked.
    """

    ids: tuple[int, ...]
    gaps: tuple[float, ...] = ()


@torch.inference_mode()
def decode(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int, ends: Set[int], padding: int,
    with_gaps: bool = False, steps: int = STEPS,
) -> list[Trace]:  # fmt: skip
    """Greedy responses of prompts that are decoded together, padded on the left.

    Args:
        model: A causal language model, in evaluation mode, whose generation settings are those of the library: others
            may count the tokens of each look anew.
        prompts: Token ids of each, everything before the response included.
        max_new_tokens: Longest response, in tokens.
        ends: Ids of the tokens that end a response.
        padding: Id of the token for padding.
        with_gaps: Whether to note the gaps, too.
        steps: Tokens between two looks at which answers have ended.
    """
    length = max(map(len, prompts))
    ids = torch.tensor([[padding] * (length - len(prompt)) + list(prompt) for prompt in prompts]).to(model.device)
    mask = left_mask(prompts, padding).to(model.device)
    rows, gaps = list(range(len(prompts))), _Gaps(len(prompts))
    cache: Any = None
    found: list[list[int]] = [[] for _ in prompts]
    while rows:
        gaps.rows = rows
        output: Any = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, return_dict_in_generate=True,
            max_new_tokens=min(steps, max_new_tokens - len(found[rows[0]])), do_sample=False,
            eos_token_id=sorted(ends), pad_token_id=padding, logits_processor=[gaps] if with_gaps else [],
        )  # fmt: skip
        for row, tokens in zip(rows, output.sequences[:, ids.shape[1] :].tolist(), strict=True):
            found[row] += _ended(tokens, ends)
        left = [place for place, row in enumerate(rows) if _goes_on(found[row], max_new_tokens, ends)]
        cache = getattr(output, "past_key_values", None)
        if left and not _is_by_row(cache):  # a state of all that was read, in a form of the model's own
            return decode(model, prompts, max_new_tokens, ends, padding, with_gaps, max_new_tokens)
        rows = [rows[place] for place in left]
        mask = torch.cat([mask, mask.new_ones(len(mask), output.sequences.shape[1] - ids.shape[1])], dim=1)[left]
        ids = output.sequences[left]
        if left and len(left) < len(output.sequences):
            cache.batch_select_indices(torch.tensor(left))  # on the CPU: layers may be on several GPUs
    return [Trace(tuple(one), tuple(of[: len(one)])) for one, of in zip(found, gaps.noted, strict=True)]


class _Gaps(LogitsProcessor):
    """Notes how far the best token is before the second, and changes nothing."""

    def __init__(self, prompts: int) -> None:
        self.rows: Sequence[int] = ()  # which prompts are decoded
        self.noted: list[list[float]] = [[] for _ in range(prompts)]  # of each prompt, a gap for every step

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        best, second = scores.float().topk(2, dim=-1).values.T
        for row, gap in zip(self.rows, (best - second).tolist(), strict=True):
            self.noted[row].append(gap)
        return scores


def left_mask(prompts: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    """Which positions of prompts hold text: padding is on the left, so that answers follow their prompts.

    Returns:
        Shape (prompts, longest).
    """
    length = max(map(len, prompts))
    return torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts])


def _is_by_row(cache: object) -> bool:
    """Whether rows of a cache can be dropped."""
    return isinstance(cache, DynamicCache) and all(type(layer) in BY_ROW for layer in cache.layers)


def _goes_on(response: Sequence[int], max_new_tokens: int, ends: Set[int]) -> bool:
    return response[-1] not in ends and len(response) < max_new_tokens


def _ended(response: list[int], ends: Set[int]) -> list[int]:
    first = next((position for position, token in enumerate(response) if token in ends), len(response))
    return response[: first + 1]
