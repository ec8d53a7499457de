"""Which cells a profile trains: declared before any of them is, so that no verdict can choose them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from itl_bench.catalog.rates import FEWEST_RATES
from itl_bench.specs import Count, Identifier, Margin, Spec, Text
from itl_bench.vocabulary import EQUAL_ARMS, Arm

ALL = "all"  # every dataset of the model's level
OWN = "own"  # every dataset of the model's level that a user's own folder declares

PartOfARun = Annotated[float, Field(gt=0, lt=1)]


class CellGroup(Spec):
    """Cells of every combination of these datasets, methods and rates; `all` and `own` stand for several datasets.

    Attributes:
        stopped_after: Shares of its updates after which a cell at the headline rate is looked at as well.
    """

    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    rates: Annotated[tuple[Margin, ...], Field(min_length=1)]
    stopped_after: tuple[PartOfARun, ...] = ()


class CellTable(Spec):
    """The cells that one profile trains on one model, or on each model of a level, in one arm.

    In the arm `shared-rate` every rate of a group is trained and decided. In the arm `fair` the rates of a group are
    those that a sweep tries, on seeds of its own; cells are trained at the rate chosen for their dataset and method.

    Attributes:
        model: Id of a model, or a level.
        recipe: How cells are tuned and asked; none for the recipe of the bios world.
        headline: The learning rate whose verdict stands for the case; the others are shown beside it. None when fair.
        sweep_seeds: Tuning seeds on which rates are tried, each on every base; none of them gives a verdict.
        bases: Numbers of the pre-trained bases.
        seeds: Tuning seeds, each used on every base: a replicate is a base and a seed.
        untuned: Untuned models that are asked what the cells are asked: their scores stand beside those of the cells.
        reason: Where rates, headline and size come from.
    """

    id: Identifier
    profile: Identifier
    model: Identifier
    arm: Arm
    recipe: Identifier | None = None
    headline: Margin | None = None
    sweep_seeds: tuple[Count, ...] = ()
    bases: Annotated[tuple[Count, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    cells: Annotated[tuple[CellGroup, ...], Field(min_length=1)]
    untuned: tuple[Literal["base", "in-context"], ...] = ()
    reason: Text

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        combinations = list(self.combinations())
        if len(set(combinations)) < len(combinations):
            raise ValueError("a combination of dataset, method and rate is declared twice; remove one")
        if len(set(self.untuned)) < len(self.untuned):
            raise ValueError("an untuned model is named twice; remove one")
        if self.arm in EQUAL_ARMS:
            raise ValueError(f"the arm {self.arm!r} reads the cells of the arm 'shared-rate'; declare them there")
        self._check_stops()
        if self.arm == "shared-rate":
            self._check_headline()
        else:
            self._check_sweep()
        return self

    def _check_headline(self) -> None:
        if self.headline is None or self.sweep_seeds:
            raise ValueError("the arm 'shared-rate' needs 'headline' and has no 'sweep_seeds'")
        if not any(rate == self.headline for _, _, rate in self.combinations()):
            raise ValueError(f"the headline rate {self.headline} is no rate of any cell; declare cells at this rate")

    def _check_sweep(self) -> None:
        if self.headline is not None or not self.sweep_seeds:
            raise ValueError("the arm 'fair' needs 'sweep_seeds' and has no 'headline': each method has its own rate")
        if both := set(self.seeds) & set(self.sweep_seeds):
            raise ValueError(f"seed {min(both)} is a sweep seed and gives verdicts; no seed may do both")
        numbers = {len(self.rates_tried(dataset, method)) for dataset, method, _ in self.combinations()}
        if len(numbers) > 1 or min(numbers) < FEWEST_RATES:
            tried = " and ".join(map(str, sorted(numbers)))
            raise ValueError(f"every method needs equally many rates, at least {FEWEST_RATES}; found {tried}")

    def _check_stops(self) -> None:
        for group in self.cells:
            if group.stopped_after and (self.headline is None or self.headline not in group.rates):
                raise ValueError("'stopped_after' is for cells at the headline rate; declare them with that rate")

    @property
    def used_in(self) -> tuple[str, str, Arm]:
        """Where the table is used: at most one has the same."""
        return self.profile, self.model, self.arm

    def of(self, model: str, named: Mapping[str, Sequence[str]]) -> Self:
        """The table for one model, with the datasets that `all` and `own` stand for; an empty group is left out."""
        groups = [
            group.model_copy(update={"datasets": datasets})
            for group in self.cells
            if (datasets := tuple(one for name in group.datasets for one in named.get(name, (name,))))
        ]
        return self.model_copy(update={"model": model, "cells": tuple(groups)})

    def rates_tried(self, dataset: str, method: str) -> tuple[float, ...]:
        """The rates at which a dataset and a method are declared, in order."""
        return tuple(sorted(rate for *names, rate in self.combinations() if names == [dataset, method]))

    def trained(self) -> list[tuple[str, str, float | None]]:
        """All (dataset, method, rate) of cells that give verdicts; the rate is None where it is the method's own."""
        if self.arm == "shared-rate":
            return [*self.combinations()]
        return list(dict.fromkeys((dataset, method, None) for dataset, method, _ in self.combinations()))

    def stops(self, dataset: str, method: str) -> tuple[float, ...]:
        """After which shares of their updates cells at the headline rate are looked at; the whole run is 1."""
        found = {
            stop
            for group in self.cells
            if dataset in group.datasets and method in group.methods and self.headline in group.rates
            for stop in (*group.stopped_after, 1.0)
        }
        return tuple(sorted(found))

    def combinations(self) -> list[tuple[str, str, float]]:
        """All (dataset, method, rate) that are declared."""
        return [
            (dataset, method, rate)
            for group in self.cells
            for dataset in group.datasets
            for method in group.methods
            for rate in group.rates
        ]
