"""How the reports group cases: by claim, by the reason why they were not run, and by how many learning rates agree."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from itl_bench.record import CaseRecord, ClaimRecord, ColumnRecord, MechanismRecord, PointRecord, Record
from itl_bench.report.matrix import is_own, statements
from itl_bench.report.verdicts import MeasuredKind, families, heads
from itl_bench.vocabulary import LEVELS, VERDICTS, Verdict

RATES_HELD = "Of all learning rates of the supported and refuted measured cases, those with the case's verdict."


@dataclass(frozen=True)
class NotRunGroup:
    """Cases that were not run for one reason; reasons that differ only in their numbers are one."""

    reason: str
    varies: bool
    cases: tuple[CaseRecord, ...]


@dataclass(frozen=True)
class ClaimGroup:
    """Everything the record has on one claim."""

    id: str
    statement: str
    section: str
    families: tuple[ClaimRecord, ...]
    with_verdict: tuple[CaseRecord, ...]
    not_run: tuple[NotRunGroup, ...]

    @property
    def own(self) -> bool:
        """Whether the claim is ours and not the paper's."""
        return is_own(self.id)

    @property
    def not_run_count(self) -> int:
        """How many of the claim's cases were not run."""
        return sum(len(group.cases) for group in self.not_run)


@dataclass(frozen=True)
class MechanismCase:
    """A case that would show a mechanism; none where the record does not have it."""

    id: str
    case: CaseRecord | None

    @property
    def with_verdict(self) -> bool:
        """Whether the case has a verdict in this record."""
        return self.case is not None and self.case.verdict is not None


def not_run_groups(cases: Iterable[CaseRecord]) -> tuple[NotRunGroup, ...]:
    """Group the cases without a verdict by reason, the most frequent reason first."""
    grouped: dict[str, list[CaseRecord]] = defaultdict(list)
    for case in cases:
        if case.verdict is None:
            grouped[re.sub(r"[0-9][0-9.,]*", "#", case.reason)].append(case)
    groups = (
        NotRunGroup(members[0].reason, len({case.reason for case in members}) > 1, tuple(members))
        for members in grouped.values()
    )
    return tuple(sorted(groups, key=lambda group: -len(group.cases)))


def claim_groups(record: Record) -> tuple[ClaimGroup, ...]:
    """Gather families and cases under their claims, in the paper's order."""
    cases: dict[str, list[CaseRecord]] = defaultdict(list)
    declared: dict[str, list[ClaimRecord]] = defaultdict(list)
    for case in sorted(record.cases, key=lambda case: (LEVELS.index(case.level), case.role == "sanity")):
        cases[case.claim].append(case)
    for family in families(record):
        declared[family.id].append(family)
    return tuple(
        ClaimGroup(
            claim,
            statement,
            _section(declared[claim], cases[claim]),
            tuple(declared[claim]),
            tuple(case for case in cases[claim] if case.verdict is not None),
            not_run_groups(cases[claim]),
        )
        for claim, statement in statements(record).items()
    )


def mechanism_cases(record: Record, mechanism: MechanismRecord) -> tuple[MechanismCase, ...]:
    """The cases that a mechanism names, looked up in the record."""
    by_id = {case.id: case for case in record.cases}
    return tuple(MechanismCase(identifier, by_id.get(identifier)) for identifier in mechanism.cases)


def speaks_of(members: Iterable[MechanismCase]) -> str:
    """What the cases of a mechanism with a verdict say, sanity cases left out; nothing where there are none."""
    verdicts = Counter(
        one.case.verdict for one in members if one.case and one.with_verdict and one.case.role == "evidence"
    )
    named = ", ".join(f"{verdicts[word]} {word.lower()}" for word in VERDICTS if verdicts[word])
    if not named:
        return ""
    against = "none speaks" if not verdicts["REFUTED"] else f"{verdicts['REFUTED']} of {verdicts.total()} cases speak"
    return f"{named}: {against} against it"


def compared_columns(case: CaseRecord) -> tuple[ColumnRecord, ...]:
    """The columns of a case; a case that has only its own effect and interval counts as one column."""
    if case.columns or case.verdict is None:
        return case.columns
    if case.effect is None or case.ci_low is None or case.ci_high is None:
        return ()
    column = ColumnRecord(
        name=case.deciding_column or case.measure,
        verdict=case.verdict,
        effect=case.effect,
        ci_low=case.ci_low,
        ci_high=case.ci_high,
        p_value=case.p_value,
        smallest_effect=case.smallest_effect or 0.0,
        n_units=case.n_prompts or 0,
    )
    return (column,)


def column_units(case: CaseRecord) -> tuple[str, ...]:
    """The unit of each column, where the columns of a case do not share one; nothing where they do."""
    units = tuple((case.unit or "").split("; "))
    return units if len(units) == len(case.columns) > 1 else ()


def deciding_name(case: CaseRecord) -> str:
    """The column that a case's effect is of; nothing where the record does not say."""
    columns = compared_columns(case)
    if case.effect is None:
        return ""
    return case.deciding_column or (columns[0].name if len(columns) == 1 else "")


def holm_adjusted(record: Record) -> dict[str, float]:
    """Case id -> p after Holm's correction over its declared family.

    Cases of basis "point" are left out: their p knows no spread between runs, and correcting it would lend it weight.
    """
    points = {case.id for case in record.cases if case.basis == "point"}
    return {case: p for family in record.claims for case, p in family.holm.items() if case not in points}


def _section(declared: list[ClaimRecord], cases: list[CaseRecord]) -> str:
    sections = [family.section for family in declared] + [case.section for case in cases]
    return sections[0] if sections else ""


@dataclass(frozen=True)
class RatesHeld:
    """Points (case x learning rate) of decided cases.

    Attributes:
        cases: How many cases are SUPPORTED or REFUTED and have several rates.
        held: How many of their points have the verdict of their case.
        points: How many points they have.
    """

    cases: int
    held: int
    points: int

    def in_words(self) -> str:
        """For example "holds at 1 of 2 rates"."""
        verb, over = ("holds", "") if self.cases == 1 else ("hold", " in all")
        return f"{verb} at {self.share()}{over}"

    def share(self) -> str:
        """For example "1 of 2 rates"."""
        return f"{self.held:,} of {self.points:,} rates"


def rates_held(cases: Iterable[CaseRecord]) -> RatesHeld | None:
    """Count over measured cases that are SUPPORTED or REFUTED; none where no such case has several rates."""
    swept = [(case.verdict, points) for case in cases if _decided(case) and len(points := _points_of(case)) > 1]
    if not swept:
        return None
    held = sum(_holding(verdict, points) for verdict, points in swept)
    return RatesHeld(len(swept), held, sum(len(points) for _, points in swept))


def held_at(record: Record, claim: str, kind: MeasuredKind | ClaimRecord) -> RatesHeld | None:
    """What `rates_held` counts over a claim's cases of one kind of evidence, or of one family."""
    wanted = kind.evidence, kind.level, kind.arm
    text = kind.text if isinstance(kind, ClaimRecord) else None
    return rates_held(
        case
        for case in record.cases
        if case.claim == claim
        and (case.evidence, case.level, case.arm) == wanted
        and (case.text == text if text else heads(case))
    )


def _decided(case: CaseRecord) -> bool:
    """Whether a case was measured, counts as evidence, and has a direction."""
    return case.evidence == "measured" and case.role == "evidence" and case.verdict in ("SUPPORTED", "REFUTED")


def _points_of(case: CaseRecord) -> list[PointRecord]:
    """The verdicts of a case at learning rates."""
    return [point for point in case.points or () if point.rate is not None]


def _holding(verdict: Verdict | None, points: Iterable[PointRecord]) -> int:
    return sum(point.verdict == verdict for point in points)
