"""Answers by transformers: the base is loaded once, and each adapter merged into it in its turn."""

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

import torch
from transformers import PreTrainedModel

from itl_bench.stages.generation.engine import Answered, Asked
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import adapt, has_adapter, load_model


def hugging_face(base: Path, asked: Sequence[Asked]) -> Generator[Answered]:
    """Greedy responses of a base and of what was tuned from it, the same as if each were loaded by itself.

    Models that share the base's weights come first, so that there is never more than one in memory.

    Args:
        base: Folder of the base.
        asked: Any number of models.
    """
    whole = {place for place, one in enumerate(asked) if one.checkpoint and not has_adapter(one.checkpoint)}
    order = sorted(range(len(asked)), key=lambda place: place in whole)
    shared = _Shared(base, len(asked) - len(whole))
    for place in order:
        yield Answered(place, partial(_whole if place in whole else shared.answer, asked[place]))


def _whole(asked: Asked) -> list[list[int]]:
    assert asked.checkpoint is not None
    return _generate(load_model(asked.checkpoint), asked)


def _generate(model: PreTrainedModel, asked: Asked) -> list[list[int]]:
    return generate(model, asked.prompts, asked.max_new_tokens, asked.ends, asked.padding)


class _Shared:
    """The weights of a base, for as long as somebody is to be asked with them."""

    def __init__(self, base: Path, left: int) -> None:
        self.base, self.left = base, left
        self.model: PreTrainedModel | None = None
        self.bytes: dict[str, torch.Tensor] = {}

    def answer(self, asked: Asked) -> list[list[int]]:
        """The responses of the base, or of the base with an adapter."""
        self.left -= 1
        model, self.model = self.model or load_model(self.base), None  # of no use to others until it is as it was
        try:
            if asked.checkpoint is None:
                return self._kept(model, _generate(model, asked))
            if self.left and not self.bytes:
                self.bytes = {name: tensor.to("cpu", copy=True) for name, tensor in model.state_dict().items()}
            merged: PreTrainedModel = adapt(model, asked.checkpoint).merge_and_unload()
            merged.eval()
            responses = _generate(merged, asked)
            return self._kept(merged, responses) if self._restored(merged) else responses
        finally:
            if not self.left:
                self.model, self.bytes = None, {}

    def _kept(self, model: PreTrainedModel, responses: list[list[int]]) -> list[list[int]]:
        self.model = model if self.left else None
        return responses

    def _restored(self, model: PreTrainedModel) -> bool:
        """Whether a model that had an adapter is the base again, by its own bytes."""
        own = model.state_dict()
        if {name: one.shape for name, one in own.items()} != {name: one.shape for name, one in self.bytes.items()}:
            return False
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(self.bytes[name])
        if hasattr(model, "peft_config"):
            del model.peft_config  # or peft takes the next adapter for one beside it
        return True
