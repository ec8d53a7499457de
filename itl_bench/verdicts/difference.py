"""A measured case: cells that were trained here -> verdict."""

from collections.abc import Sequence
from math import isfinite
from typing import cast

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord, ColumnRecord, PointRecord
from itl_bench.verdicts.comparison import Matched, RatePoint, match
from itl_bench.verdicts.facts import Facts, identity, numbers_of, with_reason
from itl_bench.verdicts.guards import count, repetitions, too_few, too_few_prompts, trained
from itl_bench.verdicts.stats.pseudo import Array, derive, sources


def verdict_on_difference(
    case: Case,
    catalog: Catalog,
    points: Sequence[RatePoint],
    headline: float | None,
    floors: str = "",
    obstacles: Sequence[str] = (),
) -> CaseRecord:
    """The verdict on a measured difference, at its headline rate, with the verdict at every other rate beside it.

    Args:
        case: A case with evidence measured that compares two sides.
        catalog: The catalog it is from.
        points: Both sides at each learning rate.
        headline: The learning rate that decides; None where the sides share none.
        floors: What to set the effect against, in words: it ends the reason.
        obstacles: Why the case gives no verdict whatever its numbers, for example a rate at the edge of its sweep.

    Raises:
        EvidenceError: The headline is not among the points, a rate is given twice, or the numbers cannot carry a
            verdict (no common prompt, NaN, a logarithm of 0): an error, never a verdict.
    """
    rates = [point.rate for point in points]
    if headline not in rates or len(set(rates)) < len(rates):
        given = ", ".join(map(_rate, rates)) or "nothing"
        raise EvidenceError(f"{case.id}: one point at the headline {_rate(headline)} is needed, given are {given}")
    ordered = sorted(points, key=lambda one: one.rate or 0.0)
    looks = {point.rate: _look(case, point, point.rate == headline, floors, obstacles) for point in ordered}
    shown = looks[headline][0].get("deciding_column")
    facts: Facts = looks[headline][0] | {
        "rates": tuple(sorted({rate for point in ordered for rate in (point.rate, *point.own_rates) if rate})),
        "points": tuple(_of_column(shown, point, numbers) for numbers, point in looks.values()),
    }
    return CaseRecord.model_validate(identity(case, catalog) | facts)


def _look(
    case: Case, point: RatePoint, headline: bool, floors: str, obstacles: Sequence[str]
) -> tuple[Facts, PointRecord]:
    """The case at one learning rate: fields of its record, and the point of its rate curve."""
    needed = sorted({source for column in case.columns for source in sources(case.measure.measure, column)})
    rows = match(point.left, point.right, needed, paired=case.left.probe == case.right.probe)
    blocked = [
        *obstacles, *_not_trained(case, point, rows.replicates), *too_few(rows.replicates),
        *too_few_prompts(rows.n_prompts),
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
    facts = with_reason(numbers, blocked, [*_notes(point, rows, losses), floors]) | sizes
    shown = {name: facts.get(name) for name in ("verdict", "deciding_column", "effect", "ci_low", "ci_high")} | sides
    shown |= {
        "loss_left": _finite(losses[0]),
        "loss_right": _finite(losses[1]),
        "learned_left": point.learned[0],
        "learned_right": point.learned[1],
        "rate": point.rate,
        "rate_left": point.own_rates[0],
        "rate_right": point.own_rates[1],
        "headline": headline,
    }
    return facts, PointRecord.model_validate(shown | {"reason": "; ".join(blocked) or numbers["reason"]})


def _of_column(shown: object, point: PointRecord, numbers: Facts) -> PointRecord:
    """The point with the numbers of the column that decides at the headline: one curve shows one quantity."""
    for column in cast(list[ColumnRecord], numbers.get("columns", [])):
        if column.name == shown != point.deciding_column:
            values = {name: getattr(column, name) for name in ("effect", "ci_low", "ci_high", "left", "right")}
            return point.model_copy(update={"deciding_column": column.name, **values})
    return point


def _notes(point: RatePoint, rows: Matched, losses: Sequence[float | None]) -> list[str]:
    words = ["untuned" if loss is None else f"{loss:.3g}" for loss in losses]
    words = words[:1] if point.left.losses == point.right.losses else words  # one cell, asked by two probes
    return [
        f"{count(rows.left_out, 'prompt')} without a value left out" if rows.left_out else "",
        _rates_in_words(point),
        repetitions(rows.replicates),
        f"final training loss {' against '.join(words)}" if losses != [None, None] else "",
        _learned(point.learned),
    ]


def _rates_in_words(point: RatePoint) -> str:
    if point.rate is not None:
        return f"at learning rate {point.rate:g}"
    words = list(dict.fromkeys(f"{rate:g}" for rate in point.own_rates if rate is not None))
    return f"at learning rate {' against '.join(words)}, each method's own" if words else ""


def _learned(learned: tuple[float | None, float | None]) -> str:
    known = dict.fromkeys(f"{share:.2f}" for share in learned if share is not None)
    return f"new facts of the data learned {' against '.join(known)}" if known else ""


def _numbers(case: Case, rows: Matched) -> Facts:
    if not rows.n_prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    sides = {name: _sides(case.measure.measure, name, rows) for name in case.columns}
    return numbers_of(case, sides, rows.bases, rows.paired)


def _sides(measure: str, column: str, rows: Matched) -> tuple[Array, Array]:
    means = [rows.means(source) for source in sources(measure, column)]
    return derive(measure, column, [left for left, _ in means]), derive(measure, column, [right for _, right in means])


def _not_trained(case: Case, point: RatePoint, replicates: Sequence[Replicate]) -> list[str]:
    at = f" at {_rate(point.rate)}" if point.rate is not None else ""
    named = []
    for side, sample in ((case.left, point.left), (case.right, point.right)):
        losses = [sample.loss(one) for one in replicates] if sample.losses else []
        untrained = sum(not trained(first, last) for first, last in losses)
        if untrained:
            named.append(f"{side_name(case, side)}{at} ({untrained} of {count(len(losses), 'replicate')})")
    return [f"not trained: {' and '.join(dict.fromkeys(named))}"] if named else []


def _finite(loss: float | None) -> float | None:
    return loss if loss is not None and isfinite(loss) else None


def _rate(rate: float | None) -> str:
    return "no learning rate" if rate is None else f"{rate:g}"
