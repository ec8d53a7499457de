"""How the cells of a table are tuned, beyond what a model, a dataset and a method say."""

from pydantic import Field

from itl_bench.methods.recipe import TuningRecipe
from itl_bench.specs import Identifier, Spec, Text


class RecipeSpec(Spec):
    """One recipe; cells without one are tuned as those of the bios world.

    Attributes:
        tuning: The paper's settings where it gives them; the rest is ours, the same for all methods.
        reasons: Setting -> where it comes from, for those that the paper does not give.
    """

    id: Identifier
    title: Text
    tuning: TuningRecipe = TuningRecipe()
    reasons: dict[str, Text] = Field(default_factory=dict)
