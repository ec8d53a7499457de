"""Cases -> claims: what the members of a declared family say together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.record import CaseRecord, ClaimRecord
from itl_bench.verdicts.stats.units import holm, too_few_for_sign_test
from itl_bench.vocabulary import ALL_MODELS, ALPHA, Along, Arm, Basis, Evidence, Level, ReadOn, Verdict


class Family(NamedTuple):
    """The declared cases over which a claim is corrected for multiplicity."""

    claim: str
    evidence: Evidence
    level: Level
    arm: Arm | None
    text: ReadOn | None = None
    along: Along | None = None


def families(declared: Sequence[Case]) -> dict[Family, list[Case]]:
    """Declared cases by family; the selection of a run (`-k`) changes no family."""
    groups: dict[Family, list[Case]] = defaultdict(list)
    for case in declared:
        if case.model != ALL_MODELS:  # it pools the others' rows, and would count them twice
            groups[Family(case.claim.id, case.evidence, case.level, case.arm, case.text, case.along)].append(case)
    return dict(groups)


def summarise(declared: Sequence[Case], decided: Mapping[str, CaseRecord], catalog: Catalog) -> tuple[ClaimRecord, ...]:
    """One record per declared family.

    Args:
        declared: All cases of the profile, whether selected or not.
        decided: Case id -> record, of the cases that have a verdict.
        catalog: The catalog, for the claims' statements.
    """
    return tuple(_summary(family, members, decided, catalog) for family, members in families(declared).items())


def _summary(
    family: Family, members: Sequence[Case], decided: Mapping[str, CaseRecord], catalog: Catalog
) -> ClaimRecord:
    claim = catalog.claims[family.claim]
    records = {case.id: decided[case.id] for case in members if case.id in decided and decided[case.id].verdict}
    verdicts = [record.verdict for record in records.values()]
    tested = {key: record.p_value for key, record in records.items() if record.verdict != "INCONCLUSIVE"}
    adjusted = holm({case.id: tested.get(case.id) for case in members})  # what decided nothing counts as p = 1
    verdict, deciding = _verdict(len(members), records, adjusted)
    return ClaimRecord(
        id=claim.id, statement=claim.statement, section=claim.section, role=claim.role_at(family.level),
        evidence=family.evidence, level=family.level, arm=family.arm, text=family.text, along=family.along,
        verdict=verdict, basis=_basis(deciding),
        members=len(members), missing=len(members) - len(records),
        supported=verdicts.count("SUPPORTED"), refuted=verdicts.count("REFUTED"),
        inconclusive=verdicts.count("INCONCLUSIVE"),
        holm={key: adjusted[key] for key, p in tested.items() if p is not None},
        note=_note(members, records),
    )  # fmt: skip


def _verdict(
    members: int, records: Mapping[str, CaseRecord], adjusted: Mapping[str, float]
) -> tuple[Verdict | None, list[CaseRecord]]:
    """A claim is about every member: all must support it, and one that refutes it after correction is enough.

    That all support needs no correction (intersection-union test). A refuting member without a p (read off a figure,
    with no sampling spread) is not corrected either: rounding is no chance. While members are missing, a claim that
    is not refuted has no verdict yet.

    Returns:
        The verdict, and the cases that it rests on.
    """
    refuting = [
        record
        for key, record in records.items()
        if record.verdict == "REFUTED" and (record.p_value is None or adjusted[key] <= ALPHA)
    ]
    if refuting:
        return "REFUTED", refuting
    if len(records) < members:
        return None, []
    if all(record.verdict == "SUPPORTED" for record in records.values()):
        return "SUPPORTED", list(records.values())
    return "INCONCLUSIVE", []


def _basis(deciding: Sequence[CaseRecord]) -> Basis | None:
    """The strongest basis of a refutation, the weakest of a support is what a verdict can claim."""
    if not deciding:
        return None
    points = [record.basis == "point" for record in deciding]
    one_is_enough = deciding[0].verdict == "REFUTED"
    return "point" if (all(points) if one_is_enough else any(points)) else "interval"


def _note(members: Sequence[Case], records: Mapping[str, CaseRecord]) -> str:
    models = {model for case in members if case.id in records for model in case.models} - {""}
    parts = []
    if models and too_few_for_sign_test(len(models)):
        names = f"{len(models)} base models are" if len(models) > 1 else "one base model is"
        parts.append(f"{names} too few for a claim across models")
    read_off = [
        one for one in records.values() if one.basis == "point" and one.effect is not None and one.p_value is None
    ]
    if read_off:
        parts.append(f"{len(read_off)} read off a figure without sampling spread, outside Holm's correction")
    return "; ".join(parts)
