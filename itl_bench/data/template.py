"""From instruction and response to token ids: one tokenization for training, generation and analysis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from itl_bench.data.rows import Item
from itl_bench.errors import ItlError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of a position without loss, as in torch


@dataclass(frozen=True)
class Example:
    """One training example: token ids, and the labels of the positions that bear the loss."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]  # IGNORED up to the response, then the ids, the end token included


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", instruction: str) -> tuple[int, ...]:
    """Everything the model is given before the response."""
    return _ids(tokenizer, [{"role": "user", "content": instruction}], prompt=True)


def training_example(tokenizer: "PreTrainedTokenizerBase", item: Item) -> Example:
    """An item as the model is trained on it: loss on the response and its end token only.

    Raises:
        ItlError: The prompt of training is not the prompt of generation, or the end token is missing.
    """
    start = prompt_ids(tokenizer, item.instruction)
    turns = [{"role": "user", "content": item.instruction}, {"role": "assistant", "content": item.response}]
    whole = _ids(tokenizer, turns, prompt=False)
    if whole[: len(start)] != start:
        raise ItlError(f"item {item.id}: the chat template gives training another prompt than generation")
    if whole[-1] != tokenizer.eos_token_id:
        raise ItlError(f"item {item.id}: the chat template does not end the response with the end token")
    return Example(whole, (IGNORED,) * len(start) + whole[len(start) :])


def _ids(tokenizer: "PreTrainedTokenizerBase", turns: Sequence[dict[str, str]], prompt: bool) -> tuple[int, ...]:
    text = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=prompt)
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])  # the template writes the begin token itself
