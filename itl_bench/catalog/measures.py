"""What `cases/measures.yaml` declares."""

from typing import Annotated, Self, get_args

from pydantic import Field, model_validator

from itl_bench.errors import unknown
from itl_bench.measures.registry import NOT_COMPUTED, OF_ANSWERS, READ_BY, Measure, Need, own_measure
from itl_bench.specs import Code, Identifier, Margin, Spec, Text


class MeasureSpec(Spec):
    """A per-prompt table computed from responses.

    Attributes:
        columns: Column -> what it is.
        needs: Beside prompts and responses.
        table: A table that ships here and has the columns; for the id of a measure that ships it is that one's.
        function: "module:function" that makes the table, in place of one that ships.
        seconds: That the function takes for a tiny model; it orders the work.
    """

    id: Identifier
    title: Text
    unit: Text
    columns: Annotated[dict[str, Text], Field(min_length=1)]
    needs: tuple[Need, ...] = ()
    table: Text | None = None
    function: Code | None = None
    seconds: Margin = 0.5

    @model_validator(mode="before")
    @classmethod
    def _shipped_table(cls, given: object) -> object:
        if isinstance(given, dict) and "function" not in given and (table := READ_BY.get(str(given.get("id")))):
            return {"table": table} | given
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.table is not None and self.table not in OF_ANSWERS:
            raise ValueError(unknown("table", self.table, OF_ANSWERS))
        if self.table is not None and self.function is not None:
            raise ValueError("give either 'table' (one that ships here) or 'function' (your own), not both")
        if self.function is not None and (wrong := set(self.needs) & set(NOT_COMPUTED)):
            accepted = ", ".join(sorted(set(get_args(Need)) - set(NOT_COMPUTED)))
            raise ValueError(f"'needs': no function is given {' or '.join(sorted(wrong))}; accepted: {accepted}")
        return self

    @property
    def is_computed(self) -> bool:
        """Whether its table is made here."""
        return self.function is not None or self.table is not None

    @property
    def computed(self) -> Measure | None:
        """How its table is made; None where nothing here makes it.

        Raises:
            UsageError: The source of its function was not found.
        """
        if self.function is not None:
            return own_measure(self.id, self.function, self.needs, self.seconds)
        return OF_ANSWERS[self.table] if self.table is not None else None
