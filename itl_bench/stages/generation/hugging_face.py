"""Answers by transformers: the base is loaded once, and each adapter merged into it in its turn."""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import torch
from transformers import PreTrainedModel

from itl_bench.stages.generation.engine import Answered, Asked
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.loading import adapt, has_adapter, load_model

T = TypeVar("T")
Load = Callable[[Path], PreTrainedModel]


def hugging_face(base: Path, asked: Sequence[Asked]) -> Generator[Answered]:
    """Greedy responses of a base and of what was tuned from it, the same as if each were loaded by itself.

    Args:
        base: Folder of the base.
        asked: Any number of models.
    """
    for place, responses in each_model(base, asked, _responses):
        yield Answered(place, responses)


def _responses(model: PreTrainedModel, asked: Asked) -> list[list[int]]:
    return generate(model, asked.prompts, asked.max_new_tokens, asked.ends, asked.padding)


def each_model(
    base: Path, asked: Sequence[Asked], use: Callable[[PreTrainedModel, Asked], T], dtype: torch.dtype | None = None,
    device: str | None = None,
) -> Generator[tuple[int, Callable[[], T]]]:  # fmt: skip
    """A base and what was tuned from it, one model in memory at a time: those that share the base's weights come first.

    Args:
        base: Folder of the base.
        asked: What each is for.
        use: What is done with it.
        dtype: Of the weights; fp32 where none is named.
        device: As `load_model` takes it.

    Yields:
        A place among `asked`, and what loads the model and uses it: called, if at all, before the next one is taken.
    """
    whole = {place for place, one in enumerate(asked) if one.checkpoint and not has_adapter(one.checkpoint)}
    order = sorted(range(len(asked)), key=lambda place: place in whole)
    load = partial(load_model, dtype=dtype, device=device)
    shared = _Shared(base, len(asked) - len(whole), use, load)
    for place in order:
        one = asked[place]
        if place in whole and one.checkpoint:
            yield place, partial(_use_whole, one.checkpoint, one, use, load)
        else:
            yield place, partial(shared.use, one)


def _use_whole(checkpoint: Path, asked: Asked, use: Callable[[PreTrainedModel, Asked], T], load: Load) -> T:
    return use(load(checkpoint), asked)


class _Shared(Generic[T]):
    """The weights of a base, for as long as somebody is to be asked with them."""

    def __init__(self, base: Path, left: int, use: Callable[[PreTrainedModel, Asked], T], load: Load) -> None:
        self.base, self.left, self.of, self.load = base, left, use, load
        self.model: PreTrainedModel | None = None
        self.bytes: dict[str, torch.Tensor] = {}

    def use(self, asked: Asked) -> T:
        """What is asked of the base, or of the base with an adapter."""
        self.left -= 1
        # Of no use to others until it is as it was, and dropped where this raises.
        model, self.model = self.model or self.load(self.base), None
        if asked.checkpoint is None:
            found = self.of(model, asked)
        else:
            if self.left and not self.bytes:
                self.bytes = {name: tensor.to("cpu", copy=True) for name, tensor in model.state_dict().items()}
            model = adapt(model, asked.checkpoint).merge_and_unload()
            model.eval()
            found = self.of(model, asked)
        if not self.left:
            self.bytes = {}
        elif asked.checkpoint is None or self._restored(model):
            self.model = model
        return found

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
