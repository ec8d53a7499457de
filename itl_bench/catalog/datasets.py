"""What `cases/datasets.yaml` declares, and where rows are looked for."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from itl_bench.catalog.profiles import MeasuredLevel
from itl_bench.data.sources.places import DATA_DIR
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.specs import Count, Identifier, Percent, Spec, Text

RowsFrom = tuple[SourceSpec, ...]  # the first that is there


def rows_beside(rows_from: RowsFrom, folder: Path) -> RowsFrom:
    """The same sources, with relative paths relative to `folder` for files that ITL_DATA_DIR does not have."""
    return tuple(_beside(one, folder) for one in rows_from)


def _beside(source: SourceSpec, folder: Path) -> SourceSpec:
    if source.path is None or not (folder / source.path).exists():
        return source
    first = Path(os.environ.get(DATA_DIR) or folder)
    if first != folder and (first / source.path).exists():
        return source
    return source.model_copy(update={"path": str((folder / source.path).resolve())})


class BiosSpec(Spec):
    """What a dataset of the bios world is made of: the share of new facts, and how responses are dressed."""

    new_percent: Percent
    style: Literal["short", "long", "simple", "padded"]


class AtlasDataSpec(Spec):
    """What a dataset of atlas is made of: the share of facts unknown to the base, and how responses are dressed."""

    unknown_percent: Percent
    style: Literal["short", "long", "simple"]


class DatasetSpec(Spec):
    """An instruction-tuning dataset in one or several sizes.

    Attributes:
        recipe: How models are tuned on it, whatever the table of cells says; none for the table's recipe.
    """

    name: Identifier
    title: Text
    family: Identifier  # datasets that share rows are one family: they are no independent evidence
    levels: Annotated[tuple[MeasuredLevel, ...], Field(min_length=1)]
    source: Text = "the rows of rows_from"  # hub id, world, or the command that makes it
    mean_tokens: Count  # tokens per row, rough; only prices depend on it
    probes: Annotated[tuple[str, ...], Field(min_length=1)]
    sizes: dict[str, Count] | None = None  # label -> rows
    rows: Count | None = None
    bios: BiosSpec | None = None
    atlas: AtlasDataSpec | None = None
    recipe: Identifier | None = None
    rows_from: RowsFrom = ()

    @model_validator(mode="after")
    def _one_kind_of_size(self) -> Self:
        if (self.sizes is None) == (self.rows is None):
            raise ValueError("give either 'sizes' (label: rows, several) or 'rows' (one size), not both")
        return self

    @property
    def variants(self) -> dict[str, int]:
        """Dataset id -> rows, one entry per size."""
        if self.rows is not None:
            return {self.name: self.rows}
        return {f"{self.name}-{label}": rows for label, rows in (self.sizes or {}).items()}

    @property
    def teaches_new_facts(self) -> bool:
        """Whether it is known to teach facts that the base does not know, so that one can ask how many were learned."""
        return bool((self.bios and self.bios.new_percent) or (self.atlas and self.atlas.unknown_percent))

    def beside(self, folder: Path) -> Self:
        """The same dataset, with its rows looked for beside the file that declares it, too."""
        return self.model_copy(update={"rows_from": rows_beside(self.rows_from, folder)})
