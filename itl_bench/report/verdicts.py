"""What the families of each claim say: side by side on published evidence and on each kind of measured evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from itl_bench.record import CaseRecord, ClaimRecord, Record
from itl_bench.report.matrix import claim_key, is_own, statements
from itl_bench.report.wording import NOT_ASKED, NOT_RUN, evidence_in_words, on_single_runs, verdict_in_words
from itl_bench.vocabulary import ARMS, LEVELS, TEXTS, VERDICTS, Arm, Evidence, Level


@dataclass(frozen=True)
class MeasuredKind:
    """A kind of evidence that a run measured: every claim has one verdict on it."""

    evidence: Evidence
    level: Level
    arm: Arm | None

    def in_words(self) -> str:
        """For example "bios, shared-rate"; that it was measured goes without saying."""
        return evidence_in_words(self.evidence, self.level, self.arm).removeprefix("measured, ")

    def holds(self, family: ClaimRecord) -> bool:
        """Whether `family` is of this kind, on the text that heads its claim."""
        return heads(family) and (family.evidence, family.level, family.arm) == (self.evidence, self.level, self.arm)


@dataclass(frozen=True)
class SideVerdict:
    """What a claim's families say together on one kind of evidence."""

    word: str
    point: bool = False
    sanity: bool = False  # true by construction there: it counts in no summary

    def in_words(self) -> str:
        """The verdict, with what a reader must know of it in brackets."""
        marks = [name for name, holds in (("point", self.point), ("sanity", self.sanity)) if holds]
        return f"{self.word} ({', '.join(marks)})" if marks else self.word


@dataclass(frozen=True)
class ClaimVerdicts:
    """A claim's verdicts.

    Attributes:
        published: On published evidence; none where no family is declared.
        measured: On all measured evidence together; none where no family is declared.
        by_kind: On each kind of measured evidence, in the order of `measured_kinds`.
    """

    published: SideVerdict | None
    measured: SideVerdict | None
    by_kind: tuple[SideVerdict, ...]


@dataclass(frozen=True)
class Headline:
    """How many claims have which verdict: the paper's or our own, on one kind of evidence."""

    own: bool
    evidence: str
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    point: frozenset[str]

    @property
    def total(self) -> int:
        """How many claims have families of this kind."""
        return sum(len(claims) for _, claims in self.claims)

    def title(self) -> str:
        """Whose claims, and on what evidence."""
        whose = "Claims asked by us" if self.own else "The paper's claims"
        return f"{whose}, on {self.evidence} evidence"

    def on_single_runs(self, claims: Iterable[str]) -> str:
        """How many of `claims` rest on comparisons of single runs; nothing where none does."""
        many = len(self.point.intersection(claims))
        return f"{many} on single runs only" if many else ""

    def in_words(self) -> str:
        """The headline as one sentence."""
        points = ((word, claims, self.on_single_runs(claims)) for word, claims in self.claims)
        parts = [f"{len(claims)} {word}" + (f" ({point})" if point else "") for word, claims, point in points]
        return f"{self.title()}: {', '.join(parts)}"


def families(record: Record) -> tuple[ClaimRecord, ...]:
    """The claim families in reading order: claim, evidence before sanity, level, arm, own text before common."""

    def key(family: ClaimRecord) -> tuple[object, ...]:
        text = TEXTS.index(family.text) if family.text else 0
        return claim_key(family.id), family.role == "sanity", LEVELS.index(family.level), _place(family.arm), text

    return tuple(sorted(record.claims, key=key))


def heads(one: ClaimRecord | CaseRecord) -> bool:
    """Whether it counts in the columns of its claim: on the base's answers, or within a run, it stands beside."""
    return one.text != "common" and one.along != "updates"


def measured_kinds(record: Record) -> tuple[MeasuredKind, ...]:
    """The kinds of measured evidence of which any family has a member with a verdict, sanity left out."""
    with_verdict = [one for one in families(record) if one.role == "evidence" and one.missing < one.members]
    kinds = {MeasuredKind(one.evidence, one.level, one.arm) for one in with_verdict if one.evidence != "published"}
    return tuple(sorted(kinds, key=lambda kind: (LEVELS.index(kind.level), str(kind.evidence), _place(kind.arm))))


def claim_verdicts(record: Record) -> dict[str, ClaimVerdicts]:
    """Claim id -> its verdicts; a sanity family speaks only where the claim has no other, and is marked."""
    kinds = measured_kinds(record)
    found = {}
    for claim in statements(record):
        chosen = [one for one in families(record) if one.id == claim]
        evidence = [one for one in chosen if one.role == "evidence"]
        found[claim] = ClaimVerdicts(
            _side([one for one in evidence if one.evidence == "published"]),
            _side([one for one in evidence if one.evidence != "published" and heads(one)]),
            tuple(measured_verdict([one for one in chosen if kind.holds(one)]) for kind in kinds),
        )
    return found


def measured_verdict(chosen: Iterable[ClaimRecord]) -> SideVerdict:
    """What the families of one claim say; "not asked" where there is none, marked where only sanity has a verdict."""
    declared = tuple(chosen)
    if not declared:
        return SideVerdict(NOT_ASKED)
    evidence = [one for one in declared if one.role == "evidence"]
    sanity = [one for one in declared if one.role == "sanity" and one.missing < one.members]
    if sanity and all(one.missing == one.members for one in evidence):
        return SideVerdict(verdict_in_words(sanity, with_basis=False), sanity=True)
    return _side(evidence) or SideVerdict(NOT_RUN)


def headlines(record: Record) -> tuple[Headline, ...]:
    """The paper's claims and then ours, on published and (once a family has a verdict) on measured evidence."""
    verdicts = claim_verdicts(record)
    found = []
    for own in (False, True):
        chosen = {claim: sides for claim, sides in verdicts.items() if is_own(claim) == own}
        published = {claim: sides.published for claim, sides in chosen.items() if sides.published}
        measured = {claim: sides.measured for claim, sides in chosen.items() if sides.measured}
        found += [_headline(own, "published", published), _headline(own, "measured", measured)]
    decided = any(one.verdict for one in record.claims if (one.evidence != "published", one.role) == (True, "evidence"))
    return tuple(one for one in found if one.total and (one.evidence == "published" or decided))


def _place(arm: Arm | None) -> int:
    return ARMS.index(arm) if arm else -1


def _side(chosen: list[ClaimRecord]) -> SideVerdict | None:
    if not chosen:
        return None
    word = verdict_in_words(chosen, with_basis=False)
    return SideVerdict(word, word in VERDICTS and on_single_runs(chosen))


def _headline(own: bool, evidence: str, sides: Mapping[str, SideVerdict]) -> Headline:
    words = dict.fromkeys((*VERDICTS, *(side.word for side in sides.values())))
    claims = tuple((word, tuple(claim for claim, side in sides.items() if side.word == word)) for word in words)
    return Headline(own, evidence, claims, frozenset(claim for claim, side in sides.items() if side.point))
