"""A judge: a model behind an OpenAI-compatible server that scores answers, what identifies its scores, its prices."""

from contextlib import suppress
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from itl_bench.specs import Count, Identifier, Spec, Text

LEDGER = "judgements.sqlite3"  # in the folder of the store: judgements, and the money that they cost

Outcome = Literal["score", "na", "refusal", "unparseable", "failed"]  # only the first is a number
OUTCOMES: tuple[Outcome, ...] = ("score", "na", "refusal", "unparseable", "failed")

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Prices(Spec):
    """What a judge's tokens cost.

    Attributes:
        input: US dollars per million tokens of the request.
        output: The same of the reply, its hidden reasoning included.
        batch: Share of both that a batch costs.
        dated: The day of the price list.
    """

    input: Dollars
    output: Dollars
    batch: Share = 0.5
    dated: date

    def dollars(self, sent: int, received: int, batch: bool = False) -> float:
        """What so many tokens cost."""
        return (sent * self.input + received * self.output) / 1e6 * (self.batch if batch else 1.0)


class Judge(Spec):
    """A pinned judge.

    Attributes:
        id: What records and keys call it.
        model: What the server calls it: a pinned id. A reply that names another one is an error of its request.
        base_url: Of the server.
        key: Name of the environment variable that holds the key; the key itself is nowhere else.
        prices: None where nothing is paid, as for a server of one's own.
        max_tokens: Most tokens of a reply, hidden reasoning included.
        temperature: Of its sampling.
        seed: Of its sampling, where the server has one.
        structured: Whether a JSON schema is asked for first; a server that refuses one is asked in plain.
        concurrency: Requests at the same time, at most.
        requests_per_minute: As the provider declares it; None where it is learned from its replies.
        tokens_per_minute: The same.
        timeout: Seconds that a reply may take.
        longest_answer: Characters of an answer that are shown; what is cut is counted.
        ceiling: Share of answers without a score, for whatever reason, above which a case gives no verdict.
        scripted: Whether its scores are planted: they are no evidence.
    """

    id: Identifier
    model: Text
    base_url: Text = "https://api.openai.com/v1"
    key: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] = "OPENAI_API_KEY"
    prices: Prices | None = None
    max_tokens: Count = 1024
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    seed: int | None = None
    structured: bool = True
    concurrency: Count = 16
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    timeout: Annotated[float, Field(gt=0)] = 120.0
    longest_answer: Count = 12_000
    ceiling: Share = 0.05
    scripted: bool = False

    @property
    def is_local(self) -> bool:
        """Whether its server is on this machine: it needs no key."""
        with suppress(ValueError):  # of an address that is none
            host = urlsplit(self.base_url).hostname or ""
            return host == "localhost" or ip_address(host).is_loopback
        return False

    @property
    def identity(self) -> dict[str, object]:
        """What its scores depend on: for keys. Where it is reached, how fast and at what price is no part of it."""
        names = {"id", "model", "max_tokens", "temperature", "seed", "structured", "longest_answer", "scripted"}
        return self.model_dump(include=names)

    def bound(self, sent: int, batch: bool = False) -> float:
        """The most that a request of so many tokens can cost, in US dollars; 0 where nothing is paid."""
        return self.prices.dollars(sent, self.max_tokens, batch) if self.prices else 0.0


class JudgedBy(Spec):
    """Who scores, and on whose account: what the stage of scores has to know beside what identifies them.

    Attributes:
        judge: That is asked.
        rubric: Id of what it is told.
        most: US dollars that the run may spend.
        run: Id of the run, whose account it is.
        ledger: The file with judgements and money.
    """

    judge: Judge
    rubric: Identifier
    most: Dollars
    run: str
    ledger: Path
