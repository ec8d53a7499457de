"""How long a text may be: what is longer than the positions of a model is refused before anything is computed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from itl_bench.errors import UsageError
from itl_bench.stages.reading import readable

STRETCHED = ("linear", "dynamic", "yarn")  # rotary positions whose factor configs leave out of max_position_embeddings
BEHIND_PADDING = ("roberta", "camembert", "data2vec-text")  # in their names: positions begin behind the padding's id


def positions(config: PretrainedConfig) -> int | None:
    """How many tokens a model takes at most, by its config; None where its config sets no limit.

    A model with learned positions has no more of them. One with rotary positions goes on beyond, on what it was never
    trained on, and says nothing.
    """
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    if not isinstance(limit, int) or limit < 1 or getattr(text, "alibi", False):
        return None
    if any(name in str(text.model_type) for name in BEHIND_PADDING):
        return limit - 1 - int(text.pad_token_id or 0)
    return max([limit, *_stretched(getattr(text, "rope_parameters", None), limit)])


def _stretched(rope: object, limit: int) -> Iterator[int]:
    """To how many positions parameters of rotary ones stretch them; models may have some for each kind of layer."""
    if not isinstance(rope, Mapping):
        return
    if rope.get("rope_type") in STRETCHED and rope.get("factor"):
        yield round((rope.get("original_max_position_embeddings") or limit) * rope["factor"])
    for inner in rope.values():
        yield from _stretched(inner, limit)


def positions_of(folder: Path) -> int | None:
    """As `positions`, of a folder of weights; only its config is read.

    Raises:
        ItlError: The config cannot be read.
    """
    with readable(f"the config in {folder}"):
        config: Any = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    return positions(config)


def check_rows(names: Sequence[str], lengths: Sequence[int], limit: int | None) -> None:
    """Refuse training rows that are longer than the model's positions.

    Args:
        names: Of the rows.
        lengths: Their tokens.
        limit: The model's positions; None for any number.

    Raises:
        UsageError: Names the first row that is longer, its length and the limit.
    """
    longer = _longer(names, lengths, limit)
    if longer:
        name, length = longer[0]
        raise UsageError(
            f"row {name!r} has {length:,} tokens, more than the model's {limit:,} positions ({len(longer):,} such rows)"
            f"; set the recipe's cutoff to {limit} or less"
        )


def check_prompts(names: Sequence[str], prompts: Sequence[Sequence[int]], answer: int, limit: int | None) -> None:
    """Refuse prompts that with their answers are longer than the model's positions.

    Args:
        names: Of the prompts.
        prompts: Token ids of each.
        answer: Most tokens of an answer.
        limit: The model's positions; None for any number.

    Raises:
        UsageError: Names the first prompt that is longer, its length and the limit.
    """
    longer = _longer(names, [len(prompt) + answer for prompt in prompts], limit)
    if longer:
        name, length = longer[0]
        raise UsageError(
            f"prompt {name!r} has {length - answer:,} tokens, and its answer up to {answer:,}: more than the model's "
            f"{limit:,} positions ({len(longer):,} prompts in all); leave them out or lower max_new_tokens"
        )


def _longer(names: Sequence[str], lengths: Sequence[int], limit: int | None) -> list[tuple[str, int]]:
    pairs = zip(names, lengths, strict=True)
    return [] if limit is None else [(name, length) for name, length in pairs if length > limit]
