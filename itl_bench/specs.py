"""Frozen, validated specs of everything that `cases/` declares: unknown keys are rejected, vocabularies are closed."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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
Percent = Annotated[int, Field(ge=0, le=100), BeforeValidator(_no_boolean)]


class Spec(BaseModel):
    """Base of all specs: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    """A named selection of the grid; a pilot shows numbers and gives no verdict.

    Attributes:
        probes: What its measured cases ask; nothing for all probes.
    """

    id: Identifier
    title: Text
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    levels: tuple[MeasuredLevel, ...] = ()
    arms: tuple[Arm, ...] = ()
    probes: tuple[str, ...] = ()
    pilot: bool = False
