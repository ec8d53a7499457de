"""Kept against learned: what two methods kept of the known facts and learned of the new ones, and which is better.

Better, worse or not told apart: that is decided by intervals against the margin, never by where two points lie.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from itl_bench.record import CaseRecord, PointRecord, Record
from itl_bench.report.learned import learned_shares
from itl_bench.report.maps import rates_in_words, side_names
from itl_bench.report.story import WHERE
from itl_bench.report.wording import WITHIN_A_RUN, decimals_for, interval, signed
from itl_bench.vocabulary import ARMS

KNOWLEDGE = "knowledge"  # the measure of known facts answered right
State = Literal["better", "worse", "not told apart"]
Place = Literal["above", "below", "within", "unknown"]  # of an interval against -d and +d
NOT_OF_KNOWN_FACTS = ("-taught", "-skill")  # what probes end in that ask for something else
FEWEST_RATES = 3  # of a picture that stands open
KEPT = {
    "above": "keeps more", "below": "keeps less", "within": "keeps as much within d",
    "unknown": "keeps: undecided at d",
}  # fmt: skip
LEARNED = {
    "above": "learns more", "below": "learns less", "within": "learns as much",
    "unknown": "learns: unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A method at one learning rate: shares of new facts learned and of known facts kept."""

    rate: str
    learned: float
    kept: float


@dataclass(frozen=True)
class Standing:
    """How the left method stands against the right one in one arm.

    Attributes:
        where: The arm, in words.
        state: Better, worse, or not told apart; of the left method.
        words: What its intervals say.
        marks: Left and right, where both shares are known.
    """

    where: str
    state: State
    words: str
    marks: tuple[Mark, Mark] | None = None


@dataclass(frozen=True)
class Picture:
    """Two methods on one dataset.

    Attributes:
        names: The methods, left and right.
        left: The left method at each shared rate, by rate.
        right: The right one.
        standings: How they stand against each other, one for each arm that was asked.
    """

    model: str
    dataset: str
    probe: str
    names: tuple[str, str]
    left: tuple[Mark, ...]
    right: tuple[Mark, ...]
    standings: tuple[Standing, ...]

    @property
    def open(self) -> bool:
        """Whether it has enough rates to be looked at first."""
        return len(self.left) >= FEWEST_RATES


def pictures(record: Record) -> tuple[Picture, ...]:
    """One for each model, dataset and pair of methods whose learned shares are known at shared rates.

    Those that a headline is about come first, then those with the most rates.
    """
    asked: dict[tuple[str, ...], dict[tuple[object, ...], CaseRecord]] = {}
    for case in sorted(filter(_asks, record.cases), key=lambda one: one.expect != "greater"):
        key = (case.model, case.dataset, case.method, case.probe or "")
        asked.setdefault(key, {}).setdefault((case.arm, case.along == "updates"), case)
    found = [(cases, picture) for cases in map(_values, asked.values()) if (picture := _picture(cases))]
    told = {key for one in record.mechanisms if one.headline for key in one.headline.cases}
    ordered = sorted(found, key=lambda one: (not any(case.id in told for case in one[0]), -len(one[1].left)))
    return tuple(picture for _, picture in ordered)


def stand(case: CaseRecord) -> tuple[State, str]:
    """How the left method of a case stands against the right one, and why.

    It is better where it keeps or learns more and neither less, each by an interval outside its margin; a case that
    is INCONCLUSIVE tells nothing apart, whatever its numbers.
    """
    kept, learned = kept_place(case), learned_place(case)
    words = f"{KEPT[kept]}{_effect(case)}, {LEARNED[learned]}{_shares(case)}"
    both = {kept, learned}
    if "unknown" in both or both == {"within"} or both == {"above", "below"}:
        return "not told apart", words
    return ("better" if "above" in both else "worse"), words


def kept_place(case: CaseRecord) -> Place:
    """Where the interval of what was kept lies against -d and +d."""
    low, high, d = case.ci_low, case.ci_high, case.smallest_effect
    if case.verdict not in ("SUPPORTED", "REFUTED") or low is None or high is None or d is None:
        return "unknown"
    if low > d or high < -d:
        return "above" if low > d else "below"
    return "within" if -d < low and high < d else "unknown"


def learned_place(case: CaseRecord) -> Place:
    """Whether the left side learned more, less or as much; unknown where no interval says so."""
    found = case.learning
    if case.arm == "equal-learning":
        return "within"  # that is what the arm compares at
    if found is None or found.difference is None or found.mark not in ("equal", "unequal"):
        return "unknown"
    if found.mark == "equal":
        return "within"
    return "above" if found.difference > 0 else "below"


def _asks(case: CaseRecord) -> bool:
    """Whether a case is about facts that the base knew, of two tuned methods."""
    arms = ("shared-rate", "fair", "equal-learning")
    known = case.measure == KNOWLEDGE and not (case.probe or "").endswith(NOT_OF_KNOWN_FACTS)
    return known and case.role == "evidence" and case.arm in arms and "-vs-" in case.method and bool(case.verdict)


def _values(cases: Mapping[tuple[object, ...], CaseRecord]) -> list[CaseRecord]:
    return sorted(cases.values(), key=lambda case: ARMS.index(case.arm) if case.arm else -1)


def _picture(cases: Sequence[CaseRecord]) -> Picture | None:
    shared = next((case for case in cases if case.arm == "shared-rate"), None)
    pairs = [pair for point in _by_rate(shared) if (pair := _marks(point))] if shared else []
    if shared is None or not pairs:
        return None
    left, right = zip(*pairs, strict=True)
    return Picture(
        shared.model, shared.dataset, shared.probe or "", side_names(shared), left, right, tuple(map(_standing, cases))
    )


def _by_rate(case: CaseRecord) -> list[PointRecord]:
    return sorted((one for one in case.points or () if one.rate is not None), key=lambda one: one.rate or 0.0)


def _standing(case: CaseRecord) -> Standing:
    state, words = stand(case)
    within = f", {WITHIN_A_RUN}" if case.along == "updates" else ""
    point = next((one for one in case.points or () if one.headline), None)
    rate = f" ({rates_in_words(point)})" if point else ""
    marks = _marks(point) if point else _equal_marks(case)
    return Standing(f"{WHERE[case.arm or '']}{within}{rate}", state, words, marks)


def _marks(point: PointRecord) -> tuple[Mark, Mark] | None:
    """Both sides of a point; none where a share is unknown."""
    if point.left is None or point.right is None or point.learned_left is None or point.learned_right is None:
        return None
    rates = [point.rate if point.rate is not None else own for own in (point.rate_left, point.rate_right)]
    left, right = (f"{rate:g}" if rate is not None else "" for rate in rates)
    return Mark(left, point.learned_left, point.left), Mark(right, point.learned_right, point.right)


def _equal_marks(case: CaseRecord) -> tuple[Mark, Mark] | None:
    """Where both sides were read at equal learning."""
    column = next((one for one in case.columns if one.name == case.deciding_column), None)
    share = case.learning.left if case.learning else None
    if column is None or column.left is None or column.right is None or share is None:
        return None
    return Mark("", share, column.left), Mark("", share, column.right)


def _effect(case: CaseRecord) -> str:
    values = (case.effect, case.ci_low, case.ci_high)
    if case.effect is None:
        return ""
    decimals = decimals_for(values)
    return f" ({signed(case.effect, decimals)} {interval(case.ci_low, case.ci_high, decimals)})".replace("-", "−")


def _shares(case: CaseRecord) -> str:
    shares = learned_shares(case)
    return f" ({shares})" if shares else ""


def describe(picture: Picture) -> str:
    """The numbers of a picture in words, for readers who cannot see it."""
    sides = zip(picture.names, (picture.left, picture.right), strict=True)
    return "; ".join(f"{name}: {_listed(marks)}" for name, marks in sides) + "."


def _listed(marks: Iterable[Mark]) -> str:
    return ", ".join(f"at {one.rate} learned {one.learned:.2f} and kept {one.kept:.2f}" for one in marks)
