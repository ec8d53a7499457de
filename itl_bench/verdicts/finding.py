"""What a comparison found, ready for the verdict rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from itl_bench.catalog.grid.cases import Case, margin
from itl_bench.verdicts.stats.estimate import Estimate
from itl_bench.vocabulary import Basis


class Column(NamedTuple):
    """One column of a comparison, ready for the verdict rule."""

    estimate: Estimate
    left: float | None = None
    right: float | None = None
    units: Sequence[float] = ()
    cells: Sequence[float] = ()


@dataclass(frozen=True)
class Finding:
    """What a comparison found: columns for the rule, or the reason why there is nothing to judge."""

    basis: Basis
    columns: Mapping[str, Column]
    undecided: str = ""
    note: str = ""
    n_prompts: int | None = None


def with_margins(case: Case, columns: Mapping[str, Column], scale: float = 1.0) -> dict[str, tuple[Estimate, float]]:
    """The columns as the verdict rule takes them: estimate and smallest effect of interest, times `scale`."""
    return {name: (column.estimate, scale * margin(case, name)) for name, column in columns.items()}
