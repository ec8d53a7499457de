"""Teacher-forced logits of two models at the same response positions, compared chunk by chunk."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch

from itl_bench.errors import UsageError, unknown

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

Model: TypeAlias = "PreTrainedModel | PeftModel"
Base: TypeAlias = "PreTrainedModel | PeftModel | str | None"
Compare = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From the base's and the tuned model's logits, shape (positions, vocabulary), to values of shape (positions, any)."""

CHECKED_TOKENS = 16


@dataclass(frozen=True)
class Row:
    """One response to score: its tokens, and the prompt with all of them but the last."""

    context: tuple[int, ...]
    tokens: tuple[int, ...]


def teacher_forced(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], ends: Collection[int]
) -> list[Row]:
    """Join prompts and responses, leaving out a token that ends answers where it is a response's last.

    Raises:
        UsageError: A prompt has no tokens, so that nothing predicts the response's first one.
    """
    rows = []
    for prompt, response in zip(prompts, responses, strict=True):
        if not prompt:
            raise UsageError("a prompt has no tokens; it needs at least one, such as the begin token")
        tokens = tuple(response[:-1] if response and response[-1] in ends else response)
        rows.append(Row((*prompt, *tokens[:-1]), tokens))
    return rows


@torch.inference_mode()
def compare_logits(
    compare: Compare,
    base: Base,
    tuned: Model,
    rows: Sequence[Row],
    padding: int,
    rows_per_chunk: int,
    positions_per_chunk: int,
) -> list[list[list[float]]]:
    """Compare what two models predict at every response position.

    The models' backbones see whole rows, the output heads only `positions_per_chunk` response positions at a time:
    logits of all tokens are never in memory together.

    Args:
        compare: What to compute of the logits of some positions, fp32 and on the tuned model's device.
        base: A causal language model in evaluation mode; None for `tuned` with its adapter switched off, the name of
            another of its adapters for `tuned` with that.
        tuned: A causal language model in evaluation mode, with the same token ids.
        rows: From `teacher_forced`.
        padding: Id of the token for padding, on the right.
        rows_per_chunk: Rows that go through the backbones together; they are sorted by length.
        positions_per_chunk: Positions that go through the output heads together.

    Returns:
        For each row, for each response token, the compared values.

    Raises:
        UsageError: The models cannot be compared, or not in this way.
    """
    first, second = _halves(base, tuned)
    order = sorted((index for index, row in enumerate(rows) if row.tokens), key=lambda index: len(rows[index].context))
    if order:
        _check(first, second, rows[order[-1]])
    values: list[list[list[float]]] = [[] for _ in rows]
    for start in range(0, len(order), rows_per_chunk):
        some = order[start : start + rows_per_chunk]
        chunk = [rows[index] for index in some]
        before, after = (torch.split(_hidden(half, chunk, padding), positions_per_chunk) for half in (first, second))
        pairs = ((first.logits(one), second.logits(other)) for one, other in zip(before, after, strict=True))
        compared = torch.cat([compare(one.to(other.device), other).cpu() for one, other in pairs])
        for index, part in zip(some, torch.split(compared, [len(row.tokens) for row in chunk]), strict=True):
            values[index] = part.tolist()
    return values


@dataclass(frozen=True)
class _Half:
    """A causal language model in parts: backbone and output head.

    Attributes:
        whole: The model itself, the adapter's wrapper included.
        cap: Gemma's soft cap of the logits, the only step after the head that is known here.
        state: Makes the context in which the parts are called: with the adapter on, off, or another in its place.
    """

    whole: Any
    backbone: Any
    head: Any
    cap: float | None
    state: Callable[[], AbstractContextManager[Any]]

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Last hidden states, shape (rows, length, width)."""
        device = self.backbone.get_input_embeddings().weight.device
        with self.state():
            output = self.backbone(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
        states: torch.Tensor = output.last_hidden_state
        return states

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits in fp32, shape (..., vocabulary)."""
        with self.state():
            logits: torch.Tensor = self.head(hidden).float()
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def _halves(base: Base, tuned: Model) -> tuple[_Half, _Half]:
    """Both models in parts.

    Raises:
        UsageError: There is no adapter to switch off, or none of that name, or both models are one although only one
            of them has an adapter.
    """
    second = _half(tuned)
    if base is None:
        switch: Any = getattr(tuned, "disable_adapter", None)
        if switch is None:
            raise UsageError("no base model is given, and the tuned model has no adapter to switch off")
        return _half(tuned, switch), second
    if isinstance(base, str):
        if base not in (adapters := getattr(tuned, "peft_config", {})):
            raise UsageError(unknown("adapter of the tuned model", base, adapters))
        return _half(tuned, partial(_under, cast("PeftModel", tuned), base)), second
    first = _half(base)
    if base is not tuned and first.backbone is second.backbone:
        raise UsageError("the base model holds the tuned model's adapter; give None to compare with the adapter off")
    return first, second


@contextmanager
def _under(model: "PeftModel", adapter: str) -> Iterator[None]:
    """With another of a model's adapters in the place of the active one."""
    active = model.active_adapter
    model.set_adapter(adapter, inference_mode=True)
    try:
        yield
    finally:
        model.set_adapter(active, inference_mode=True)


def _half(model: Model, state: Callable[[], AbstractContextManager[Any]] = nullcontext) -> _Half:
    if model.training:
        raise UsageError("the model is in training mode, where dropout changes its predictions; call model.eval()")
    whole: Any = model
    inner = whole.get_base_model() if hasattr(whole, "get_base_model") else whole
    cap = getattr(inner.config.get_text_config(), "final_logit_softcapping", None)
    return _Half(whole, inner.get_decoder(), inner.get_output_embeddings(), cap, state)


def _check(first: _Half, second: _Half, row: Row) -> None:
    """Compare a few logits with the models' own: some models do more after the head than is known here.

    Raises:
        UsageError: They differ, or the two vocabularies do.
    """
    ids = torch.tensor([row.context[:CHECKED_TOKENS]])
    sizes = []
    for half in (first, second):
        own = half.logits(half.hidden(ids, torch.ones_like(ids)))
        with half.state():
            whole = half.whole(input_ids=ids.to(half.whole.device)).logits.float().to(own.device)
        if own.shape != whole.shape or (own - whole).abs().max() > 0.01 * whole.abs().max():
            raise UsageError(f"the logits of {type(half.whole).__name__} are not its output head's: not supported")
        sizes.append(own.shape[-1])
    if sizes[0] != sizes[1]:
        raise UsageError(f"the base model predicts {sizes[0]} tokens and the tuned one {sizes[1]}: not comparable")


def _hidden(half: _Half, rows: Sequence[Row], padding: int) -> torch.Tensor:
    """Hidden states at the response positions of some rows, one row after the other; shape (positions, width)."""
    length = max(len(row.context) for row in rows)
    gaps = [length - len(row.context) for row in rows]
    ids = torch.tensor([[*row.context, *[padding] * gap] for row, gap in zip(rows, gaps, strict=True)])
    mask = torch.tensor([[1] * (length - gap) + [0] * gap for gap in gaps])
    states = half.hidden(ids, mask)
    ends = [len(row.context) for row in rows]
    return torch.cat([state[end - len(row.tokens) : end] for state, row, end in zip(states, rows, ends, strict=True)])
