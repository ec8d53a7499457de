"""From a declared source to items to tune on, or to prompts to ask; nothing is left out without being counted."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

from itl_bench.data.rows import Item, Prompt
from itl_bench.data.sources.conversation import answered, as_item, flaw, read_conversation, with_system
from itl_bench.data.sources.flags import refuse_flags
from itl_bench.data.sources.formats import Row, read_rows
from itl_bench.data.sources.overlap import question
from itl_bench.data.sources.places import Found, find_files
from itl_bench.data.sources.report import LoadReport, Tally
from itl_bench.data.sources.spec import MissingDatasetError, SourceSpec, missing_field
from itl_bench.errors import UsageError, short

Sources = SourceSpec | Sequence[SourceSpec]
READING = 2  # raised when the same files give other items or prompts
WHOLE = 0.03  # a size that differs from the rows that were read by no more than this share means all of them


@dataclass(frozen=True)
class LoadedItems:
    """A dataset, in the order of its rows, and what loading found."""

    items: tuple[Item, ...]
    report: LoadReport


@dataclass(frozen=True)
class LoadedPrompts:
    """A probe, in the order of its rows, its groups (name -> ids of prompts), and what loading found."""

    prompts: tuple[Prompt, ...]
    groups: dict[str, tuple[str, ...]]
    report: LoadReport


def load_items(dataset: str, sources: Sources, beside: Path | None = None, download: bool = True) -> LoadedItems:
    """Read an instruction-tuning dataset.

    The id of an item is the dataset's name and the number of its row: from 0, and rows that are left out count too.

    Args:
        dataset: Name, the start of all ids.
        sources: Where the rows come from; the first of several that is there.
        beside: Folder of the file that declares the source.
        download: Whether the hub may be asked.

    Raises:
        MissingDatasetError: The data are not here; the message says how to get them.
        UsageError: They cannot be read, or are not what the source declares.
    """
    source, found = first_found(dataset, sources, beside, download)
    if not (source.fields.messages or source.fields.answered):
        raise UsageError(f"{dataset}: 'fields' names no 'output': a dataset to tune on has responses")
    tally, items = Tally(), []
    for number, where, row in _rows(source, found, tally):
        refuse_flags({name: value for name, value in row.items() if name not in source.columns}, True, where)
        whole = read_conversation(row, source.fields, where)
        conversation = answered(whole)
        if reason := flaw(conversation):
            tally.counts[reason] += 1
            continue
        item = as_item(conversation, f"{dataset}-{number}")
        if tally.keeps(item, source.drop_duplicates):
            items.append(item)
            tally.counts["cut_ends"] += conversation is not whole
            tally.counts["system_messages"] += bool(conversation.system)
            tally.counts["unread_parts"] += any(turn.unread for turn in conversation.turns)
    return LoadedItems(tuple(items), tally.report(dataset, source, found))


def load_prompts(probe: str, sources: Sources, beside: Path | None = None, download: bool = True) -> LoadedPrompts:
    """Read the prompts of a probe, and the groups that they belong to.

    Prompts that ask the same, in whatever spelling (`question`), are one unit: no two observations.

    Args:
        probe: Name, the start of all ids.
        sources: Where the rows come from; the first of several that is there.
        beside: Folder of the file that declares the source.
        download: Whether the hub may be asked.

    Raises:
        MissingDatasetError: The data are not here; the message says how to get them.
        UsageError: They cannot be read, are not what the source declares, or a row is not one instruction.
    """
    source, found = first_found(probe, sources, beside, download)
    tally, prompts, units = Tally(), [], dict[tuple[str, ...], str]()
    groups: dict[str, list[str]] = {}
    for number, where, row in _rows(source, found, tally):
        prompt = _prompt(row, source, where, f"{probe}-{number}")
        if tally.keeps(prompt, source.drop_duplicates):
            prompts.append(prompt.model_copy(update={"unit": units.setdefault(question(prompt), prompt.id)}))
            for group in _groups(row, source.fields.groups, where):
                groups.setdefault(group, []).append(prompt.id)
    report = tally.report(probe, source, found)
    return LoadedPrompts(tuple(prompts), {name: tuple(ids) for name, ids in sorted(groups.items())}, report)


def first_found(
    dataset: str, sources: Sources, beside: Path | None = None, download: bool = True
) -> tuple[SourceSpec, Found]:
    """The first source whose files are there.

    Complete sources go before partial ones, and among each those on this machine before a download: no partial copy
    takes the place of data that can be had.

    Raises:
        MissingDatasetError: None is; the message has a line for each.
    """
    every = [sources] if isinstance(sources, SourceSpec) else list(sources)
    asks = (False, True) if download else (False,)
    ranked = sorted(range(len(every)), key=lambda number: every[number].partial)
    problems: dict[int, str] = {}
    for _, group in groupby(ranked, key=lambda number: every[number].partial):
        for ask, number in product(asks, tuple(group)):
            try:
                return every[number], find_files(dataset, every[number], beside, ask)
            except MissingDatasetError as error:
                problems[number] = str(error)
    raise MissingDatasetError("\n".join(problems[number] for number in sorted(problems)))


def subset(items: Sequence[Item], rows: int, seed: int) -> tuple[Item, ...]:
    """A random sample without replacement, in the items' order; it holds every smaller sample of the same seed.

    Args:
        items: What is drawn from.
        rows: How many are drawn.
        seed: Seed of the draw. Whether an item is drawn before another depends on it and on their ids alone.

    Raises:
        UsageError: There are fewer items.
    """
    if not 0 < rows <= len(items):
        raise UsageError(f"{rows:,} rows are asked for, 1 to {len(items):,} can be drawn")

    def rank(position: int) -> bytes:
        return hashlib.sha256(f"{seed} {items[position].id}".encode()).digest()

    return tuple(items[position] for position in sorted(sorted(range(len(items)), key=rank)[:rows]))


def drawn(loaded: LoadedItems, rows: int, seed: int) -> tuple[Item, ...]:
    """The items of a size: a random sample, or all of them where the size is about as many rows as were read.

    Raises:
        UsageError: There are fewer.
    """
    read = loaded.report.rows
    return loaded.items if abs(rows - read) <= WHOLE * read else subset(loaded.items, rows, seed)


def _rows(source: SourceSpec, found: Found, tally: Tally) -> Iterator[tuple[int, str, Row]]:
    """Rows that are asked for: number, place for messages, fields."""
    fields, seen = source.fields, set[str]()
    number, names = 0, list[str]()
    for path in found.files:
        for row in read_rows(path, source.columns):
            where = f"{path}: row {number}"
            for name in (*fields.required, *source.where):
                if name not in row:
                    raise missing_field(where, name, row)
            seen.update(name for name in fields.optional if name in row)
            names = names or list(row)
            if all(row[name] == value for name, value in source.where.items()):
                tally.counts["rows"] += 1
                yield number, where, row
            number += 1
    for name in set(fields.optional) - seen if number else ():
        raise missing_field(", ".join(map(str, found.files)), name, names)


def _prompt(row: Row, source: SourceSpec, where: str, name: str) -> Prompt:
    conversation = read_conversation(row, source.fields, where)
    roles = [turn.role for turn in conversation.turns]
    if roles not in (["user"], ["user", "assistant"]):
        raise UsageError(f"{where}: a prompt is one instruction, found a conversation of {len(roles)} messages")
    text = with_system(conversation)[0]
    if not (text + conversation.context).strip():
        raise UsageError(f"{where}: the prompt is empty")
    return Prompt(id=name, unit=name, instruction=text, context=conversation.context)


def _groups(row: Row, fields: Sequence[str], where: str) -> Iterator[str]:
    for field in fields:
        value = row[field]
        if isinstance(value, bool):
            yield from [field] if value else []
        elif isinstance(value, str | int):
            yield f"{field}-{value}"
        elif isinstance(value, list) and all(isinstance(name, str) for name in value):
            yield from dict.fromkeys(value)
        elif value is not None:
            raise UsageError(
                f"{where}: {field!r}: a group is true or false, a text, or a list of texts; found {short(value)}"
            )
