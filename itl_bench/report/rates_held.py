"""At how many learning rates the verdicts of measured cases hold: a headline rate is one of several."""

from collections.abc import Iterable
from dataclasses import dataclass

from itl_bench.record import CaseRecord, ClaimRecord, PointRecord, Record
from itl_bench.report.verdicts import MeasuredKind
from itl_bench.vocabulary import Verdict

MEANING = "Of all learning rates of the supported and refuted measured cases, those with the case's verdict."


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
    """What `rates_held` counts over a claim's cases of one kind of evidence."""
    place = kind.evidence, kind.level, kind.arm
    return rates_held(
        case for case in record.cases if case.claim == claim and (case.evidence, case.level, case.arm) == place
    )


def _decided(case: CaseRecord) -> bool:
    """Whether a case was measured, counts as evidence, and has a direction."""
    return case.evidence == "measured" and case.role == "evidence" and case.verdict in ("SUPPORTED", "REFUTED")


def _points_of(case: CaseRecord) -> list[PointRecord]:
    """The verdicts of a case at learning rates."""
    return [point for point in case.points or () if point.rate is not None]


def _holding(verdict: Verdict | None, points: Iterable[PointRecord]) -> int:
    return sum(point.verdict == verdict for point in points)
