"""Rows of a JSON, JSON Lines, CSV or Parquet file, each perhaps gzipped: told by the content, not by the name."""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from itl_bench.data.sources.flags import speaks_of_loss
from itl_bench.data.sources.spec import extra
from itl_bench.errors import UsageError, short

Row = dict[str, object]
GZIP, PARQUET, BYTE_ORDER_MARK = b"\x1f\x8b", b"PAR1", "\ufeff"
MARKED_LINE = re.compile(f"^{BYTE_ORDER_MARK}+", re.MULTILINE)  # in the middle of a file where several were joined
NO_DATA = {
    b"version https://git-lfs": "a Git LFS pointer and not the data; run `git lfs pull` in its folder",
    b"<": "a web page or XML and not data; download the raw file",
    b"\xff\xfe": "UTF-16 text; save the file as UTF-8",
    b"\xfe\xff": "UTF-16 text; save the file as UTF-8",
    b"PK\x03\x04": "a zip archive; unpack it",
}


def read_rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """Read the rows of one file, one by one where the format allows it.

    Args:
        path: The file.
        columns: Fields that are needed; Parquet reads no others, but for those that speak of the loss.

    Raises:
        UsageError: The file is empty, damaged, cut off, not UTF-8, or in no format that is read here.
    """
    try:
        with path.open("rb") as file:
            content = _unpacked(file)
            try:
                yield from _rows(content, path, columns)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                place = f"after {content.tell():,} bytes of content"
                raise UsageError(f"{path}: the gzip file is damaged or cut off {place}; get it again") from error
    except OSError as error:
        raise UsageError(f"{path}: the file cannot be read: {error.strerror or error}") from error


def _unpacked(file: BinaryIO) -> io.BufferedReader:
    packed = file.read(2) == GZIP
    file.seek(0)
    return (
        io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file))) if packed else cast(io.BufferedReader, file)
    )


def _rows(file: io.BufferedReader, path: Path, columns: Collection[str]) -> Iterator[Row]:
    start = re.sub(rb"^(?:\xef\xbb\xbf|\s)+", b"", file.peek(4096))
    if start.startswith(PARQUET):
        return _parquet(file, path, columns)
    for mark, what in NO_DATA.items():
        if start.startswith(mark):
            raise UsageError(f"{path}: this is {what}")
    if start.startswith(b"["):
        return _json(file, path)
    if start.startswith(b"{"):
        return _json_lines(file, path)
    if not start:
        raise UsageError(f"{path}: the file is empty")
    return _csv(file, path)


def _decoded(data: bytes, path: Path, line: int = 1) -> str:
    """The text of bytes, without the byte order marks that begin a line."""
    try:
        return MARKED_LINE.sub("", data.decode())
    except UnicodeDecodeError as error:
        line += data[: error.start].count(b"\n")
        raise UsageError(
            f"{path}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x}); save the file as UTF-8"
        ) from error


class _RepeatedKeyError(ValueError):
    """An object holds a key twice: which value is meant, nobody can say."""


def _once(pairs: list[tuple[str, object]]) -> Row:
    names = [name.lstrip(BYTE_ORDER_MARK) for name, _ in pairs]
    found = dict(zip(names, (value for _, value in pairs), strict=True))
    if len(found) < len(pairs):
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return found


def _repeats_at(text: str) -> int:
    """Where in a JSON list, or before which object, the first row begins that holds a key twice."""
    decoder, at = json.JSONDecoder(object_pairs_hook=_once), 0
    while at < len(text):
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n,["))
        try:
            _, at = decoder.raw_decode(text, at)
        except ValueError:
            break
    return at


def _parsed(text: str, path: Path, line: int = 1) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _RepeatedKeyError as error:
        line += text.count("\n", 0, _repeats_at(text))
        raise UsageError(f"{path}:{line}: the key {error.args[0]!r} stands twice in one object; keep one") from None
    except json.JSONDecodeError as error:
        cut = "; the file seems to be cut off" if error.pos >= len(text.rstrip()) - 1 else ""
        place = f"{path}:{line + error.lineno - 1}:{error.colno}"
        raise UsageError(f"{place}: not valid JSON: {error.msg}{cut}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of brackets
        raise UsageError(f"{path}:{line}: not valid JSON: {error}") from error


def _json(file: io.BufferedReader, path: Path) -> Iterator[Row]:
    rows = _parsed(_decoded(file.read(), path), path)
    for number, row in enumerate(cast(list[object], rows)):
        yield _checked(row, f"{path}: row {number}")


def _json_lines(file: io.BufferedReader, path: Path) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):  # split at \n alone: text may hold other line separators
        text = _decoded(line, path, number)
        if text.strip() == "{":
            raise UsageError(
                f"{path}:{number}: an object over several lines; accepted: a JSON list, or one object a line"
            )
        if text.strip():
            yield _checked(_parsed(text, path, number), f"{path}:{number}")


def _checked(row: object, where: str) -> Row:
    if not isinstance(row, dict):
        raise UsageError(f"{where}: expected an object ({{field: value}}), found {short(row)}")
    return row


def _csv(file: io.BufferedReader, path: Path) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)  # the default refuses responses of more than 131,072 characters
    text = io.StringIO(_decoded(file.read(), path), newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = [name.lstrip(BYTE_ORDER_MARK) for name in next(reader)]
        if len(set(header)) < len(header) or not all(header):
            raise UsageError(f"{path}:1: the first line must name the columns, each once; found {short(header)}")
        for values in reader:
            if values and len(values) != len(header):
                raise UsageError(
                    f"{path}:{reader.line_num}: {len(values)} values in a row of {len(header)} columns; "
                    f"the first line must name the columns ({short(header)}), and values with commas stand in quotes"
                )
            if values == header:
                raise UsageError(f"{path}:{reader.line_num}: the names of the columns come again; remove the line")
            if values:
                yield dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: not valid CSV: {error}") from error


def _parquet(file: io.BufferedReader, path: Path, columns: Collection[str]) -> Iterator[Row]:
    arrow, parquet = extra("pyarrow"), extra("pyarrow.parquet")
    source = file if file.seekable() and not isinstance(file.raw, gzip.GzipFile) else io.BytesIO(file.read())
    try:
        table = parquet.ParquetFile(source)
        named = {name: name.lstrip(BYTE_ORDER_MARK) for name in table.schema_arrow.names}
        if twice := _repeated(table.schema_arrow):
            raise UsageError(f"{path}: the column {twice!r} stands twice; keep one")
        # Where a field is missing, all are read, so that the message can name them.
        every = not set(columns) <= {*named.values()}
        wanted = [name for name, seen in named.items() if every or seen in columns or speaks_of_loss(seen)]
        for batch in table.iter_batches(batch_size=1024, columns=wanted):
            yield from ({named[name]: value for name, value in row.items()} for row in batch.to_pylist())
    except (arrow.ArrowException, OSError) as error:
        raise UsageError(f"{path}: the Parquet file is damaged or cut off: {str(error).splitlines()[0]}") from error


def _repeated(fields: Any) -> str | None:  # noqa: ANN401  # a schema or a type of pyarrow
    """The first name that stands twice among fields, or inside one of them."""
    names = [field.name.lstrip(BYTE_ORDER_MARK) for field in fields]
    inside = (_repeated(list(kind)) for field in fields for kind in [_innermost(field.type)] if hasattr(kind, "names"))
    return next((name for name in names if names.count(name) > 1), None) or next(filter(None, inside), None)


def _innermost(kind: Any) -> Any:  # noqa: ANN401  # a type of pyarrow
    """What a list, or a map's values, are of, however deep."""
    while inner := getattr(kind, "value_type", None) or getattr(kind, "item_type", None):
        kind = inner
    return kind
