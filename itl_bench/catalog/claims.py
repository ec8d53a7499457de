"""Frozen, validated specs of claims: what is compared, by which measures, over which part of the grid."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from itl_bench.specs import Count, Margin, Spec, Text
from itl_bench.vocabulary import EQUAL_ARMS, NOT_TUNED, Along, Arm, Evidence, Expectation, Level, ReadOn, Role

Control = Literal["chance", "retriever", "early", "late", "original", "paraphrased"]
PublishedTable = Literal["aspect_scores", "task_scores", "token_shift", "sentence_start_kl", "other_figures"]
PublishedUnit = Literal["model-x-dataset-family", "cell", "size", "response-length", "proportion", "quantity", "text"]


class Side(Spec):
    """One side of a comparison: what is fixed there; what neither side fixes must be equal on both."""

    model: str | None = None
    method: str | None = None  # a method, "chat" (the vendor's) or "best" (the best tuned row, column by column)
    dataset: str | None = None
    size: Literal["largest", "smallest"] | None = None
    probe: str | None = None
    control: Control | None = None


READ_ON_A_TEXT = ("token-shift", "sentence-start")  # measures of the distributions along given answers
UNTUNED_ROWS = (*NOT_TUNED, "chat", "best")  # rows without a training of their own
RATE_ARMS: tuple[Arm, ...] = ("shared-rate", "fair")


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Compare(Spec):
    """Left minus right, or a trend of one measure over something."""

    left: Side | None = None
    right: Annotated[tuple[Side, ...], BeforeValidator(_one_or_several)] = ()  # each one is a comparison of its own
    over: Literal["size", "rank", "response-length", "log-kl"] | None = None
    within: Side = Side()
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)] = RATE_ARMS  # what both sides share
    along: Annotated[tuple[Along, ...], Field(min_length=1)] = ("rates",)  # where equal learning is looked for

    @model_validator(mode="after")
    def _pair_or_trend(self) -> Self:
        if (self.left is None) != (not self.right) or (self.left is None) == (self.over is None):
            raise ValueError("give 'left' and 'right' (a difference), or 'over' and optionally 'within' (a trend)")
        if self.left in self.right:
            raise ValueError("'left' and 'right' are the same; fix on each side what is compared")
        return self

    @model_validator(mode="after")
    def _trained_to_be_equal(self) -> Self:
        sides = [side for pair in self.pairs for side in pair]
        if set(self.arms) & set(EQUAL_ARMS) and (self.over or any(side.method in UNTUNED_ROWS for side in sides)):
            raise ValueError(f"the arms {' and '.join(EQUAL_ARMS)} are for a difference whose sides are both tuned")
        if "equal-loss" in self.arms and any(side != Side(method=side.method) or not side.method for side in sides):
            raise ValueError("the arm 'equal-loss' is for sides that fix a method and nothing else: one kind of loss")
        if "updates" in self.along and "equal-learning" not in self.arms:
            raise ValueError("'along' says where equal learning is looked for; add the arm 'equal-learning'")
        return self

    @property
    def pairs(self) -> tuple[tuple[Side, Side], ...]:
        """All (left, right) of a difference; empty for a trend."""
        return tuple((self.left, right) for right in self.right if self.left is not None)


class MeasureUse(Spec):
    """A measure as a claim uses it: where, which columns, and the smallest effect that would matter."""

    measure: str
    probes: Annotated[tuple[str, ...], Field(min_length=1)]
    columns: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    smallest_effect: Margin | dict[str, Margin]
    reason: Text


class PublishedUse(Spec):
    """How a claim is checked against the paper's own numbers."""

    unit: PublishedUnit
    table: PublishedTable | None = None
    measure: str | None = None
    models: tuple[str, ...] | None = None
    across_models: bool = False  # one more case over all models: about these models, not about models in general
    left: str | None = None  # cells of other_figures
    right: str | None = None
    quantity: str | None = None
    items: tuple[Count, Count] | None = None
    label: str | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        required: dict[str, tuple[str, ...]] = {
            "text": ("reason",),
            "quantity": ("table", "quantity", "left", "reason"),
            "proportion": ("table", "measure", "quantity", "left", "right", "items"),
        }
        missing = [name for name in required.get(self.unit, ("table", "measure")) if not getattr(self, name)]
        if missing:
            raise ValueError(f"unit {self.unit!r} needs {', '.join(missing)}")
        return self


class Axes(Spec):
    """Over which part of the grid a claim is asked."""

    model: Annotated[tuple[str, ...], Field(min_length=1)]  # levels or model ids
    dataset: Literal["all"] | tuple[str, ...] = "all"  # dataset names
    method: tuple[str, ...] | None = None  # methods asked one by one, where the sides fix none


class ClaimSpec(Spec):
    """A directional hypothesis about measures, with a smallest effect of interest."""

    id: Annotated[str, Field(pattern=r"^[A-Z]\d\d[a-z]?$")]
    statement: Text
    section: Text
    role: Role | dict[Level, Role] = "evidence"
    compare: Annotated[tuple[Compare, ...], Field(min_length=1)]
    expect: Expectation
    measures: Annotated[tuple[MeasureUse, ...], Field(min_length=1)]
    axes: Axes
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    published: tuple[PublishedUse, ...] = ()
    texts: tuple[ReadOn, ...] = ()  # whose answers token shifts are read on, one by one

    @model_validator(mode="after")
    def _evidence_is_declared(self) -> Self:
        if ("published" in self.evidence) != bool(self.published):
            there, lacking = ("evidence", "key") if self.published == () else ("key", "evidence")
            raise ValueError(f"the {there} 'published' needs the {lacking} 'published' too; add it, or remove both")
        trend = self.expect in ("rising", "falling")
        if trend and not all(compare.over for compare in self.compare):
            raise ValueError(f"expect {self.expect!r} is for a trend: give compare.over")
        return self

    @model_validator(mode="after")
    def _texts_of_shifts(self) -> Self:
        if self.texts and (others := {use.measure for use in self.measures} - set(READ_ON_A_TEXT)):
            accepted = " and ".join(READ_ON_A_TEXT)
            raise ValueError(f"'texts' goes with the measures {accepted}, not with {', '.join(sorted(others))}")
        return self

    def role_at(self, level: Level) -> Role:
        """The claim's role at a level: a claim may be true by construction in a world, and evidence elsewhere."""
        return self.role.get(level, "evidence") if isinstance(self.role, dict) else self.role


class HeadlineSpec(Spec):
    """The one comparison that a reader meets first: what it asks, and the cases that ask it, one for each arm."""

    says: Text  # completes "That ... is SUPPORTED"
    asks: Text  # what left minus right is, in words
    cases: Annotated[tuple[str, ...], Field(min_length=1)]  # case ids or patterns of them, as for fnmatch
    columns: tuple[str, ...] = ()  # shown instead of the deciding one, of cases that have it


class MechanismSpec(Spec):
    """One mechanism the paper proposes, and the condition under which it breaks."""

    id: Annotated[str, Field(pattern=r"^M\d$")]
    statement: Text
    breaks_if: Text
    cases: Annotated[tuple[str, ...], Field(min_length=1)]  # case ids or patterns of them, as for fnmatch
    headline: HeadlineSpec | None = None
