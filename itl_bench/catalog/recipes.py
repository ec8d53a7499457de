"""How the cells of a table are tuned and asked, beyond what a model, a dataset and a method say."""

from typing import Annotated, Literal

from pydantic import Field

from itl_bench.catalog.serving import Backend
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.specs import Identifier, Spec, Text


class RecipeSpec(Spec):
    """One recipe; cells without one are tuned as those of the bios world.

    Attributes:
        tuning: The paper's settings where it gives them; the rest is ours, the same for all methods.
        reasons: Setting -> where it comes from, for those that the paper does not give.
        backend: What answers; None for that of the profile.
        precision: Of the weights, where vLLM answers.
        ceiling: Share of a sample of answers that may differ from those of transformers in bf16, where rounding turns
            more than near ties.
    """

    id: Identifier
    title: Text
    tuning: TuningRecipe = TuningRecipe()
    reasons: dict[str, Text] = Field(default_factory=dict)
    backend: Backend | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    ceiling: Annotated[float, Field(gt=0, lt=1)] = 0.5
