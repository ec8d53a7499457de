"""From estimates to a case's record: what its columns say, the verdict on it, and the reason."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case, margin
from itl_bench.catalog.grid.words import compared, unit_of
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord, ColumnRecord, PointRecord
from itl_bench.verdicts.stats.estimate import Estimate, SampledEstimate
from itl_bench.verdicts.stats.nested import nested, nested_unpaired
from itl_bench.verdicts.stats.power import minimal_detectable_effect
from itl_bench.verdicts.stats.pseudo import Array, is_share
from itl_bench.verdicts.stats.rule import confidence, decide
from itl_bench.verdicts.stats.shares import nested_shares
from itl_bench.verdicts.stats.units import sign_test
from itl_bench.verdicts.stats.verdict import CaseVerdict
from itl_bench.vocabulary import ALPHA, Basis, Verdict


class Column(NamedTuple):
    """One column of a comparison, ready for the verdict rule."""

    estimate: Estimate
    left: float | None = None
    right: float | None = None
    units: Sequence[float] = ()
    cells: Sequence[float] = ()


@dataclass(frozen=True)
class Finding:
    """What a comparison found: columns for the rule, or the reason why there is nothing to decide."""

    basis: Basis
    columns: Mapping[str, Column]
    undecided: str = ""
    note: str = ""
    n_prompts: int | None = None


@dataclass(frozen=True)
class Numbers:
    """What the numbers of a case say; without any they decide nothing. Fields are named as in its record.

    Attributes:
        left: Value of the left side in the deciding column.
        right: Value of the right side there.
    """

    verdict: Verdict = "INCONCLUSIVE"
    basis: Basis = "interval"
    reason: str = ""
    deciding_column: str | None = None
    effect: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    left: float | None = None
    right: float | None = None
    confidence: float | None = None
    p_value: float | None = None
    smallest_effect: float | None = None
    minimal_detectable_effect: float | None = None
    verdict_at_half_margin: Verdict | None = None
    verdict_at_twice_margin: Verdict | None = None
    columns: tuple[ColumnRecord, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """How much a case's numbers rest on; None where it is not known."""

    n_prompts: int | None = None
    n_replicates: int | None = None
    n_bases: int | None = None

    @classmethod
    def of(cls, n_prompts: int | None, replicates: Iterable[Replicate]) -> Self:
        """The sizes of so many prompts and of these replicates."""
        bases = [one.base for one in replicates]
        return cls(n_prompts, len(bases), len(set(bases)))


UNKNOWN = Sizes()


def record_of(
    case: Case,
    catalog: Catalog,
    numbers: Numbers,
    sizes: Sizes = UNKNOWN,
    rates: Iterable[float] = (),
    points: tuple[PointRecord, ...] | None = None,
) -> CaseRecord:
    """The record of a case: what it compares, what its numbers say, and what they rest on."""
    claim = case.claim
    needs = catalog.measures[case.measure.measure].needs
    return CaseRecord(
        id=case.id, claim=claim.id, statement=claim.statement, section=claim.section, role=case.role,
        evidence=case.evidence, level=case.level, arm=case.arm, expect=claim.expect,
        compared=compared(case), measure=case.measure.measure, unit=unit_of(case, catalog),
        model=case.model, dataset=case.dataset, method=case.method, probe=case.probe, text=case.text, along=case.along,
        judge=next(iter(catalog.judges)) if "judge" in needs else None,
        verdict=numbers.verdict, basis=numbers.basis, reason=numbers.reason, deciding_column=numbers.deciding_column,
        effect=numbers.effect, ci_low=numbers.ci_low, ci_high=numbers.ci_high, p_value=numbers.p_value,
        confidence=numbers.confidence, smallest_effect=numbers.smallest_effect,
        minimal_detectable_effect=numbers.minimal_detectable_effect,
        verdict_at_half_margin=numbers.verdict_at_half_margin, verdict_at_twice_margin=numbers.verdict_at_twice_margin,
        columns=numbers.columns,
        n_prompts=sizes.n_prompts, n_replicates=sizes.n_replicates, n_bases=sizes.n_bases,
        rates=tuple(rates), points=points,
    )  # fmt: skip


def not_run_record(case: Case, catalog: Catalog, reason: str) -> CaseRecord:
    """The record of a case that was not run: no verdict, and why."""
    return record_of(case, catalog, Numbers(reason=reason)).model_copy(update={"verdict": None, "basis": None})


def decided(case: Case, finding: Finding) -> Numbers:
    """What the verdict rule says of a finding, and whether it would say so with other margins.

    Raises:
        EvidenceError: The finding's numbers cannot carry a verdict, for example NaN.
    """
    if finding.undecided:
        return Numbers(basis=finding.basis, reason=finding.undecided)
    verdict = case_verdict(case, finding.columns)
    deciding, column = verdict.columns[verdict.deciding], finding.columns[verdict.deciding]
    return Numbers(
        verdict=verdict.verdict,
        basis=finding.basis,
        reason=verdict.reason + (f"; {finding.note}" if finding.note else ""),
        deciding_column=verdict.deciding,
        effect=deciding.effect,
        ci_low=deciding.low,
        ci_high=deciding.high,
        left=column.left,
        right=column.right,
        confidence=confidence(case.claim.expect, ALPHA),
        p_value=verdict.p_value,
        smallest_effect=deciding.smallest_effect,
        minimal_detectable_effect=_detectable(case, column.estimate),
        verdict_at_half_margin=case_verdict(case, finding.columns, 0.5).verdict,
        verdict_at_twice_margin=case_verdict(case, finding.columns, 2.0).verdict,
        columns=tuple(_column_record(case, name, one, verdict) for name, one in finding.columns.items()),
    )


def numbers_of(
    case: Case, sides: Mapping[str, tuple[Array, Array]], bases: Sequence[int], paired: bool = True
) -> Numbers:
    """The rule's verdict and numbers; one replicate has no interval.

    Args:
        case: A case that compares two sides.
        sides: Column -> left and right, each of shape (replicates, units of prompts).
        bases: The base of each replicate.
        paired: Whether both sides answer the same prompts.
    """
    if len(bases) > 1:
        shares = {name: is_share(case.measure.measure, name) for name in sides}
        columns = {name: _column(*both, bases, paired, shares[name]) for name, both in sides.items()}
        return decided(case, Finding("interval", columns))
    left, right = (float(side.mean()) for side in sides[case.columns[0]])
    return Numbers(deciding_column=case.columns[0], effect=left - right, left=left, right=right)


def unless_blocked(numbers: Callable[[], Numbers], blocked: Sequence[str]) -> Numbers:
    """The numbers; none where they are no evidence and something blocks a verdict anyway.

    Raises:
        EvidenceError: The numbers cannot carry a verdict, and nothing else says that there is none.
    """
    try:
        return numbers()
    except EvidenceError:  # what is no evidence needs no numbers
        if not blocked:
            raise
        return Numbers()


def with_reason(numbers: Numbers, blocked: Sequence[str], notes: Iterable[str]) -> Numbers:
    """The numbers with their notes; where something blocks a verdict they stay, and decide nothing."""
    reason = "; ".join(part for part in (*(blocked or [numbers.reason]), *notes) if part)
    if not blocked:
        return replace(numbers, reason=reason)
    undecided = {"verdict": "INCONCLUSIVE", "p_value": None}
    return replace(
        numbers,
        verdict="INCONCLUSIVE",
        basis="interval",
        reason=reason,
        p_value=None,
        verdict_at_half_margin="INCONCLUSIVE",
        verdict_at_twice_margin="INCONCLUSIVE",
        columns=tuple(column.model_copy(update=undecided) for column in numbers.columns),
    )


def case_verdict(case: Case, columns: Mapping[str, Column], scale: float = 1.0) -> CaseVerdict:
    """What the verdict rule says of columns, each with its smallest effect of interest times `scale`."""
    with_margins = {name: (column.estimate, scale * margin(case, name)) for name, column in columns.items()}
    return decide(case.claim.expect, with_margins)


def sign_p(case: Case, column: str, units: Sequence[float]) -> float:
    """P of the exact sign test of the units against the margin of the claim."""
    boundary = margin(case, column) * (-1 if case.claim.expect == "at-least" else 1)
    return sign_test(units, boundary).p_value


def _column(left: Array, right: Array, bases: Sequence[int], paired: bool, share: bool) -> Column:
    if share:
        estimate: Estimate = nested_shares(left, right, bases, paired)
    else:
        estimate = nested(left - right, bases) if paired else nested_unpaired(left, right, bases)
    cells = left.mean(axis=1) - right.mean(axis=1)
    return Column(estimate, float(left.mean()), float(right.mean()), cells=cells.tolist())


def _detectable(case: Case, estimate: Estimate) -> float | None:
    if not isinstance(estimate, SampledEstimate):
        return None
    return minimal_detectable_effect(estimate.standard_error, estimate.degrees_of_freedom, case.claim.expect)


def _column_record(case: Case, name: str, column: Column, verdict: CaseVerdict) -> ColumnRecord:
    found = verdict.columns[name]
    return ColumnRecord(
        name=name, verdict=found.verdict, left=column.left, right=column.right, effect=found.effect,
        ci_low=found.low, ci_high=found.high, p_value=found.p_value, smallest_effect=found.smallest_effect,
        n_units=found.n_units,
        units_above=sum(value > 0 for value in column.units) if column.units else None,
        sign_p=sign_p(case, name, column.units) if column.units else None,
        cells_above=sum(value > 0 for value in column.cells) if column.cells else None,
        cells=len(column.cells) or None,
    )  # fmt: skip
