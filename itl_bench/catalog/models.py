"""What `cases/models.yaml` declares."""

from pathlib import Path
from typing import Self

from itl_bench.catalog.profiles import MeasuredLevel
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.specs import Count, Identifier, Spec, Text


class ChatSpec(Spec):
    """The vendor's own chat model on top of a base model: a row of comparison, never tuned here."""

    name: Identifier
    weights: Text


class ModelSpec(Spec):
    """A pre-trained base model.

    Attributes:
        parameters: Sizes the plan.
        familiarity: What it knows of atlas: the name of a table that ships with the package, or a file that
            `itl-bench atlas familiarity` wrote. Without one the model itself is asked, once for each store.
    """

    id: Identifier
    title: Text
    level: MeasuredLevel
    parameters: Count
    weights: WeightsSpec
    chat: ChatSpec | None = None
    familiarity: Text | None = None

    def beside(self, folder: Path) -> Self:
        """The same model, with relative paths taken as relative to `folder`, if its weights or its table are there."""
        table = self.familiarity
        if table is not None and (folder / table).is_file():
            table = str((folder / table).resolve())
        return self.model_copy(update={"weights": self.weights.beside(folder), "familiarity": table})
