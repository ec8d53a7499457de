"""How the cells of a table are tuned and asked, beyond what a model, a dataset and a method say."""

from typing import Literal

from pydantic import Field

from itl_bench.specs import Count, Identifier, Spec, Text
from itl_bench.training.recipe import TuningRecipe

MAX_NEW_TOKENS = 60  # of the answers of the bios world


class RecipeSpec(Spec):
    """One recipe; cells without one are tuned and asked as those of the bios world.

    Attributes:
        tuning: The paper's settings where it gives them; the rest is ours, the same for all methods.
        max_new_tokens: Longest answer.
        stop: What ends an answer beside the end token: `line` for a fact, which takes no second line.
        reasons: Setting -> where it comes from, for those that the paper does not give.
    """

    id: Identifier
    title: Text
    tuning: TuningRecipe = TuningRecipe()
    max_new_tokens: Count = MAX_NEW_TOKENS
    stop: Literal["end", "line"] = "end"
    reasons: dict[str, Text] = Field(default_factory=dict)
