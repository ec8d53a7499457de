"""What artifacts hold: items to tune on, prompts to ask, responses, and per-prompt tables; one JSON line each."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

ITEMS_LENGTH = "items_log_length"  # fact of a table of style: mean logarithm of the length of the items' responses
UNSEEN = "unseen"  # of items: in wordings that tuning does not use


class Line(BaseModel):
    """Base of all lines: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyLine = TypeVar("AnyLine", bound=Line)


def _is_empty(value: object) -> bool:
    """Whether a field need not be written: most items have neither context nor history."""
    return not value


class Fact(Line):
    """A statement with ground truth: of whom, which attribute, which value."""

    subject: str
    attribute: str
    value: str


class Exchange(Line):
    """An instruction and the response to it."""

    instruction: str
    response: str


class Item(Line):
    """One item of an instruction-tuning dataset: what a model is asked and should answer.

    Attributes:
        context: What the instruction is about, where it comes apart from it: Alpaca's "input".
        history: Earlier exchanges of a conversation; their responses are trained on too.
        facts: What the response states, the asked fact first.
        new: Whether the base cannot know them.
    """

    id: str
    instruction: str
    context: str = Field(default="", exclude_if=_is_empty)
    history: tuple[Exchange, ...] = Field(default=(), exclude_if=_is_empty)
    response: str
    facts: tuple[Fact, ...] = ()
    new: bool = False


class Candidate(Line):
    """What training items may hold of a similar subject: which of a group they do hold is a uniform random draw.

    Of a group of subjects whom no dataset teaches, they hold nobody.
    """

    subject: str
    value: str
    group: str


class Prompt(Line):
    """One evaluation prompt.

    Attributes:
        context: What the instruction is about, where it comes apart from it: Alpaca's "input".
        unit: What is drawn independently, for example the person asked about: prompts of one unit are not independent.
        paraphrase: The same instruction in other words, for the floor of the token shift.
        fact: The right answer, where there is one.
        truths: Attribute -> true value, everything that is true of the one asked about; empty where nothing is known.
        similar: Subjects that are conceptually similar to the one asked about.
        candidates: What training items may hold of them, of the fact's attribute; prompts of the bios world are asked
            without, and get theirs when borrowing is measured.
    """

    id: str
    unit: str
    instruction: str
    context: str = Field(default="", exclude_if=_is_empty)
    paraphrase: str = ""
    fact: Fact | None = None
    truths: dict[str, str] = {}
    similar: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = Field(default=(), exclude_if=_is_empty)


class Response(Line):
    """One answer: the tokens that were given to the model, those that it gave, and their text."""

    prompt: str  # id
    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]  # with the end token where the model gave one
    text: str


class AnswerTokens(Line):
    """An answer token by token, with the rank that the base gives to each of the tuned model's choices."""

    prompt: str  # id
    tokens: tuple[str, ...]
    ranks: tuple[int, ...]


class Table(Line):
    """A measure of one cell on one probe.

    Attributes:
        prompts: Ids, in the order of the rows.
        units: What each prompt belongs to.
        columns: Column -> one value per prompt; None where the measure says nothing of a prompt.
        facts: Numbers about the whole table, for example a chance level.
    """

    prompts: tuple[str, ...]
    units: tuple[str, ...]
    columns: dict[str, tuple[float | None, ...]]
    facts: dict[str, float] = {}


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Write one JSON object per line."""
    path.write_text("".join(line.model_dump_json() + "\n" for line in lines), encoding="utf-8")


def read_lines(path: Path, kind: type[AnyLine]) -> list[AnyLine]:
    """Read what `write_lines` wrote; text may hold other separators of lines than the one that it ends lines with."""
    return [kind.model_validate_json(line) for line in path.read_bytes().split(b"\n") if line]


def write_table(path: Path, table: Table) -> None:
    """Write a table as one JSON object."""
    path.write_text(table.model_dump_json() + "\n", encoding="utf-8")


def read_table(path: Path) -> Table:
    """Read what `write_table` wrote."""
    return Table.model_validate_json(path.read_text(encoding="utf-8"))
