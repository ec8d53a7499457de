"""Frozen, validated specs of everything that `cases/` declares: unknown keys are rejected, vocabularies are closed."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from itl_bench.vocabulary import Arm, Evidence

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
Text = Annotated[str, Field(min_length=1)]
MeasuredLevel = Literal["bios", "small", "paper"]


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
