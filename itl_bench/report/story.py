"""What a reader meets first: one sentence for each mechanism, made from the numbers of its headline cases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from itl_bench.record import CaseRecord, ClaimRecord, HeadlineRecord, Record
from itl_bench.report.grouping import column_units
from itl_bench.report.learned import learned_in_words
from itl_bench.report.wording import (
    NOT_RUN,
    WITHIN_A_RUN,
    decimals_for,
    interval,
    signed,
    why_undecided,
)
from itl_bench.vocabulary import ARMS, VERDICTS, Arm, Expectation

PUBLISHED = "published"
WHERE = {
    PUBLISHED: "as published",
    "shared-rate": "at a shared learning rate",
    "fair": "with each at its best rate",
    "equal-loss": "at equal training loss",
    "equal-learning": "at equal learning",
}
ALWAYS_TOLD = (PUBLISHED, "shared-rate", "fair", "equal-learning")  # that one of these is missing is told, too
NOT_MEASURED = "not measured in this run"
NOT_AUDITED = "not audited in this run"  # published numbers were not looked at
WORDS = (*VERDICTS, NOT_RUN, NOT_AUDITED, NOT_MEASURED)  # what may be said of a reading, in the order of a sentence


@dataclass(frozen=True)
class Reading:
    """A headline in one arm.

    Attributes:
        arm: "published", or what both sides share.
        where: That in words, for example "at a shared learning rate".
        word: The verdict, "not run", or that the run has no such case.
        case: Whose numbers these are; none where the record has no such case.
        column: The column that the numbers are of.
        unit: Of the effect.
        margin: The smallest effect of interest.
        note: What a reader must know beside it: why there is no verdict, how much both sides learned.
    """

    arm: str
    where: str
    word: str = NOT_MEASURED
    case: CaseRecord | None = None
    column: str = ""
    unit: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    note: str = ""

    @property
    def expect(self) -> Expectation:
        """Which side of the margin supports the claim."""
        return self.case.expect if self.case else "greater"

    def amount(self) -> str:
        """For example "+0.73 [0.69, 0.77]"; nothing where there is no effect."""
        decimals = decimals_for((self.effect, self.low, self.high))
        return f"{signed(self.effect, decimals)} {interval(self.low, self.high, decimals)}".strip()

    def in_words(self) -> str:
        """For example "at a shared learning rate (accuracy +0.73 [0.69, 0.77]; learned unequal: 0.32 against 0.76)"."""
        amount = f"{self.column} {self.amount()}".strip() if self.effect is not None else ""
        details = "; ".join(filter(None, [amount, self.note]))
        return f"{self.where} ({details})" if details else self.where


@dataclass(frozen=True)
class Story:
    """A mechanism's headline, and what was read of it in each arm."""

    id: str
    headline: HeadlineRecord
    readings: tuple[Reading, ...]

    def by_word(self) -> tuple[tuple[str, tuple[Reading, ...]], ...]:
        """The readings by what is said of them, verdicts first."""
        found = ((word, tuple(one for one in self.readings if one.word == word)) for word in WORDS)
        return tuple((word, readings) for word, readings in found if readings)

    def sentence(self) -> str:
        """For example "That LoRA keeps ... is SUPPORTED as published (...), and REFUTED with each at its best ..."."""
        return "".join(text for text, _ in self.pieces())

    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The sentence in pieces, each with whether it is what is said of readings: a verdict, or why there is none."""
        if not any(one.case for one in self.readings):
            return (f"That {self.headline.says} is ", False), (NOT_MEASURED, True), (".", False)
        pieces, said = [(f"That {self.headline.says} is ", False)], self.by_word()
        for number, (word, chosen) in enumerate(said, 1):
            end = "." if number == len(said) else ", and " if number == len(said) - 1 else ", "
            pieces += [(word, True), (f" {_and([one.in_words() for one in chosen])}{end}", False)]
        return tuple(pieces)


def stories(record: Record) -> tuple[Story, ...]:
    """One for each mechanism that has a headline."""
    by_id = {case.id: case for case in record.cases}
    return tuple(
        Story(one.id, one.headline, readings(one.headline, _cases(one.headline, by_id), record.claims))
        for one in record.mechanisms
        if one.headline
    )


def _cases(headline: HeadlineRecord, by_id: Mapping[str, CaseRecord]) -> list[CaseRecord]:
    return [by_id[key] for key in headline.cases if key in by_id]


def readings(
    headline: HeadlineRecord, cases: Sequence[CaseRecord], claims: Sequence[ClaimRecord] = ()
) -> tuple[Reading, ...]:
    """What was read in each arm, published first; an arm that is always told and has no case is there, empty.

    Args:
        headline: What is asked.
        cases: The cases of a record that ask it.
        claims: Of the record: where all cases of a claim have another verdict than the one that is told, that is said.
    """
    several = len({(case.model, case.dataset) for case in cases if case.evidence != PUBLISHED}) > 1
    found: list[Reading] = []
    for arm in (PUBLISHED, *ARMS):
        chosen = [_beside(reading(headline, case), case, claims) for case in cases if _arm(case) == arm]
        if several and arm != PUBLISHED:
            chosen = [_placed(one, one.case) for one in chosen if one.case]
        found += chosen or ([_absent(arm)] if arm in ALWAYS_TOLD else [])
    return tuple(found)


def reading(headline: HeadlineRecord, case: CaseRecord) -> Reading:
    """What one case says of a headline: of the column that the headline names, or of the one that decided."""
    arm = _arm(case)
    where = WHERE[arm] + (f", {WITHIN_A_RUN}" if case.along == "updates" else "")
    base = Reading(arm, where, case.verdict or NOT_RUN, case, note=_note(case))
    named = [index for index, one in enumerate(case.columns) if one.name in headline.columns]
    if not case.verdict:
        return base
    if not named:
        unit = _unit(case, case.deciding_column)
        return replace(base, column=case.deciding_column or "", unit=unit, effect=case.effect, low=case.ci_low,
                       high=case.ci_high, margin=case.smallest_effect)  # fmt: skip
    one = case.columns[named[0]]
    return replace(base, word=one.verdict, column=one.name, unit=_unit(case, one.name), effect=one.effect,
                   low=one.ci_low, high=one.ci_high, margin=one.smallest_effect)  # fmt: skip


def _beside(one: Reading, case: CaseRecord, claims: Sequence[ClaimRecord]) -> Reading:
    """A reading with the verdict on its whole claim, where that is another one."""
    names = ("evidence", "level", "arm", "text", "along")
    whole = next(
        (claim for claim in claims
         if claim.id == case.claim and all(getattr(claim, name) == getattr(case, name) for name in names)),
        None,
    )  # fmt: skip
    if whole is None or whole.verdict in (None, one.word) or one.word not in VERDICTS:
        return one
    more = f"{whole.verdict} over all {whole.members} cases of {case.claim}"
    return replace(one, note="; ".join(filter(None, [one.note, more])))


def _absent(arm: str) -> Reading:
    return Reading(arm, WHERE[arm], NOT_AUDITED if arm == PUBLISHED else NOT_MEASURED)


def _placed(one: Reading, case: CaseRecord) -> Reading:
    return replace(one, where=f"{one.where}, {case.model} on {case.dataset}")


def _arm(case: CaseRecord) -> Arm | str:
    return PUBLISHED if case.evidence == PUBLISHED else case.arm or ""


def _note(case: CaseRecord) -> str:
    return "; ".join(filter(None, [why_undecided(case), learned_in_words(case)]))


def _unit(case: CaseRecord, column: str | None) -> str:
    units, names = column_units(case), [one.name for one in case.columns]
    return units[names.index(column)] if units and column in names else case.unit or ""


def _and(parts: Iterable[str]) -> str:
    """For example "a, b and c"."""
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last
