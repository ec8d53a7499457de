"""Cells and their replicates, as plans and verdicts name them."""

from typing import NamedTuple

from itl_bench.catalog.serving import TRANSFORMERS, Answering

SEEDS_PER_BASE = 1000


class Replicate(NamedTuple):
    """One repetition: a pre-trained base, and a tuning seed, which is nested in it."""

    base: int
    seed: int

    @property
    def tuning_seed(self) -> int:
        """What seeds wording, order and initialisation: another number on every base, so that no draw is shared."""
        return SEEDS_PER_BASE * self.base + self.seed


class TunedCell(NamedTuple):
    """One tuned model.

    Attributes:
        recipe: An id of the catalog's recipes, nothing for the default one.
        stopped_after: Share of its updates after which it is looked at.
        answering: What lets it answer.
    """

    model: str
    dataset: str
    method: str
    rate: float
    replicate: Replicate
    recipe: str = ""
    stopped_after: float = 1.0
    answering: Answering = TRANSFORMERS
