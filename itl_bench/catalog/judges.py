"""What `cases/judges.yaml` declares, and what a run decides of the judge that it asks."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from itl_bench.measures.judge import LEDGER, Judge
from itl_bench.specs import Identifier, Margin, Spec, Text

TYPICAL_SENT, TYPICAL_RECEIVED = 1000, 400  # tokens: a just-eval prompt with its answer, and five scores with reasons


class JudgeSpec(Judge):
    """A pinned judge, and, where it is known, how its scores of single answers spread.

    Attributes:
        title: For a reader.
        spread_table: File with scores of single answers.
        spread_source: Whose answers those are.
    """

    title: Text
    spread_table: Text | None = None
    spread_source: Text | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.spread_table is None) != (self.spread_source is None):
            raise ValueError("'spread_table' and 'spread_source' belong together; give both or none")
        return self

    @property
    def dollars_per_answer(self) -> float:
        """A rough price of one scored answer, for plans."""
        return self.prices.dollars(TYPICAL_SENT, TYPICAL_RECEIVED) if self.prices else 0.0

    @property
    def asked(self) -> Judge:
        """The judge alone."""
        return Judge.model_validate(self.model_dump(include=set(Judge.model_fields)))


class Judging(Spec):
    """What a run decides once of the judge that it asks.

    Attributes:
        judge: Id of the judge; None for the first one that is declared, the paper's.
        most: US dollars that the run may spend.
        run: Id of the run, whose account it is.
        ledger: The file with judgements and money.
    """

    judge: Identifier | None = None
    most: Annotated[Margin, Field(ge=0)] = 0.0
    run: str = ""
    ledger: Path = Path(LEDGER)


NOTHING_PAID = Judging()
