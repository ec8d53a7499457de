"""From estimates to the fields of a record: columns, verdict, reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case, margin
from itl_bench.catalog.grid.words import compared, unit_of
from itl_bench.record import CaseRecord, ColumnRecord
from itl_bench.verdicts.stats.estimate import Estimate, SampledEstimate
from itl_bench.verdicts.stats.nested import nested, nested_unpaired
from itl_bench.verdicts.stats.power import minimal_detectable_effect
from itl_bench.verdicts.stats.pseudo import Array
from itl_bench.verdicts.stats.rule import confidence, decide
from itl_bench.verdicts.stats.units import sign_test
from itl_bench.verdicts.stats.verdict import CaseVerdict
from itl_bench.vocabulary import ALPHA, Basis


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


def with_margins(case: Case, columns: Mapping[str, Column], scale: float = 1.0) -> dict[str, tuple[Estimate, float]]:
    """The columns as the verdict rule takes them: estimate and smallest effect of interest, times `scale`."""
    return {name: (column.estimate, scale * margin(case, name)) for name, column in columns.items()}


def identity(case: Case, catalog: Catalog) -> dict[str, object]:
    """The fields of a case's record that are known before it is decided."""
    claim = case.claim
    return {
        "id": case.id, "claim": claim.id, "statement": claim.statement, "section": claim.section, "role": case.role,
        "evidence": case.evidence, "level": case.level, "arm": case.arm, "expect": claim.expect,
        "compared": compared(case), "measure": case.measure.measure, "unit": unit_of(case, catalog),
        "model": case.model, "dataset": case.dataset, "method": case.method, "probe": case.probe,
        "judge": next(iter(catalog.judges)) if "judge" in catalog.measures[case.measure.measure].needs else None,
    }  # fmt: skip


def not_run_record(case: Case, catalog: Catalog, reason: str) -> CaseRecord:
    """The record of a case that was not run: no verdict, and why."""
    return CaseRecord.model_validate(identity(case, catalog) | {"reason": reason})


def facts_of(case: Case, finding: Finding, verdict: CaseVerdict) -> dict[str, object]:
    """The fields of a case's record that its verdict fills."""
    decided = verdict.columns[verdict.deciding]
    return {
        "verdict": verdict.verdict, "basis": finding.basis, "deciding_column": verdict.deciding,
        "reason": verdict.reason + (f"; {finding.note}" if finding.note else ""),
        "effect": decided.effect, "ci_low": decided.low, "ci_high": decided.high, "p_value": verdict.p_value,
        "confidence": confidence(case.claim.expect, ALPHA), "smallest_effect": decided.smallest_effect,
        "n_prompts": finding.n_prompts,
        "verdict_at_half_margin": decide(case.claim.expect, with_margins(case, finding.columns, 0.5)).verdict,
        "verdict_at_twice_margin": decide(case.claim.expect, with_margins(case, finding.columns, 2.0)).verdict,
        "minimal_detectable_effect": _detectable(case, finding.columns[verdict.deciding].estimate),
        "columns": [_column_record(case, name, column, verdict) for name, column in finding.columns.items()],
    }  # fmt: skip


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


def sign_p(case: Case, column: str, units: Sequence[float]) -> float:
    """P of the exact sign test of the units against the margin of the claim."""
    boundary = margin(case, column) * (-1 if case.claim.expect == "at-least" else 1)
    return sign_test(units, boundary).p_value


Facts = dict[str, object]  # fields of a case's record


def numbers_of(
    case: Case, sides: Mapping[str, tuple[Array, Array]], bases: Sequence[int], paired: bool = True
) -> Facts:
    """The rule's verdict and numbers, with the sides of the deciding column; one replicate has no interval.

    Args:
        case: A case that compares two sides.
        sides: Column -> left and right, each of shape (replicates, units of prompts).
        bases: The base of each replicate.
        paired: Whether both sides answer the same prompts.
    """
    if len(bases) > 1:
        facts = decided(case, {name: _column(*both, bases, paired) for name, both in sides.items()})
    else:
        left, right = (float(side.mean()) for side in sides[case.columns[0]])
        facts = {"effect": left - right, "deciding_column": case.columns[0]}
    left, right = (float(side.mean()) for side in sides[str(facts["deciding_column"])])
    return facts | {"left": left, "right": right}


def _column(left: Array, right: Array, bases: Sequence[int], paired: bool) -> Column:
    estimate = nested(left - right, bases) if paired else nested_unpaired(left, right, bases)
    cells = left.mean(axis=1) - right.mean(axis=1)
    return Column(estimate, float(left.mean()), float(right.mean()), cells=cells.tolist())


def decided(case: Case, columns: dict[str, Column]) -> Facts:
    """The rule's verdict on columns, as fields of a record."""
    verdict = decide(case.claim.expect, with_margins(case, columns))
    return facts_of(case, Finding("interval", columns), verdict)


def with_reason(numbers: Facts, blocked: Sequence[str], notes: Iterable[str]) -> Facts:
    """The numbers with their notes; where something blocks a verdict they stay, and decide nothing."""
    reason = "; ".join(part for part in (*(blocked or [str(numbers["reason"])]), *notes) if part)
    if not blocked:
        return numbers | {"reason": reason}
    verdicts = dict.fromkeys(("verdict", "verdict_at_half_margin", "verdict_at_twice_margin"), "INCONCLUSIVE")
    undecided = {"verdict": "INCONCLUSIVE", "p_value": None}
    columns = [column.model_copy(update=undecided) for column in cast(list[ColumnRecord], numbers.get("columns", []))]
    return numbers | verdicts | {"basis": "interval", "p_value": None, "columns": columns, "reason": reason}


def undecided(case: Case, catalog: Catalog, reason: str) -> CaseRecord:
    """A case without numbers that could decide it."""
    facts = {"verdict": "INCONCLUSIVE", "basis": "interval", "reason": reason}
    return CaseRecord.model_validate(identity(case, catalog) | facts)
