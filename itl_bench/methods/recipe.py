"""What is the same for every method: how long, how much at once, and how the rate falls."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from itl_bench.specs import Count, Margin, Spec, Text

SPEED_ONLY = (
    "micro_batch", "micro_tokens", "grouped", "packing", "response_head", "gradient_checkpointing", "liger",
)  # fmt: skip
ALWAYS_WRITTEN = ("epochs", "batch", "optimizer", "schedule", "warmup_steps", "weight_decay", "clip")


class TuningRecipe(Spec):
    """The paper's settings where it gives them: 3 epochs, batch 32 (section 2); the rest is ours, the same for all.

    From `micro_batch` to `precision`, a field changes how fast an update is computed, not what it is: the rows of an
    update and its loss, normalised over the response tokens of all of them, stay as they are. Lower precision rounds
    differently.

    Attributes:
        epochs: Passes over the items.
        batch: Rows of one update.
        optimizer: Of transformers; the fused one takes the same steps in fewer passes over memory.
        schedule: How the rate falls to zero.
        warmup_steps: Updates until the highest rate.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient of an update.
        warmup_ratio: Share of the updates until the highest rate, in place of `warmup_steps`.
        template: How instruction and response become text.
        cutoff: Most tokens of a row; None for all.
        micro_batch: Most rows that go through the model at once; None for all of an update.
        micro_tokens: Most positions, padding included, that go through the model at once; a longer row goes alone.
        grouped: Whether rows of similar length go through the model together.
        packing: Whether the rows that go together are joined into one without padding; none sees another.
        response_head: Whether the output head sees only the positions that predict response tokens.
        gradient_checkpointing: Whether activations are computed again in the backward pass: slower, less memory.
        liger: Whether Liger's kernels are used; they need a GPU.
        precision: Of the forward pass; weights and optimizer stay in fp32. `auto`: bf16 on GPUs with it, else fp32.
        stop_after: Share of the updates after which training ends, as if one had looked at the model on its way: the
            rate falls as in the whole run.
    """

    epochs: Count = 3
    batch: Count = 32
    optimizer: Literal["adamw_torch", "adamw_torch_fused"] = "adamw_torch"
    schedule: Literal["linear", "cosine"] = "linear"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Margin = 0.0
    clip: Margin = 1.0
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.0
    template: Literal["chat", "alpaca", "plain"] = "chat"
    cutoff: Count | None = None
    micro_batch: Count | None = None
    micro_tokens: Count | None = None
    grouped: bool = False
    packing: bool = False
    response_head: bool = False
    gradient_checkpointing: bool = False
    liger: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    stop_after: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _one_kind_of_warmup(self) -> Self:
        if self.warmup_steps and self.warmup_ratio:
            raise ValueError("give either 'warmup_steps' (updates) or 'warmup_ratio' (share of all), not both")
        return self

    def without_speed(self) -> Self:
        """What identifies a cell: the recipe with the defaults of what changes nothing but speed and memory."""
        fields = type(self).model_fields
        return self.model_copy(update={name: fields[name].default for name in SPEED_ONLY})

    def stopped(self, after: float) -> Self:
        """The same recipe, looked at after a share of its updates."""
        return self.model_copy(update={"stop_after": after}) if after < self.stop_after else self

    @model_serializer(mode="wrap")
    def _without_defaults_added_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The key of a cell holds these settings: a new one must not rename the cells that do not use it."""
        fields = type(self).model_fields
        written: dict[str, Any] = write(self)
        return {
            name: value
            for name, value in written.items()
            if name in ALWAYS_WRITTEN or getattr(self, name) != fields[name].default
        }


class Tuning(Spec):
    """How the stage trains a cell, beside what identifies the cell.

    Attributes:
        code: "module:Class" of the method.
        trains: An adapter, or all weights.
        recipe: With the settings of speed that are no part of the key.
    """

    code: Text
    trains: Literal["adapter", "all"]
    recipe: TuningRecipe


def tuning_of(place: object) -> Tuning:
    """How a cell is trained, as its task says it.

    Args:
        place: Of the task of a checkpoint.

    Raises:
        TypeError: The task is that of something else.
    """
    if not isinstance(place, Tuning):
        raise TypeError(f"{place!r} does not say how to train a cell")
    return place
