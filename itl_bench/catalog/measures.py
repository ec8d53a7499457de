"""What `cases/measures.yaml` and `cases/judges.yaml` declare."""

from typing import Annotated, Literal

from pydantic import Field

from itl_bench.specs import Identifier, Margin, Spec, Text


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
