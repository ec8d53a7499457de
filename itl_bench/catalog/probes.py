"""What `cases/probes.yaml` declares."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from itl_bench.catalog.datasets import RowsFrom, rows_beside
from itl_bench.catalog.profiles import MeasuredLevel
from itl_bench.specs import Count, Identifier, Spec, Text


class ProbeSpec(Spec):
    """A set of evaluation prompts.

    Attributes:
        world: What it asks about, where the answers have ground truth.
        max_new_tokens: Longest answer.
        stop: What ends an answer beside the end token: `line` for a fact, which takes no second line.
    """

    id: Identifier
    title: Text
    levels: Annotated[tuple[MeasuredLevel, ...], Field(min_length=1)]
    prompts: Count
    world: Literal["bios", "atlas"] | None = None
    max_new_tokens: Count = 1024
    stop: Literal["end", "line"] = "end"
    rows_from: RowsFrom = ()
    groups: dict[str, Count] = Field(default_factory=dict)  # column of a table by task -> prompts that carry this tag

    def beside(self, folder: Path) -> Self:
        """The same probe, with its prompts looked for beside the file that declares it, too."""
        return self.model_copy(update={"rows_from": rows_beside(self.rows_from, folder)})
