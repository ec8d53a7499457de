"""A case: a claim at one grid point with one kind of evidence; one pytest item."""

from dataclasses import dataclass, field

from itl_bench.catalog.claims import ClaimSpec, MeasureUse, PublishedUse, Side
from itl_bench.catalog.grid.matching import Pair
from itl_bench.catalog.published import Row
from itl_bench.vocabulary import Along, Arm, Evidence, Level, ReadOn, Role

ANYTHING = Side()  # a side that fixes nothing


@dataclass(frozen=True)
class Cell:
    """One tuned model: model x dataset x method, before learning rate and replicate."""

    model: str
    dataset: str
    method: str


@dataclass(frozen=True)
class Case:
    """One question with one kind of evidence.

    `model`, `dataset` and `method` are what the id and the reports show; `left` and `right` are what is compared.
    A published case carries the rows of the paper that it compares, a measured one the cells to train.
    """

    claim: ClaimSpec
    evidence: Evidence
    level: Level
    model: str
    dataset: str
    method: str
    measure: MeasureUse
    columns: tuple[str, ...]
    label: str  # last part of the id: what is measured where
    probe: str | None = None
    arm: Arm | None = None
    left: Side = ANYTHING  # resolved: with model, method and dataset of the grid point
    right: Side = ANYTHING
    over: str | None = None  # what a trend is over; None for a difference
    text: ReadOn | None = None  # whose answers a token shift is read on
    along: Along | None = None  # in the arm equal-learning, what a side is read along: "rates" or "updates"
    cells: frozenset[Cell] = field(default=frozenset(), compare=False)  # what has to be trained
    published: PublishedUse | None = None
    pairs: tuple[Pair, ...] = field(default=(), compare=False)
    curve: tuple[Row, ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        """Stable, unique, and made of the words a user would search for."""
        parts = (self.claim.id, self.evidence, self.model, self.dataset, self.method, self.label, self.arm)
        return "-".join(part for part in parts if part)

    @property
    def role(self) -> Role:
        """Evidence, or sanity where the case is true by construction."""
        return self.claim.role_at(self.level)

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the models compared, as far as the case names them."""
        return tuple(dict.fromkeys(self.model.split("-vs-")))


def side_by_side(left: str, right: str) -> str:
    """One name where both sides agree, 'left-vs-right' where they differ."""
    return left if left == right else f"{left}-vs-{right}"


def columns_of(use: MeasureUse, all_columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns a claim asks of a measure."""
    return all_columns if use.columns == "all" else use.columns


def measure_label(claim: ClaimSpec, use: MeasureUse) -> str:
    """The measure's name, with its columns where a claim asks it more than once."""
    repeated = sum(one.measure == use.measure for one in claim.measures) > 1
    return "-".join((use.measure, *use.columns)) if repeated and use.columns != "all" else use.measure


def margin(case: Case, column: str) -> float:
    """The smallest effect of interest of a column, in the column's unit."""
    effects = case.measure.smallest_effect
    return effects[column] if isinstance(effects, dict) else effects
