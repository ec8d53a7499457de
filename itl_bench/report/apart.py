"""Where one claim, or one comparison, has other verdicts in another arm or on another text."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from itl_bench.record import CaseRecord, ClaimRecord, Record
from itl_bench.report.matrix import statements
from itl_bench.report.verdicts import families, heads
from itl_bench.report.wording import ON_TEXT, WITHIN_A_RUN
from itl_bench.vocabulary import Verdict

MARK = "≠"
CONTRADICT: set[Verdict] = {"SUPPORTED", "REFUTED"}


@dataclass(frozen=True)
class Apart:
    """Verdicts that do not agree.

    Attributes:
        of: "arms", "texts" or "ways"; the last are along learning rates and within a run.
        words: What each says, for example "arms contradict: shared-rate SUPPORTED, fair REFUTED".
        short: The same where the arms' verdicts stand beside it anyway.
        contradict: Whether one is SUPPORTED and another REFUTED; else one of them is INCONCLUSIVE.
    """

    of: str
    words: str
    short: str
    contradict: bool


def claims_apart(record: Record) -> dict[str, tuple[Apart, ...]]:
    """Claim id -> where its arms or its texts do not agree, for claims where they do not; sanity left out."""
    found = {}
    for claim in statements(record):
        chosen = [one for one in families(record) if one.id == claim and one.role == "evidence" and one.verdict]
        measured = [one for one in chosen if one.evidence != "published"]
        if apart := [*_arms(measured), *_texts(measured), *_within_runs(measured)]:
            found[claim] = tuple(apart)
    return found


def cases_apart(record: Record) -> dict[str, str]:
    """Case id -> the other verdicts on the same comparison, for example "fair: REFUTED", where any differs."""
    alike: dict[tuple[object, ...], list[CaseRecord]] = defaultdict(list)
    for case in record.cases:
        if case.verdict and case.evidence != "published":
            alike[_comparison(case)].append(case)
    return {
        case.id: "; ".join(f"{_own_name(one)}: {one.verdict}" for one in cases if one is not case)
        for cases in alike.values()
        if len({one.verdict for one in cases}) > 1
        for case in cases
    }


def _arms(measured: Sequence[ClaimRecord]) -> Iterable[Apart]:
    """By level: arms are compared where all else is the same."""
    for level in dict.fromkeys(one.level for one in measured):
        chosen = [one for one in measured if one.level == level and heads(one)]
        verdicts = {one.verdict for one in chosen}
        if len(verdicts) > 1:
            said = ", ".join(f"{one.arm or one.evidence} {one.verdict}" for one in chosen)
            yield _apart("arms", said, "", verdicts)


def _texts(measured: Sequence[ClaimRecord]) -> Iterable[Apart]:
    """Every arm whose verdict on the base's answers is another than that on each model's own."""
    own = {(one.evidence, one.level, one.arm, one.along): one for one in measured if one.text == "own"}
    for common in (one for one in measured if one.text == "common"):
        other = own.get((common.evidence, common.level, common.arm, common.along))
        if other and other.verdict != common.verdict:
            arm = f"{common.arm}{_within(common)}, " if common.arm else ""
            short = f"{arm}{ON_TEXT['common']}: {common.verdict}"
            said = f"{short}; {ON_TEXT['own']}: {other.verdict}"
            yield _apart("texts", said, short, {other.verdict, common.verdict})


def _within_runs(measured: Sequence[ClaimRecord]) -> Iterable[Apart]:
    """Where equal learning within a run has another verdict than along learning rates."""
    along = {(one.evidence, one.level, one.text): one for one in measured if one.along == "rates"}
    for within in (one for one in measured if one.along == "updates"):
        other = along.get((within.evidence, within.level, within.text))
        if other and other.verdict != within.verdict:
            text = f", {ON_TEXT[within.text]}" if within.text else ""
            short = f"{within.arm}{_within(within)}{text}: {within.verdict}"
            yield _apart("ways", f"{short}; along rates: {other.verdict}", short, {other.verdict, within.verdict})


def _within(one: ClaimRecord | CaseRecord) -> str:
    return f", {WITHIN_A_RUN}" if one.along == "updates" else ""


def _apart(what: str, said: str, short: str, verdicts: set[Verdict | None]) -> Apart:
    contradict = verdicts >= CONTRADICT
    name = f"{what} {'contradict' if contradict else 'differ'}"
    return Apart(what, f"{name}: {said}", short or name, contradict)


def _comparison(case: CaseRecord) -> tuple[object, ...]:
    """What two cases share that differ in arm, in text, or in where equal learning is looked for."""
    where = case.model, case.dataset, case.method, case.probe, case.judge
    return case.claim, case.evidence, case.level, *where, case.measure, case.unit


def _own_name(case: CaseRecord) -> str:
    text = f", {ON_TEXT[case.text]}" if case.text else ""
    return f"{case.arm or case.evidence}{_within(case)}{text}"
