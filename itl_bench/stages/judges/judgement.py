"""What a judge is asked and what became of it: shared by the client, the ledger and whoever reads scores."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pydantic import Field

from itl_bench.measures.judge import Outcome
from itl_bench.specs import Spec


class Request(NamedTuple):
    """One thing to ask a judge.

    Attributes:
        key: Of the judgement: judge, rubric, sampling, prompt, answer and number of the repetition, hashed.
        text: The whole prompt of the rubric, the answer within its delimiters.
        columns: What is scored, in order.
        lowest: The lowest score of the scale.
        highest: The highest one.
    """

    key: str
    text: str
    columns: tuple[str, ...]
    lowest: int = 1
    highest: int = 5


class Usage(Spec):
    """Tokens of a request, as the server counts them."""

    sent: int = Field(ge=0)
    received: int = Field(ge=0)


class Judgement(Spec):
    """What a judge said of an answer.

    Attributes:
        outcome: Of the whole reply; `score` where at least one column has a number, `na` where every column is N/A.
        scores: Column -> number, or None where the judge says N/A; empty unless the outcome is `score` or `na`.
        reasons: Column -> the judge's reason: text from outside.
        usage: Of the reply that was taken; None where the server told none.
        dollars: All that was paid for it, attempts that failed included.
        attempts: Requests that were sent.
        detail: Why there is no score, in a line; text of the server in it is cut and holds no key.
    """

    outcome: Outcome
    scores: Mapping[str, float | None] = {}
    reasons: Mapping[str, str] = {}
    usage: Usage | None = None
    dollars: float = 0.0
    attempts: int = 1
    detail: str = ""


class Money(Protocol):
    """Holds a budget: what may be spent is reserved before it is."""

    def reserve(self, dollars: float, key: str) -> int:
        """Set aside the most that one request can cost.

        Returns:
            The number of the reservation.

        Raises:
            BudgetError: The budget does not hold it: nothing may be sent.
        """
        ...

    def settle(self, reservation: int, dollars: float, usage: Usage | None) -> None:
        """Put what it did cost in place of what was reserved; without usage the bound stays."""
        ...
