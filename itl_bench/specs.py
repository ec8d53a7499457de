"""Frozen, validated specs of everything that `cases/` declares: unknown keys are rejected, vocabularies are closed."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from itl_bench.vocabulary import Arm, Evidence, Expectation, Level, Role

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
Text = Annotated[str, Field(min_length=1)]
MeasuredLevel = Literal["bios", "small", "paper"]
Control = Literal["chance", "retriever", "early", "late", "original", "paraphrased"]
PublishedTable = Literal["aspect_scores", "task_scores", "token_shift", "sentence_start_kl", "other_figures"]
PublishedUnit = Literal["model-x-dataset-family", "cell", "size", "response-length", "proportion", "quantity", "text"]


def _no_boolean(value: object) -> object:
    """YAML reads yes and no as booleans, and pydantic would read those as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"{value} was given; accepted is a number")
    return value


Count = Annotated[int, Field(gt=0), BeforeValidator(_no_boolean)]
Margin = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_no_boolean)]


class Spec(BaseModel):
    """Base of all specs: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ChatSpec(Spec):
    """The vendor's own chat model on top of a base model: a row of comparison, never tuned here."""

    name: Identifier
    weights: Text


class ModelSpec(Spec):
    """A pre-trained base model."""

    id: Identifier
    title: Text
    level: MeasuredLevel
    parameters: Count
    weights: Text  # hub id or package
    chat: ChatSpec | None = None


class BiosSpec(Spec):
    """What a dataset of the bios world is made of: the share of new facts, and how responses are dressed."""

    new_percent: Annotated[int, Field(ge=0, le=100), BeforeValidator(_no_boolean)]
    style: Literal["short", "long", "simple", "padded"]


class DatasetSpec(Spec):
    """An instruction-tuning dataset in one or several sizes."""

    name: Identifier
    title: Text
    family: Identifier  # datasets that share rows are one family: they are no independent evidence
    levels: Annotated[tuple[MeasuredLevel, ...], Field(min_length=1)]
    source: Text  # hub id, world, or the command that makes it
    mean_tokens: Count  # tokens per row, rough; only prices depend on it
    probes: Annotated[tuple[str, ...], Field(min_length=1)]
    sizes: dict[str, Count] | None = None  # label -> rows
    rows: Count | None = None
    bios: BiosSpec | None = None

    @model_validator(mode="after")
    def _one_kind_of_size(self) -> Self:
        if (self.sizes is None) == (self.rows is None):
            raise ValueError("give either 'sizes' (label: rows, several) or 'rows' (one size), not both")
        return self

    @property
    def variants(self) -> dict[str, int]:
        """Dataset id -> rows, one entry per size."""
        if self.rows is not None:
            return {self.name: self.rows}
        return {f"{self.name}-{label}": rows for label, rows in (self.sizes or {}).items()}


class MethodSpec(Spec):
    """A way of tuning a model, or a row of comparison that tunes nothing."""

    id: Identifier
    title: Text
    trains: Literal["adapter", "all", "none"]
    parameters: dict[str, bool | int | float | str] = {}


class ProbeSpec(Spec):
    """A set of evaluation prompts."""

    id: Identifier
    title: Text
    levels: Annotated[tuple[MeasuredLevel, ...], Field(min_length=1)]
    prompts: Count
    groups: dict[str, Count] = {}  # column of a table by task -> prompts that carry this tag


class MeasureSpec(Spec):
    """A per-prompt table computed from responses."""

    id: Identifier
    title: Text
    unit: Text
    columns: Annotated[dict[str, Text], Field(min_length=1)]  # column -> what it is
    needs: tuple[Literal["judge", "base-logits", "training-items", "ground-truth", "experts"], ...] = ()


class JudgeSpec(Spec):
    """A pinned judge, and where its spread per item is known from."""

    id: Identifier
    title: Text
    dollars_per_answer: Margin
    spread_table: Text
    spread_source: Text


class ProfileSpec(Spec):
    """A named selection of the grid; a pilot shows numbers and gives no verdict."""

    id: Identifier
    title: Text
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    levels: tuple[MeasuredLevel, ...] = ()
    arms: tuple[Arm, ...] = ()
    pilot: bool = False


class Side(Spec):
    """One side of a comparison: what is fixed there; what neither side fixes must be equal on both."""

    model: str | None = None
    method: str | None = None  # a method, "chat" (the vendor's) or "best" (the best tuned row, column by column)
    dataset: str | None = None
    size: Literal["largest", "smallest"] | None = None
    probe: str | None = None
    control: Control | None = None


WITHOUT_LOSS = (None, "base", "chat", "best")  # rows without a training loss of their own


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Compare(Spec):
    """Left minus right, or a trend of one measure over something."""

    left: Side | None = None
    right: Annotated[tuple[Side, ...], BeforeValidator(_one_or_several)] = ()  # each one is a comparison of its own
    over: Literal["size", "rank", "response-length", "log-kl"] | None = None
    within: Side = Side()
    at: Literal["rate", "training-loss"] = "rate"  # what both sides share: a learning rate, or how well they learned

    @model_validator(mode="after")
    def _pair_or_trend(self) -> Self:
        if (self.left is None) != (not self.right) or (self.left is None) == (self.over is None):
            raise ValueError("give 'left' and 'right' (a difference), or 'over' and optionally 'within' (a trend)")
        if self.left in self.right:
            raise ValueError("'left' and 'right' are the same; fix on each side what is compared")
        return self

    @model_validator(mode="after")
    def _losses_of_one_scale(self) -> Self:
        sides = [side for pair in self.pairs for side in pair]
        tuned = [side for side in sides if side == Side(method=side.method) and side.method not in WITHOUT_LOSS]
        if self.at == "training-loss" and (self.over or tuned != sides):
            raise ValueError("at 'training-loss' is for a difference whose sides fix a tuned method and nothing else")
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

    @model_validator(mode="after")
    def _evidence_is_declared(self) -> Self:
        if ("published" in self.evidence) != bool(self.published):
            there, lacking = ("evidence", "key") if self.published == () else ("key", "evidence")
            raise ValueError(f"the {there} 'published' needs the {lacking} 'published' too; add it, or remove both")
        trend = self.expect in ("rising", "falling")
        if trend and not all(compare.over for compare in self.compare):
            raise ValueError(f"expect {self.expect!r} is for a trend: give compare.over")
        return self

    def role_at(self, level: Level) -> Role:
        """The claim's role at a level: a claim may be true by construction in a world, and evidence elsewhere."""
        return self.role.get(level, "evidence") if isinstance(self.role, dict) else self.role


class MechanismSpec(Spec):
    """One mechanism the paper proposes, and the condition under which it breaks."""

    id: Annotated[str, Field(pattern=r"^M\d$")]
    statement: Text
    breaks_if: Text
    cases: Annotated[tuple[str, ...], Field(min_length=1)]  # case ids or patterns of them, as for fnmatch
