"""A measured case: cells that were trained here -> verdict."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from statistics import fmean
from typing import cast

from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.claims import facts_of
from itl_bench.comparison import CellSummary, Matched, RatePoint, Replicate, match
from itl_bench.describe import identity
from itl_bench.errors import EvidenceError
from itl_bench.finding import Column, Finding, with_margins
from itl_bench.record import CaseRecord, ColumnRecord, PointRecord
from itl_bench.specs import Side
from itl_bench.stats.nested import nested, nested_mean, nested_unpaired
from itl_bench.stats.pseudo import Array, derive, sources
from itl_bench.stats.rule import judge
from itl_bench.stats.slope_within import slope_within

FEWEST_REPLICATES = 5
FEWEST_BASES = 3  # two leave one degree of freedom between them; one is no sample of bases, and the verdict is about it
FEWEST_PROMPTS = 400
FEWEST_CELLS = 3  # of a trend, in every replicate
TRAINED_SHARE = 0.2  # a cell whose training loss fell by less than this share of its start was not trained

Facts = dict[str, object]  # fields of a case's record


def judge_measured(
    case: Case, catalog: Catalog, points: Sequence[RatePoint], headline: float | None, floors: str = ""
) -> CaseRecord:
    """The verdict of a measured difference, at its headline rate, with the verdict at every other rate beside it.

    Args:
        case: A case with evidence measured that compares two sides.
        catalog: The catalog it is from.
        points: Both sides at each learning rate.
        headline: The learning rate that decides; None where the sides share none.
        floors: What to set the effect against, in words: it ends the reason.

    Raises:
        EvidenceError: The headline is not among the points, a rate is given twice, or the numbers cannot carry a
            verdict (no common prompt, NaN, a logarithm of 0): an error, never a verdict.
    """
    rates = [point.rate for point in points]
    if headline not in rates or len(set(rates)) < len(rates):
        given = ", ".join(map(_rate, rates)) or "nothing"
        raise EvidenceError(f"{case.id}: one point at the headline {_rate(headline)} is needed, given are {given}")
    looks = {
        point.rate: _look(case, point, point.rate == headline, floors)
        for point in sorted(points, key=lambda one: one.rate or 0.0)
    }
    facts: Facts = looks[headline][0] | {
        "rates": tuple(rate for rate in looks if rate is not None),
        "points": tuple(point for _, point in looks.values()),
    }
    return CaseRecord.model_validate(identity(case, catalog) | facts)


def judge_trend(
    case: Case, catalog: Catalog, cells: Sequence[CellSummary], floors: str = "", n_prompts: int | None = None
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

    Raises:
        EvidenceError: The case has several columns, or a replicate has too few cells or no spread of x.
    """
    if len(case.columns) != 1:
        raise EvidenceError(f"{case.id}: a trend is over one column, not {len(case.columns)}")
    slopes = _slopes(sorted(set(cells), key=_cell), within_rate=case.over == "log-kl")
    bases = [one.base for one in slopes]
    blocked = [*_too_few(slopes), *(_too_few_prompts(n_prompts) if n_prompts is not None else ())]
    numbers: Facts = {"effect": fmean(slopes.values()), "deciding_column": case.columns[0]}
    if len(slopes) > 1:
        column = Column(nested_mean(list(slopes.values()), bases), cells=list(slopes.values()))
        numbers = _judged(case, {case.columns[0]: column})
    notes = [f"{len(set(cells))} cells", _repetitions(slopes), floors]
    sizes: Facts = {"n_prompts": n_prompts, "n_replicates": len(slopes), "n_bases": len(set(bases))}
    rates = tuple(sorted({cell.rate for cell in cells if cell.rate is not None}))
    facts = _with_reason(numbers, blocked, notes) | sizes | {"rates": rates}
    return CaseRecord.model_validate(identity(case, catalog) | facts)


def _look(case: Case, point: RatePoint, headline: bool, floors: str) -> tuple[Facts, PointRecord]:
    """The case at one learning rate: fields of its record, and the point of its rate curve."""
    needed = sorted({source for column in case.columns for source in sources(case.measure.measure, column)})
    rows = match(point.left, point.right, needed, paired=case.left.probe == case.right.probe)
    blocked = [
        *_not_trained(case, point, rows.replicates), *_too_few(rows.replicates), *_too_few_prompts(rows.n_prompts)
    ]  # fmt: skip
    numbers: Facts = {}
    try:
        numbers = _numbers(case, rows)
    except EvidenceError:  # what is no evidence needs no numbers
        if not blocked:
            raise
    sizes: Facts = {"n_prompts": rows.n_prompts, "n_replicates": len(rows.replicates), "n_bases": len(set(rows.bases))}
    losses = [side.final_loss(rows.replicates) for side in (point.left, point.right)]
    sides = {"left": numbers.pop("left", None), "right": numbers.pop("right", None)}
    facts = _with_reason(numbers, blocked, [*_notes(point, rows, losses), floors]) | sizes
    shown = {name: facts.get(name) for name in ("verdict", "deciding_column", "effect", "ci_low", "ci_high")} | sides
    shown |= {
        "loss_left": _finite(losses[0]),
        "loss_right": _finite(losses[1]),
        "rate": point.rate,
        "headline": headline,
    }
    return facts, PointRecord.model_validate(shown | {"reason": "; ".join(blocked) or numbers["reason"]})


def _notes(point: RatePoint, rows: Matched, losses: Sequence[float | None]) -> list[str]:
    words = ["untuned" if loss is None else f"{loss:.3g}" for loss in losses]
    return [
        f"{_count(rows.left_out, 'prompt')} without a value left out" if rows.left_out else "",
        f"at learning rate {point.rate:g}" if point.rate is not None else "",
        _repetitions(rows.replicates),
        f"final training loss {words[0]} against {words[1]}" if losses != [None, None] else "",
    ]


def _numbers(case: Case, rows: Matched) -> Facts:
    """The rule's verdict and numbers, with the sides of the deciding column; one replicate has no interval."""
    if not rows.n_prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    sides = {name: _sides(case.measure.measure, name, rows) for name in case.columns}
    if len(rows.replicates) > 1:
        facts = _judged(case, {name: _column(rows, *both) for name, both in sides.items()})
    else:
        left, right = (float(side.mean()) for side in sides[case.columns[0]])
        facts = {"effect": left - right, "deciding_column": case.columns[0]}
    left, right = (float(side.mean()) for side in sides[str(facts["deciding_column"])])
    return facts | {"left": left, "right": right}


def _sides(measure: str, column: str, rows: Matched) -> tuple[Array, Array]:
    means = [rows.means(source) for source in sources(measure, column)]
    return derive(measure, column, [left for left, _ in means]), derive(measure, column, [right for _, right in means])


def _column(rows: Matched, left: Array, right: Array) -> Column:
    estimate = nested(left - right, rows.bases) if rows.paired else nested_unpaired(left, right, rows.bases)
    cells = left.mean(axis=1) - right.mean(axis=1)
    return Column(estimate, float(left.mean()), float(right.mean()), cells=cells.tolist())


def _judged(case: Case, columns: dict[str, Column]) -> Facts:
    verdict = judge(case.claim.expect, with_margins(case, columns))
    return facts_of(case, Finding("interval", columns), verdict)


def _with_reason(numbers: Facts, blocked: Sequence[str], notes: Iterable[str]) -> Facts:
    """The numbers with their notes; where something blocks a verdict they stay, and decide nothing."""
    reason = "; ".join(part for part in (*(blocked or [str(numbers["reason"])]), *notes) if part)
    if not blocked:
        return numbers | {"reason": reason}
    verdicts = dict.fromkeys(("verdict", "verdict_at_half_margin", "verdict_at_twice_margin"), "INCONCLUSIVE")
    undecided = {"verdict": "INCONCLUSIVE", "p_value": None}
    columns = [column.model_copy(update=undecided) for column in cast(list[ColumnRecord], numbers.get("columns", []))]
    return numbers | verdicts | {"basis": "interval", "p_value": None, "columns": columns, "reason": reason}


def _too_few(replicates: Iterable[Replicate]) -> list[str]:
    chosen = tuple(replicates)
    n_bases = len({one.base for one in chosen})
    reasons = []
    if len(chosen) < FEWEST_REPLICATES:
        count = _count(len(chosen), "replicate")
        reasons.append(f"replicate variance poorly known: {count}, a verdict needs {FEWEST_REPLICATES}")
    if 1 < n_bases < FEWEST_BASES:
        reasons.append(f"base variance poorly known: {_count(n_bases, 'base')}, a verdict needs {FEWEST_BASES}")
    return reasons


def _too_few_prompts(n_prompts: int) -> list[str]:
    enough = n_prompts >= FEWEST_PROMPTS
    return [] if enough else [f"too few prompts: {n_prompts}, a verdict needs {FEWEST_PROMPTS}"]


def _not_trained(case: Case, point: RatePoint, replicates: Sequence[Replicate]) -> list[str]:
    at = f" at {_rate(point.rate)}" if point.rate is not None else ""
    named = []
    for side, sample in ((case.left, point.left), (case.right, point.right)):
        losses = [sample.loss(one) for one in replicates] if sample.losses else []
        untrained = sum(not trained(first, last) for first, last in losses)
        if untrained:
            named.append(f"{_name(case, side)}{at} ({untrained} of {_count(len(losses), 'replicate')})")
    return [f"not trained: {' and '.join(dict.fromkeys(named))}"] if named else []


def trained(first: float, last: float) -> bool:
    """Whether a training loss fell far enough to say that its cell was trained; NaN did not."""
    return last < (1 - TRAINED_SHARE) * first


def _finite(loss: float | None) -> float | None:
    return loss if loss is not None and isfinite(loss) else None


def _name(case: Case, side: Side) -> str:
    """The side's method, and its data where both sides are tuned by one method."""
    method = side.method or case.method
    return f"{method} on {side.dataset}" if side.dataset and case.left.method == case.right.method else method


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


def _repetitions(replicates: Iterable[Replicate]) -> str:
    bases = [one.base for one in replicates]
    return f"{_count(len(bases), 'replicate')} on {_count(len(set(bases)), 'base')}"


def _rate(rate: float | None) -> str:
    return "no learning rate" if rate is None else f"{rate:g}"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' * (n != 1)}"
