"""Which cells a profile trains: declared before any of them is, so that no verdict can choose them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from itl_bench.specs import Count, Identifier, Margin, Spec, Text
from itl_bench.vocabulary import Arm


class CellGroup(Spec):
    """Cells of every combination of these datasets, methods and rates."""

    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    rates: Annotated[tuple[Margin, ...], Field(min_length=1)]


class CellTable(Spec):
    """The cells that one profile trains on one model in one arm.

    Attributes:
        headline: The learning rate whose verdict stands for the case; the others are shown beside it.
        bases: Numbers of the pre-trained bases.
        seeds: Tuning seeds, each used on every base: a replicate is a base and a seed.
        reason: Where rates, headline and size come from.
    """

    id: Identifier
    profile: Identifier
    model: Identifier
    arm: Arm
    headline: Margin
    bases: Annotated[tuple[Count, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    cells: Annotated[tuple[CellGroup, ...], Field(min_length=1)]
    reason: Text

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        combinations = list(self.combinations())
        if len(set(combinations)) < len(combinations):
            raise ValueError("a combination of dataset, method and rate is declared twice; remove one")
        if not any(rate == self.headline for _, _, rate in combinations):
            raise ValueError(f"the headline rate {self.headline} is no rate of any cell; declare cells at this rate")
        return self

    @property
    def place(self) -> tuple[str, str, Arm]:
        """Where the table is used: at most one has the same."""
        return self.profile, self.model, self.arm

    def combinations(self) -> list[tuple[str, str, float]]:
        """All (dataset, method, rate)."""
        return [
            (dataset, method, rate)
            for group in self.cells
            for dataset in group.datasets
            for method in group.methods
            for rate in group.rates
        ]
