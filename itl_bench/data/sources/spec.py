"""Where rows come from, and which of their fields mean what."""

import importlib
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from itl_bench.errors import UsageError, unknown
from itl_bench.specs import Count, Spec, Text

Names = tuple[Text, ...]


class FieldsSpec(Spec):
    """Which fields of a row hold what: either `instruction` (or `prompt`) and the like, or `messages`.

    Attributes:
        instruction: What is asked.
        input: What the instruction is about, where it stands apart: Alpaca's "input", Dolly's "context".
        no_input: Texts that say that there is no input, as "<noinput>"; they are read as an empty input.
        output: The response; a probe needs none.
        prompt: Another word for `instruction`.
        response: Another word for `output`.
        history: Earlier exchanges: a list of [instruction, response].
        messages: A whole conversation: a list of {role, content}, of {from, value}, or of texts, the user's first.
        system: A system message beside the conversation.
        groups: Fields that sort prompts into groups: true or false, a text, a number, or a list of texts.
    """

    instruction: Text | None = None
    input: Text | None = None
    no_input: Names = ()
    output: Text | None = None
    prompt: Text | None = None
    response: Text | None = None
    history: Text | None = None
    messages: Text | None = None
    system: Text | None = None
    groups: Names = ()

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.instruction and self.prompt:
            raise ValueError("give either 'instruction' or 'prompt', they mean the same")
        if self.output and self.response:
            raise ValueError("give either 'output' or 'response', they mean the same")
        if bool(self.messages) == bool(self.asked):
            raise ValueError("give either 'messages', or 'instruction' (with 'output', and 'input' where there is one)")
        if self.messages and (self.answered or self.input or self.history):
            raise ValueError("'messages' holds the whole conversation: 'input', 'output' and 'history' go without it")
        if self.no_input and not self.input:
            raise ValueError("'no_input' says which inputs are none: give 'input' too")
        return self

    @property
    def asked(self) -> str | None:
        """The field of the instruction."""
        return self.instruction or self.prompt

    @property
    def answered(self) -> str | None:
        """The field of the response."""
        return self.output or self.response

    @property
    def required(self) -> tuple[str, ...]:
        """Fields that every row must have."""
        return tuple(name for name in (self.asked, self.answered, self.messages, *self.groups) if name)

    @property
    def optional(self) -> tuple[str, ...]:
        """Fields that a row may go without, but not all rows."""
        return tuple(name for name in (self.input, self.history, self.system) if name)


class SourceSpec(Spec):
    """Where the rows of a dataset or of a probe come from; a local copy goes before the hub.

    Attributes:
        hub: Id of a dataset on the hub.
        revision: Commit of the hub's dataset; a branch moves, and the report says so.
        files: Names or globs within the hub's dataset, or within `path` where that is a folder; read in order of name.
        path: Local file or folder; a relative one is looked up in $ITL_DATA_DIR, then beside the file that declares it.
        where: Field -> value that a row must have to be read, as {category: regular}.
        fields: Which fields of a row mean what.
        rows: Rows of the complete dataset (after `where`); another count is an error, unless `partial`.
        partial: The copy is known to be incomplete: another count is a note in the report.
        drop_duplicates: Keep the first of equal rows alone. Otherwise all are kept: a dataset is tuned on as published.
        sha256: Of the content, as the report prints it: the same for all formats of the same rows in the same order.
        licence: Terms of the data.
    """

    hub: Annotated[str, Field(pattern=r"^[\w.\-]+(/[\w.\-]+)?$")] | None = None
    revision: Text | None = None
    files: Names = ()
    path: Text | None = None
    where: dict[str, str | bool | int] = Field(default_factory=dict)
    fields: FieldsSpec
    rows: Count | None = None
    partial: bool = False
    drop_duplicates: bool = False
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    licence: Text = "not stated"

    @property
    def columns(self) -> frozenset[str]:
        """All fields that are read."""
        return frozenset((*self.fields.required, *self.fields.optional, *self.where))

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if not self.hub and not self.path:
            raise ValueError("give 'path' (a local file or folder), 'hub' (a dataset's id), or both")
        if self.hub and not self.revision:
            raise ValueError(
                "'hub' needs 'revision': the commit (40 hexadecimal digits) that the dataset's page lists under 'Files'"
            )
        if self.hub and not self.files:
            raise ValueError("'hub' needs 'files': names or globs of the files to read, as [data/train-*]")
        if self.revision and not self.hub:
            raise ValueError("'revision' is the commit of a dataset on the hub: give 'hub' too")
        if self.partial and not self.rows:
            raise ValueError("'partial' needs 'rows': the rows of the complete dataset")
        for name in self.files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"'files' are inside the dataset: {name!r} leads out of it")
        return self


class MissingDatasetError(UsageError):
    """The data are not on this machine and cannot be had from here; the message holds the command that gets them."""


def extra(module: str) -> Any:  # noqa: ANN401  # a module that is only there where its extra is installed
    """Import a module of the optional extra `data`.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise UsageError(f"{package} is not installed; it comes with: pip install 'itl_bench[data]'") from error


def missing_field(where: str, field: str, found: Collection[str]) -> UsageError:
    """A field that no row, or not this row has: which ones there are, and the nearest."""
    return UsageError(f"{where}: {unknown('field', field, map(str, found))} (the fields that the rows have)")


class RowsFrom(Spec):
    """Where this machine finds the rows of a dataset or of a probe: the first of several places that has them."""

    sources: tuple[SourceSpec, ...]
