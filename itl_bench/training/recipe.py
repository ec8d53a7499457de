"""What is the same for every method: how long, how much at once, and how the rate falls."""

from typing import Annotated, Literal

from pydantic import Field

from itl_bench.specs import Count, Margin, Spec


class TuningRecipe(Spec):
    """The paper's settings where it gives them: 3 epochs, batch 32 (section 2); the rest is ours, the same for all."""

    epochs: Count = 3
    batch: Count = 32
    optimizer: Literal["adamw_torch"] = "adamw_torch"
    schedule: Literal["linear"] = "linear"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Margin = 0.0
    clip: Margin = 1.0
