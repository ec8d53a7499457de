"""A measured difference where both sides are trained equally well -> verdict.

At one shared learning rate a method cannot be told from how well it was trained; here both sides share the loss.
"""

from collections.abc import Sequence
from statistics import fmean

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import identity, side_name
from itl_bench.catalog.loading import Catalog
from itl_bench.errors import EvidenceError
from itl_bench.record import CaseRecord
from itl_bench.verdicts.comparison import RatePoint, prompts_with_values
from itl_bench.verdicts.difference import (
    Facts,
    count,
    numbers_of,
    repetitions,
    too_few,
    too_few_prompts,
    trained,
    undecided,
    with_reason,
)
from itl_bench.verdicts.matched_loss import (
    Reading,
    Samples,
    common_replicates,
    match_losses,
    sides_by_rate,
    tables_read,
    values_at,
)
from itl_bench.verdicts.stats.pseudo import sources

SideRead = tuple[Samples, Sequence[Reading]]  # a side's cells, and where each replicate of it is read


def judge_at_equal_loss(
    case: Case, catalog: Catalog, points: Sequence[RatePoint], floors: str = "", obstacles: Sequence[str] = ()
) -> CaseRecord:
    """The verdict of a measured difference at the lowest training loss that both sides of a replicate reach.

    Its interval is that of `judge_measured`: what interpolating between learning rates misses is not in it.

    Args:
        case: A case with evidence measured that compares two tuned methods on the same prompts.
        catalog: The catalog it is from.
        points: Both sides at each learning rate; losses that do not meet decide nothing.
        floors: What to set the effect against, in words: it ends the reason.
        obstacles: Why the case gives no verdict whatever its numbers.

    Raises:
        EvidenceError: A rate is missing or given twice, no replicate is at every rate, or the numbers cannot carry a
            verdict (no common prompt, NaN, a logarithm of 0): an error, never a verdict.
    """
    left, right = sides_by_rate(points)
    rates: Facts = {"rates": tuple(left), "points": ()}
    replicates = common_replicates(left, right)
    try:
        matches = [match_losses(left, right, one) for one in replicates]
    except EvidenceError as error:  # sides that were trained differently well at every rate are no crash
        return undecided(case, catalog, f"no match at equal training loss: {error}").model_copy(update=rates)
    sides = ((left, [one for one, _ in matches]), (right, [other for _, other in matches]))
    return CaseRecord.model_validate(identity(case, catalog) | _facts(case, sides, floors, obstacles) | rates)


def _facts(case: Case, sides: tuple[SideRead, SideRead], floors: str, obstacles: Sequence[str]) -> Facts:
    """The case's numbers, what blocks a verdict, and where both sides were read."""
    replicates = [one.replicate for one in sides[0][1]]
    needed = sorted({source for column in case.columns for source in sources(case.measure.measure, column)})
    prompts, left_out = prompts_with_values([table for side in sides for table in tables_read(*side)], needed)
    blocked = [*obstacles, *_not_trained(case, sides), *too_few(replicates), *too_few_prompts(len(prompts))]
    numbers: Facts = {}
    try:
        numbers = _numbers(case, sides, prompts)
    except EvidenceError:  # what is no evidence needs no numbers
        if not blocked:
            raise
    sizes: Facts = {
        "n_prompts": len(prompts), "n_replicates": len(replicates), "n_bases": len({one.base for one in replicates})
    }  # fmt: skip
    notes = [
        f"{count(left_out, 'prompt')} without a value left out" if left_out else "",
        _losses(sides[0][1]),
        ", ".join(_names(case, sides)),
        repetitions(replicates),
        floors,
    ]
    return with_reason(numbers, blocked, notes) | sizes


def _numbers(case: Case, sides: tuple[SideRead, SideRead], prompts: dict[str, str]) -> Facts:
    if not prompts:
        raise EvidenceError(f"{case.id}: no prompt has a value on both sides in every replicate")
    measure, (left, right) = case.measure.measure, sides
    values = {
        name: (values_at(*left, measure, name, prompts), values_at(*right, measure, name, prompts))
        for name in case.columns
    }
    numbers = numbers_of(case, values, [one.replicate.base for one in left[1]])
    return {name: value for name, value in numbers.items() if name not in ("left", "right")}  # those are of points


def _not_trained(case: Case, sides: tuple[SideRead, SideRead]) -> list[str]:
    """A loss between two cells is evidence where both of them were trained."""
    named = []
    for name, (side, readings) in zip(_names(case, sides), sides, strict=True):
        untrained = sum(not all(trained(*side[rate].loss(one.replicate)) for rate in one.weights) for one in readings)
        if untrained:
            named.append(f"{name} ({untrained} of {count(len(readings), 'replicate')})")
    return [f"not trained: {' and '.join(named)}"] if named else []


def _names(case: Case, sides: tuple[SideRead, SideRead]) -> list[str]:
    """For example "full between rates 0.0003 and 0.001" and "lora at 0.01", over all replicates."""
    names = []
    for side, (_, readings) in zip((case.left, case.right), sides, strict=True):
        rates = sorted({rate for one in readings for rate in one.weights})
        where = f"between rates {rates[0]:g} and {rates[-1]:g}" if len(rates) > 1 else f"at {rates[0]:g}"
        names.append(f"{side_name(case, side)} {where}")
    return names


def _losses(readings: Sequence[Reading]) -> str:
    losses = [one.loss for one in readings]
    spread = f" ({min(losses):.3g} to {max(losses):.3g})" if len(losses) > 1 else ""
    return f"at equal training loss, {fmean(losses):.3g}{spread}"
