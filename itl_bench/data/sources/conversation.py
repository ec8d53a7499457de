"""A row as a conversation, whatever its shape; and a conversation as an item to tune on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from itl_bench.data.plain_text import is_blank
from itl_bench.data.rows import Exchange, Item
from itl_bench.data.sources.flags import refuse_flags
from itl_bench.data.sources.formats import Row
from itl_bench.data.sources.spec import FieldsSpec, missing_field
from itl_bench.errors import UsageError, short, unknown

Role = Literal["user", "assistant", "system"]
Flaw = Literal["not_user_first", "not_alternating", "unanswered", "empty_instructions", "empty_responses"]
ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "system": "system",
}


AROUND = re.compile(r"\A[\s\ufeff]+|[\s\ufeff]+\Z")
SHAPES = ("role", "from"), ("content", "value")  # of a message: who speaks, and what
# Of a message, beside its text: what a model is not tuned on here, and a reader of results should know of.
UNREAD = re.compile(r"reasoning|think|thought|tool|function|image|audio|video", re.IGNORECASE)


@dataclass(frozen=True)
class Turn:
    """One message of a conversation.

    Attributes:
        role: Who speaks.
        text: What.
        unread: Whether it holds reasoning, tool calls or media beside its text.
    """

    role: Role
    text: str
    unread: bool = False


@dataclass(frozen=True)
class Conversation:
    """What one row holds.

    Attributes:
        turns: Messages of user and assistant, in order.
        system: The system message; empty where there is none.
        context: What the last instruction is about, where the row has it in a field of its own.
    """

    turns: tuple[Turn, ...]
    system: str = ""
    context: str = ""


def read_conversation(row: Row, fields: FieldsSpec, where: str) -> Conversation:
    """Read a row; its text is kept as it is, but for white space around it and for line ends.

    Args:
        row: Field -> value.
        fields: Which fields mean what.
        where: File and row, for messages.

    Raises:
        UsageError: A field is missing, or holds something else than text or turns.
    """
    system = _optional(row, fields.system, where)
    if fields.messages:
        turns = list(_turns(_list(row, fields.messages, where), f"{where}: {fields.messages!r}"))
        if turns and turns[0].role == "system":
            first = turns.pop(0).text
            if system and first and first != system:
                raise UsageError(f"{where}: the field {fields.system!r} and the first message are two system messages")
            system = first or system
        return Conversation(tuple(turns), system)
    turns = [*_history(row, fields.history, where), Turn("user", _text(row, str(fields.asked), where))]
    if fields.answered:
        turns.append(Turn("assistant", _text(row, fields.answered, where)))
    context = _optional(row, fields.input, where)
    return Conversation(tuple(turns), system, "" if context in fields.no_input else context)


def answered(conversation: Conversation) -> Conversation:
    """The conversation up to its last response: a last message of the user is no exchange."""
    if conversation.turns and conversation.turns[-1].role == "user":
        return Conversation(conversation.turns[:-1], conversation.system, conversation.context)
    return conversation


def flaw(conversation: Conversation) -> Flaw | None:
    """Why a conversation is nothing to tune on; None where it is."""
    turns = conversation.turns
    if not any(turn.role == "assistant" for turn in turns):
        return "unanswered"
    if turns[0].role != "user":
        return "not_user_first"
    if [turn.role for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        return "not_alternating"
    if any(not turn.text.strip() for turn in turns if turn.role == "assistant"):
        return "empty_responses"
    asked = [turn.text for turn in turns if turn.role == "user"]
    asked[-1] += conversation.context
    return "empty_instructions" if not all(text.strip() for text in asked) else None


def as_item(conversation: Conversation, name: str) -> Item:
    """A conversation without flaw as an item.

    Args:
        conversation: User and assistant in turn, the assistant last.
        name: Id of the item.
    """
    texts = with_system(conversation)
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    history = tuple(Exchange(instruction=asked, response=given) for asked, given in pairs[:-1])
    instruction, response = pairs[-1]
    return Item(id=name, instruction=instruction, context=conversation.context, history=history, response=response)


def with_system(conversation: Conversation) -> list[str]:
    """The texts of all turns, a system message before the first, where chat templates without a system role put it."""
    texts = [turn.text for turn in conversation.turns]
    return [f"{conversation.system}\n\n{texts[0]}", *texts[1:]] if conversation.system else texts


def _turns(messages: list[object], where: str) -> Iterator[Turn]:
    for number, message in enumerate(messages):
        if isinstance(message, str):
            yield Turn("assistant" if number % 2 else "user", clean(message, where))
        elif isinstance(message, dict):
            yield _turn(message, f"{where}: message {number}")
        else:
            raise UsageError(f"{where}: message {number}: expected a message, found {short(message)}")


def _turn(message: dict[str, object], where: str) -> Turn:
    """A message of either shape; a table of both shapes fills the fields of the other with null."""
    given = {name: value for name, value in message.items() if value is not None}
    roles, texts = ([given[name] for name in names if name in given] for names in SHAPES)
    if not _one_text(roles) or not _one_text(texts):
        accepted = "{role, content}, {from, value} or text"
        raise UsageError(f"{where}: accepted is {accepted}; found {short(message)}")
    name, text = str(roles[0]), str(texts[0])
    if name.lower() not in ROLES:
        raise UsageError(f"{where}: {unknown('role', name, ROLES)}")
    role = ROLES[name.lower()]
    refuse_flags(given, role == "assistant", where)
    return Turn(role, clean(text, where), any(value and UNREAD.match(name) for name, value in given.items()))


def _one_text(values: list[object]) -> bool:
    return bool(values) and isinstance(values[0], str) and all(value == values[0] for value in values)


def _history(row: Row, field: str | None, where: str) -> Iterator[Turn]:
    if field is None or row.get(field) is None:
        return
    for pair in _list(row, field, where):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise UsageError(f"{where}: {field!r}: expected a list of [instruction, response], found {short(pair)}")
        asked, given = cast(list[str], pair)
        yield Turn("user", clean(asked, where))
        yield Turn("assistant", clean(given, where))


def _text(row: Row, field: str, where: str) -> str:
    if field not in row:
        raise missing_field(where, field, row)
    value = row[field]
    if not isinstance(value, str):
        raise UsageError(f"{where}: {field!r}: expected text, found {short(value)}")
    return clean(value, f"{where}: {field!r}")


def _optional(row: Row, field: str | None, where: str) -> str:
    return "" if field is None or row.get(field) is None else _text(row, field, where)


def _list(row: Row, field: str, where: str) -> list[object]:
    if field not in row:
        raise missing_field(where, field, row)
    value = row[field]
    if not isinstance(value, list):
        raise UsageError(f"{where}: {field!r}: expected a list, found {short(value)}")
    return value


def clean(text: str, where: str) -> str:
    r"""The text without white space and byte order marks around it, its lines ended by "\n"; empty if nothing is seen.

    Training and generation get the same text, whatever a template does with white space, and wherever a file was saved.

    Raises:
        UsageError: It holds half of a pair of surrogates (JSON's "\ud83d" alone), which cannot be written.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        broken = text[error.start].encode("ascii", "backslashreplace").decode()
        raise UsageError(f"{where}: {broken} is half a character (a lone surrogate); repair the file") from error
    return "" if is_blank(text) else AROUND.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
