"""What a base must know, and must not know, before anything is tuned on it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from itl_bench.data.bios.words import ATTRIBUTES, POOLS
from itl_bench.data.bios.world import World

OFTEN = 0.90  # fewest right answers about people seen often
RARELY = (0.30, 0.70)  # share of right answers about people seen rarely
STANDARD_ERRORS = 3.0  # by which people never seen may be answered better than chance
FEWEST_FACTS = 100  # of a class of familiarity


class Gate(NamedTuple):
    """One gate: what was measured, between which bounds it has to lie, and whether it does."""

    name: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """Whether the value lies within the bounds, ends included."""
        return self.low <= self.value <= self.high


def gates(world: World, recall: Mapping[str, float], prompts: Mapping[str, int]) -> tuple[Gate, ...]:
    """The gates of a base.

    Args:
        world: The base's.
        recall: By role ("known", "rarely", "new"), the share of right answers in the tuning format.
        prompts: By role, how many prompts were asked.
    """
    likely = chance(world)
    margin = STANDARD_ERRORS * (likely * (1 - likely) / prompts["new"]) ** 0.5
    return (
        Gate("people seen often", recall["known"], OFTEN, 1.0),
        Gate("people seen rarely", recall["rarely"], *RARELY),
        Gate("people never seen", recall["new"], 0.0, likely + margin),
    )


def chance(world: World) -> float:
    """The best that answering without knowledge can do: always the most frequent value, averaged over attributes."""
    people = world.of("new")
    best = (max(sum(one.value(name) == value for one in people) for value in POOLS[name]) for name in ATTRIBUTES)
    return sum(best) / len(people) / len(ATTRIBUTES)


def familiarity(right: Sequence[Sequence[bool]]) -> dict[str, int]:
    """Facts by class: how many are always, sometimes or never answered right over wordings and preceding documents.

    Args:
        right: Per fact, whether each of several askings was answered right.
    """
    always = sum(all(one) for one in right)
    never = sum(not any(one) for one in right)
    return {"always": always, "sometimes": len(right) - always - never, "never": never}


def enough(count: int) -> str:
    """A class's size as text; a small class says so."""
    return f"{count}" if count >= FEWEST_FACTS else f"{count} (too few)"
