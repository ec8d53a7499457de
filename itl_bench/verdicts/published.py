"""A case: which published numbers, which comparison -> verdict."""

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import identity
from itl_bench.catalog.loading import Catalog
from itl_bench.errors import EvidenceError
from itl_bench.record import CaseRecord, ColumnRecord
from itl_bench.verdicts.finding import Column, Finding, with_margins
from itl_bench.verdicts.findings import FINDERS, sign_p
from itl_bench.verdicts.stats.estimate import Estimate, SampledEstimate
from itl_bench.verdicts.stats.power import minimal_detectable_effect
from itl_bench.verdicts.stats.rule import CaseVerdict, confidence, judge
from itl_bench.vocabulary import ALPHA


def judge_case(case: Case, catalog: Catalog) -> CaseRecord:
    """The verdict of a published case.

    Raises:
        EvidenceError: The case's numbers cannot carry a verdict (NaN, no rows): an error, never a verdict.
    """
    if case.published is None:
        raise EvidenceError(f"{case.id} has no published numbers; it needs cells that are trained and measured")
    finding = FINDERS[case.published.unit](case, catalog)
    if finding.undecided:
        facts = {"verdict": "INCONCLUSIVE", "reason": finding.undecided, "basis": finding.basis}
        return CaseRecord.model_validate(identity(case, catalog) | facts)
    verdict = judge(case.claim.expect, with_margins(case, finding.columns))
    return CaseRecord.model_validate(identity(case, catalog) | facts_of(case, finding, verdict))


def facts_of(case: Case, finding: Finding, verdict: CaseVerdict) -> dict[str, object]:
    """The fields of a case's record that its verdict fills."""
    decided = verdict.columns[verdict.deciding]
    return {
        "verdict": verdict.verdict, "basis": finding.basis, "deciding_column": verdict.deciding,
        "reason": verdict.reason + (f"; {finding.note}" if finding.note else ""),
        "effect": decided.effect, "ci_low": decided.low, "ci_high": decided.high, "p_value": verdict.p_value,
        "confidence": confidence(case.claim.expect, ALPHA), "smallest_effect": decided.smallest_effect,
        "n_prompts": finding.n_prompts,
        "verdict_at_half_margin": judge(case.claim.expect, with_margins(case, finding.columns, 0.5)).verdict,
        "verdict_at_twice_margin": judge(case.claim.expect, with_margins(case, finding.columns, 2.0)).verdict,
        "minimal_detectable_effect": _detectable(case, finding.columns[verdict.deciding].estimate),
        "columns": [_column_record(case, name, column, verdict) for name, column in finding.columns.items()],
    }  # fmt: skip


def _detectable(case: Case, estimate: Estimate) -> float | None:
    if not isinstance(estimate, SampledEstimate):
        return None
    return minimal_detectable_effect(estimate.standard_error, estimate.degrees_of_freedom, case.claim.expect)


def _column_record(case: Case, name: str, column: Column, verdict: CaseVerdict) -> ColumnRecord:
    judged = verdict.columns[name]
    return ColumnRecord(
        name=name, verdict=judged.verdict, left=column.left, right=column.right, effect=judged.effect,
        ci_low=judged.low, ci_high=judged.high, p_value=judged.p_value, smallest_effect=judged.smallest_effect,
        n_units=judged.n_units,
        units_above=sum(value > 0 for value in column.units) if column.units else None,
        sign_p=sign_p(case, name, column.units) if column.units else None,
        cells_above=sum(value > 0 for value in column.cells) if column.cells else None,
        cells=len(column.cells) or None,
    )  # fmt: skip
