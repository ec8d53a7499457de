"""The pre-trained bases that ship with the package: their world, recipes, hashes and recall."""

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from itl_bench.data.bios.world import WorldSpec
from itl_bench.errors import UsageError
from itl_bench.specs import Count, Margin, Spec, Text

FOLDER = Path(__file__).with_name("bases")
MANIFEST = "manifest.json"


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


class ShippedBase(Spec):
    """One base: how it was made, what its files are, and what it knows.

    Attributes:
        number: As cell tables name it.
        recall: By probe, the share of right answers in the tuning format, measured on the stored weights.
        familiarity: By role, facts that the base always, sometimes or never answers right in its own format.
        passed: Whether every gate was passed.
        made_with: Versions of the packages that pre-trained it.
    """

    number: Count
    recipe: Recipe
    files: dict[str, Text]  # name -> sha256
    recall: dict[str, float]
    familiarity: dict[str, dict[str, int]]
    passed: bool
    made_with: dict[str, str]


class Bases(Spec):
    """All shipped bases, of one world."""

    world: WorldSpec
    bases: tuple[ShippedBase, ...]

    def base(self, number: int) -> ShippedBase:
        """A base by number.

        Raises:
            UsageError: There is none of this number.
        """
        for base in self.bases:
            if base.number == number:
                return base
        raise UsageError(f"no base number {number}; there are {', '.join(str(base.number) for base in self.bases)}")


@cache
def shipped_bases() -> Bases:
    """What ships with the package."""
    return Bases.model_validate_json(manifest_file().read_text(encoding="utf-8"))


def manifest_file() -> Path:
    """Where the manifest of the shipped bases is."""
    return FOLDER / MANIFEST


def folder_of(number: int) -> Path:
    """Where a shipped base's files are."""
    return FOLDER / f"base-{number}"
