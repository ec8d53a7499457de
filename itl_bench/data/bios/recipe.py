"""How a base is pre-trained."""

from typing import Annotated

from pydantic import Field

from itl_bench.specs import Count, Margin, Spec


class Recipe(Spec):
    """Size of a base and how it is pre-trained.

    Attributes:
        seed: Of the initial weights and of the order and wording of documents.
        sequences: Per step.
        length: Of a sequence, in tokens.
        rate: Highest learning rate.
        warmup: Steps of linear warm-up.
    """

    seed: Annotated[int, Field(ge=0)]
    width: Count = 128
    inner_width: Count = 344
    layers: Count = 4
    heads: Count = 4
    steps: Count = 1500
    sequences: Count = 32
    length: Count = 128
    rate: Margin = 0.003
    warmup: Count = 50
