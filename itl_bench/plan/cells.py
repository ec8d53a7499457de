"""Cells and their replicates, as plans and verdicts name them."""

from typing import NamedTuple

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
    """One tuned model; `recipe` is an id of the catalog's recipes, nothing for the default one."""

    model: str
    dataset: str
    method: str
    rate: float
    replicate: Replicate
    recipe: str = ""
