"""What `cases/models.yaml` declares."""

from pathlib import Path
from typing import Self

from itl_bench.specs import Count, Identifier, MeasuredLevel, Spec, Text
from itl_bench.weights_specs import WeightsSpec


class ChatSpec(Spec):
    """The vendor's own chat model on top of a base model: a row of comparison, never tuned here."""

    name: Identifier
    weights: Text


class ModelSpec(Spec):
    """A pre-trained base model; `parameters` sizes the plan."""

    id: Identifier
    title: Text
    level: MeasuredLevel
    parameters: Count
    weights: WeightsSpec
    chat: ChatSpec | None = None

    def beside(self, place: Path) -> Self:
        """The same model, with a relative path to its weights taken as relative to `place`, if they are there."""
        return self.model_copy(update={"weights": self.weights.beside(place)})
