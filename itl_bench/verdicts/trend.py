"""A measured trend: a slope over cells that were trained here -> verdict."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import identity
from itl_bench.catalog.loading import Catalog
from itl_bench.errors import EvidenceError
from itl_bench.record import CaseRecord
from itl_bench.verdicts.comparison import CellSummary, Replicate
from itl_bench.verdicts.difference import Facts, judged, repetitions, too_few, too_few_prompts, with_reason
from itl_bench.verdicts.finding import Column
from itl_bench.verdicts.stats.nested import nested_mean
from itl_bench.verdicts.stats.slope_within import slope_within

FEWEST_CELLS = 3  # of a trend, in every replicate


def judge_trend(
    case: Case,
    catalog: Catalog,
    cells: Sequence[CellSummary],
    floors: str = "",
    n_prompts: int | None = None,
    obstacles: Sequence[str] = (),
) -> CaseRecord:
    """The verdict of a measured trend: least squares within each replicate, then the mean of its slopes.

    Along the divergence from the base every learning rate has an intercept of its own; along other axes there is one.
    The interval is about new replicates of these cells on these prompts.

    Args:
        case: A case with evidence measured that is over an axis and has one column.
        catalog: The catalog it is from.
        cells: Cells that were trained; identical ones count once.
        floors: What to set the effect against, in words: it ends the reason.
        n_prompts: Number of prompts behind every y, where known.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: The case has several columns, or a replicate has too few cells or no spread of x.
    """
    if len(case.columns) != 1:
        raise EvidenceError(f"{case.id}: a trend is over one column, not {len(case.columns)}")
    slopes = _slopes(sorted(set(cells), key=_cell), within_rate=case.over == "log-kl")
    bases = [one.base for one in slopes]
    blocked = [*obstacles, *too_few(slopes), *(too_few_prompts(n_prompts) if n_prompts is not None else ())]
    numbers: Facts = {"effect": fmean(slopes.values()), "deciding_column": case.columns[0]}
    if len(slopes) > 1:
        column = Column(nested_mean(list(slopes.values()), bases), cells=list(slopes.values()))
        numbers = judged(case, {case.columns[0]: column})
    notes = [f"{len(set(cells))} cells", repetitions(slopes), floors]
    sizes: Facts = {"n_prompts": n_prompts, "n_replicates": len(slopes), "n_bases": len(set(bases))}
    rates = tuple(sorted({cell.rate for cell in cells if cell.rate is not None}))
    facts = with_reason(numbers, blocked, notes) | sizes | {"rates": rates}
    return CaseRecord.model_validate(identity(case, catalog) | facts)


def _slopes(cells: Sequence[CellSummary], within_rate: bool) -> dict[Replicate, float]:
    groups: dict[Replicate, list[CellSummary]] = defaultdict(list)
    for cell in cells:
        groups[cell.replicate].append(cell)
    if not groups:
        raise EvidenceError("a trend without any cell")
    return {one: _slope(one, groups[one], within_rate) for one in sorted(groups)}


def _slope(replicate: Replicate, cells: Sequence[CellSummary], within_rate: bool) -> float:
    """One intercept, or one for each learning rate."""
    where = f"base {replicate.base}, seed {replicate.seed}"
    if len(cells) < FEWEST_CELLS:
        raise EvidenceError(f"a trend needs {FEWEST_CELLS} cells in every replicate; {where} has {len(cells)}")
    rates = [cell.rate if within_rate else None for cell in cells]
    try:
        return slope_within([cell.x for cell in cells], [cell.y for cell in cells], rates)
    except EvidenceError as error:
        raise EvidenceError(f"{where}: {error}") from None


def _cell(cell: CellSummary) -> tuple[object, ...]:
    """What sorts cells: rates may be None."""
    return (cell.replicate, cell.rate is not None, cell.rate or 0.0, cell.dataset, cell.method, cell.x, cell.y)
