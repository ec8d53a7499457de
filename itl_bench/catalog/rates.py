"""Learning rates that a sweep tried and chose, as `cases/rates.yaml` holds them."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from itl_bench.specs import Count, Identifier, Margin, Spec, Text

FEWEST_RATES = 3  # of a sweep: a best rate between two others


class TriedRate(Spec):
    """A learning rate of a sweep, and the mean loss that came of it, in nats per response token."""

    rate: Margin
    loss: Annotated[float, Field(ge=0)]


class ChosenRate(Spec):
    """The learning rate at which a method was best on a dataset: written by `itl-bench sweep`, not by hand.

    Attributes:
        tried: All rates of the sweep; infinite losses stand for runs that diverged.
        cells: The table of cells that declares the sweep.
        sweep: Hash of the keys of all artifacts that the choice rests on: it differs once any of them would.
    """

    id: Identifier
    dataset: Identifier
    method: Identifier
    rate: Margin
    tried: Annotated[tuple[TriedRate, ...], Field(min_length=FEWEST_RATES)]
    cells: Identifier
    bases: tuple[Count, ...]
    seeds: tuple[Count, ...]
    sweep: Text

    @model_validator(mode="after")
    def _best_of_those_tried(self) -> Self:
        if self.id != (expected := rate_id(self.cells, self.dataset, self.method)):
            raise ValueError(f"the id {self.id!r} does not fit its cells, dataset and method; it would be {expected!r}")
        if len({one.rate for one in self.tried}) < len(self.tried):
            raise ValueError("a rate was tried twice; run itl-bench sweep again")
        best = min(self.tried, key=lambda one: (one.loss, one.rate))
        if self.rate != best.rate:
            raise ValueError(
                f"{self.rate:g} is not the best of the rates tried, {best.rate:g} is; run itl-bench sweep again"
            )
        return self

    @property
    def at_edge(self) -> bool:
        """Whether a rate beyond those that were tried might be better."""
        rates = [one.rate for one in self.tried]
        return self.rate in (min(rates), max(rates))


def rate_id(table: str, dataset: str, method: str) -> str:
    """The id of the rate that was chosen for a method and a dataset of a table of cells."""
    return f"{table}-{dataset}-{method}"
