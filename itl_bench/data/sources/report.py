"""What loading found: every row is either in the result or counted among those that are not."""

import hashlib
import json
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from itl_bench.data.rows import Item, Prompt
from itl_bench.data.sources.places import Found
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError


@dataclass(frozen=True)
class LoadReport:
    """Counts of one load.

    Attributes:
        dataset: Name of the dataset or probe.
        origin: "local", or the hub's id and commit.
        rows: Rows read, those alone that `where` asks for.
        kept: Items or prompts given.
        duplicates: Rows equal to an earlier one in instruction, input, response and history, in any Unicode form.
        duplicates_dropped: Duplicates left out, because the source declares it.
        empty_responses: Rows left out because a response is empty.
        empty_instructions: Rows left out because they ask nothing.
        unanswered: Conversations left out because they hold no response.
        not_user_first: Conversations left out because somebody else than the user begins.
        not_alternating: Conversations left out because user and assistant do not take turns.
        cut_ends: Conversations kept without their last message, which has no response.
        system_messages: Conversations kept whose system message stands before the first instruction.
        unread_parts: Conversations kept whose messages hold reasoning, tool calls or media, which are not read.
        sha256: Of the content, in order: equal rows give equal digests, whatever the format.
        notes: What a reader of results should know, as a partial copy.
    """

    dataset: str
    origin: str
    rows: int
    kept: int
    sha256: str
    duplicates: int = 0
    duplicates_dropped: int = 0
    empty_responses: int = 0
    empty_instructions: int = 0
    unanswered: int = 0
    not_user_first: int = 0
    not_alternating: int = 0
    cut_ends: int = 0
    system_messages: int = 0
    unread_parts: int = 0
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, int]:
        """All counts, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}


@dataclass
class Tally:
    """Counts while rows are read."""

    counts: Counter[str] = field(default_factory=Counter)
    seen: set[bytes] = field(default_factory=set)  # digests: a dataset's texts are hundreds of megabytes
    content: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def keeps(self, line: Item | Prompt, drop_duplicates: bool) -> bool:
        """Count an item or a prompt as kept or as a duplicate, and add it to the digest if it is kept."""
        digest = _digest(line)
        self.counts["duplicates"] += digest in self.seen
        if drop_duplicates and digest in self.seen:
            self.counts["duplicates_dropped"] += 1
            return False
        self.seen.add(digest)
        self.content.update(canonical_text(line))
        self.counts["kept"] += 1
        return True

    def report(self, dataset: str, source: SourceSpec, found: Found) -> LoadReport:
        """The report of a finished load.

        Raises:
            UsageError: No row was kept, or count or content are not those that the source declares.
        """
        digest = self.content.hexdigest()
        notes = tuple(_notes(dataset, source, self.counts, found))
        if source.sha256 and source.sha256 != digest:
            raise UsageError(
                f"{dataset}: the content has sha256 {digest}, declared is {source.sha256} (of the rows' text in order, "
                "not of the file); get the declared version, or declare this one"
            )
        return LoadReport(dataset, found.origin, sha256=digest, notes=notes, **_complete(self.counts))


def canonical_text(line: Item | Prompt) -> bytes:
    """What an item or a prompt says, without its id, as one line of JSON."""
    parts = [line.instruction, line.context]
    if isinstance(line, Item):
        parts += [line.response, *(text for one in line.history for text in (one.instruction, one.response))]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _digest(line: Item | Prompt) -> bytes:
    """The same for a text in each of its Unicode forms."""
    text = unicodedata.normalize("NFC", canonical_text(line).decode())
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _complete(counts: Counter[str]) -> dict[str, int]:
    return {"rows": counts["rows"], "kept": counts["kept"], **counts}


def _notes(dataset: str, source: SourceSpec, counts: Counter[str], found: Found) -> list[str]:
    rows = counts["rows"]
    if not rows and source.where:
        raise UsageError(f"{dataset}: no row has {_wanted(source)}")
    if not rows:
        raise UsageError(f"{dataset}: the dataset is empty: no rows in {', '.join(map(str, found.files))}")
    if not counts["kept"]:
        left = ", ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in counts.items() if name != "rows")
        raise UsageError(f"{dataset}: none of {rows:,} rows can be used ({left})")
    notes = []
    if source.rows not in (None, rows):
        if not source.partial:
            raise UsageError(
                f"{dataset}: {rows:,} rows were read, declared are {source.rows:,}; get the complete dataset, "
                "correct 'rows', or declare 'partial: true'"
            )
        notes.append(f"a partial copy: {rows:,} of {source.rows:,} rows")
    if found.origin != "local" and source.revision not in (None, found.origin.rpartition("@")[2]):
        notes.append(f"the revision {source.revision!r} moves: {found.origin} was read")
    return notes


def _wanted(source: SourceSpec) -> str:
    return " and ".join(f"{name} = {value!r}" for name, value in source.where.items())
