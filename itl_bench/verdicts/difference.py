"""A measured difference: two sides that were trained here, at each learning rate -> verdict."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord, PointRecord
from itl_bench.verdicts.beside import beside
from itl_bench.verdicts.comparison import Matched, RatePoint, Sample, match
from itl_bench.verdicts.facts import UNKNOWN, Numbers, Sizes, numbers_of, record_of, unless_blocked, with_reason
from itl_bench.verdicts.guards import (
    diverged,
    no_room,
    not_trained,
    repetitions,
    too_few,
    too_few_prompts,
    trained,
    without_value,
)
from itl_bench.verdicts.judged import at_equal_length_in_words
from itl_bench.verdicts.stats.pseudo import Array, derive
from itl_bench.verdicts.tables import columns_needed, columns_read


class _Look(NamedTuple):
    """The case at one learning rate: what its numbers say there, what they rest on, and the point of its rate curve."""

    numbers: Numbers
    sizes: Sizes
    point: PointRecord


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
    decisive = looks[headline]
    shown = tuple(_of_column(decisive.numbers.deciding_column, look) for look in looks.values())
    all_rates = sorted({rate for point in ordered for rate in (point.rate, *point.own_rates) if rate})
    return record_of(case, catalog, decisive.numbers, decisive.sizes, all_rates, shown)


def _look(case: Case, point: RatePoint, headline: bool, floors: str, obstacles: Sequence[str]) -> _Look:
    if lost := diverged(_named_sides(case, point)):
        numbers, nothing = Numbers(reason="; ".join([*obstacles, *lost])), (None, None)
        return _Look(numbers, UNKNOWN, _point_record(point, headline, nothing, numbers))
    rows = match(point.left, point.right, columns_needed(case), paired=case.left.probe == case.right.probe)
    blocked = [
        *obstacles, *_not_trained(case, point, rows.replicates), *too_few(rows.replicates),
        *too_few_prompts(rows.n_prompts),
    ]  # fmt: skip
    numbers = unless_blocked(lambda: _numbers(case, rows), blocked)
    blocked += no_room(case, {column.name: column.right for column in numbers.columns}, rows.right)
    losses = [side.final_loss(rows.replicates) for side in (point.left, point.right)]
    without_notes = with_reason(numbers, blocked, [])
    notes = [*_notes(point, rows, losses), floors, beside(case, (rows.left, rows.right))]
    notes.append(at_equal_length_in_words(case, rows, numbers.deciding_column))
    with_notes = with_reason(numbers, blocked, notes)
    shown = _point_record(point, headline, losses, without_notes)
    return _Look(with_notes, Sizes.of(rows.n_prompts, rows.replicates), shown)


def _point_record(point: RatePoint, headline: bool, losses: Sequence[float | None], numbers: Numbers) -> PointRecord:
    return PointRecord(
        rate=point.rate, rate_left=point.own_rates[0], rate_right=point.own_rates[1], headline=headline,
        verdict=numbers.verdict, deciding_column=numbers.deciding_column, effect=numbers.effect,
        ci_low=numbers.ci_low, ci_high=numbers.ci_high, left=numbers.left, right=numbers.right,
        loss_left=_finite(losses[0]), loss_right=_finite(losses[1]),
        learned_left=point.learned[0], learned_right=point.learned[1], reason=numbers.reason,
    )  # fmt: skip


def _of_column(shown: str | None, look: _Look) -> PointRecord:
    """The point with the numbers of the column that decides at the headline: one curve shows one quantity."""
    if look.point.deciding_column == shown:
        return look.point
    for column in look.numbers.columns:
        if column.name == shown:
            values = column.model_dump(include={"effect", "ci_low", "ci_high", "left", "right"})
            return look.point.model_copy(update={"deciding_column": shown, **values})
    return look.point


def _notes(point: RatePoint, rows: Matched, losses: Sequence[float | None]) -> list[str]:
    words = ["untuned" if loss is None else f"{loss:.3g}" for loss in losses]
    words = words[:1] if point.left.losses == point.right.losses else words  # one cell, asked by two probes
    return [
        without_value(rows.left_out),
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


def _numbers(case: Case, rows: Matched) -> Numbers:
    if not rows.n_prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    sides = {name: _sides(case, name, rows) for name in case.columns}
    return numbers_of(case, sides, rows.bases, rows.paired)


def _sides(case: Case, column: str, rows: Matched) -> tuple[Array, Array]:
    means, measure = [rows.means(source) for source in columns_read(case, column)], case.measure.measure
    return derive(measure, column, [left for left, _ in means]), derive(measure, column, [right for _, right in means])


def _not_trained(case: Case, point: RatePoint, replicates: Sequence[Replicate]) -> list[str]:
    return not_trained(
        (name, [trained(*sample.loss(one)) for one in replicates] if sample.losses else [])
        for name, sample in _named_sides(case, point)
    )


def _named_sides(case: Case, point: RatePoint) -> list[tuple[str, Sample]]:
    at = f" at {_rate(point.rate)}" if point.rate is not None else ""
    return [(f"{side_name(case, side)}{at}", one) for side, one in ((case.left, point.left), (case.right, point.right))]


def _finite(loss: float | None) -> float | None:
    return loss if loss is not None and isfinite(loss) else None


def _rate(rate: float | None) -> str:
    return "no learning rate" if rate is None else f"{rate:g}"
