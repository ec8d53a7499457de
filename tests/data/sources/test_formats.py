"""Rows from files of every format, told by content; ugly files end in one clear line."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.sources.formats import read_rows
from itl_bench.errors import UsageError

ROWS = [
    {"instruction": "Say \u2028 hi, \u0085 é", "input": "", "output": 'He said "hi",\nthen 🙂 left.'},
    {"instruction": "Again", "input": "<x>", "output": "x" * 200_000},  # longer than the csv module's default limit
]


def as_json(rows):
    return json.dumps(rows, ensure_ascii=False).encode()


def as_lines(rows):
    return "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def as_csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows):
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(rows), buffer := io.BytesIO())
    return buffer.getvalue()


WRITERS = [as_json, as_lines, as_csv, as_parquet]


def read(path, columns=()):
    return list(read_rows(path, columns))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("write", WRITERS)
def test_every_format_gives_the_same_rows_whatever_the_name(tmp_path, write, packed):
    path = tmp_path / "rows.txt"
    content = write(ROWS)
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read(path, ["instruction", "input", "output"]) == ROWS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text(min_size=1)}), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert read(path) == rows


def test_a_byte_order_mark_is_no_content(tmp_path):
    for number, write in enumerate((as_json, as_lines, as_csv)):
        path = tmp_path / str(number)
        path.write_bytes(b"\xef\xbb\xbf" + write(ROWS))
        assert read(path) == ROWS


MARK = "\ufeff"


def test_a_byte_order_mark_where_files_were_joined_is_no_content(tmp_path):
    one, other = ({"a": "b", "c": "d, e"}, {"a": "f", "c": MARK})
    lines = (json.dumps(row, ensure_ascii=False) for row in (one, other))
    joined = {
        "lines": f"{MARK}\n".join(f"{MARK}{MARK}{line}\r\n" for line in lines),
        "json": f'{MARK}[\n{MARK}{{"a": "b", "c": "d, e"}},\n{MARK}{{"a": "f", "c": "{MARK}"}}]',
        "csv": f'{MARK}a,c\n{MARK}"b","d, e"\n{MARK}f,{MARK}\n',
    }
    for name, content in joined.items():
        path = tmp_path / name
        path.write_bytes(content.encode())
        assert read(path) == [one, other], name
        path.write_bytes(gzip.compress(content.encode()))
        assert read(path) == [one, other], name


@pytest.mark.parametrize("write", WRITERS)
def test_a_byte_order_mark_in_a_name_is_no_part_of_it(tmp_path, write):
    path = tmp_path / "rows"
    path.write_bytes(write([{"a": "1", f"{MARK}b": "2"}]))
    assert read(path, ["a", "b"]) == [{"a": "1", "b": "2"}]


def test_parquet_reads_the_asked_columns_and_names_all_where_one_is_missing(tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(as_parquet([{"a": "1", "b": [{"role": "user", "content": "hi"}], "c": None}]))
    assert read(path, ["b"]) == [{"b": [{"role": "user", "content": "hi"}]}]
    assert list(read(path, ["output"])[0]) == ["a", "b", "c"]


GOOD = as_lines(ROWS)
UGLY = [
    (b"", "the file is empty"),
    (b"  \n\n", "the file is empty"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
    (b"<!doctype html><title>Log in", "a web page"),
    ('[{"a": "b"}]'.encode("utf-16"), "UTF-16"),
    (b'[{"a": "b"}, {"a": "c', r":1:20: not valid JSON: Unterminated string"),
    (b'[{"a": "b"},\n {"a": "b"}', r":2:12: not valid JSON: Expecting ',' delimiter; the file seems to be cut off"),
    (b'{"a": "b"}\n{"a": ', r":2:7: not valid JSON: Expecting value; the file seems to be cut off"),
    (b'{\n  "a": [{"b": "c"}]\n}', ":1: an object over several lines"),
    (b'{"a": "b"}\n["a"]', r":2: expected an object \(\{field: value\}\), found \['a'\]"),
    (b'["a"]', "row 0: expected an object"),
    (b"[" * 100_000, "not valid JSON"),
    (b'[{"a": ' + b"1" * 5000 + b"}]", "not valid JSON"),
    (b'{"a": "b"}\n{"a": "\xe9"}', r":2: not UTF-8 text \(byte 0xe9\)"),
    (b'[\n\n{"a": "\xff"}]', r":3: not UTF-8 text \(byte 0xff\)"),
    (b"a,b\n1,2\n1,2,3\n", r":3: 3 values in a row of 2 columns"),
    (b"a,a\n1,2\n", ":1: the first line must name the columns"),
    (b'a,b\n1,"2\n', "not valid CSV"),
    (gzip.compress(GOOD)[:-100], "the gzip file is damaged or cut off after [0-9,]+ bytes"),
    (gzip.compress(GOOD)[:40] + b"\0" * 40, "the gzip file is damaged or cut off after 0 bytes"),
    (b'{"a": "b"}\n{"a": "b", "a": "c"}', ":2: the key 'a' stands twice in one object; keep one"),
    (b'{"a": [{"b": 1}, {"c": {"d": 1, "e": 2, "d": 1}}]}', ":1: the key 'd' stands twice"),
    (b'[{"a": "b"},\n\n {"a": "b",\n "c": 1, "c": 1}]', ":3: the key 'c' stands twice"),
    (b'[{"a": {"b": [{"c": 1, "c": 2}]}}]', ":1: the key 'c' stands twice"),
    (gzip.compress(b'{"a": "b"}\n{"a": {"b": [{"c": 1, "c": 1}]}}'), ":2: the key 'c' stands twice"),
    ('{"a": "b", "\ufeffa": "c"}'.encode(), ":1: the key 'a' stands twice"),
    ("a,\ufeffa\n1,2\n".encode(), ":1: the first line must name the columns, each once"),
    ("a,b\n1,2\n\ufeffa,b\n3,4\n".encode(), ":3: the names of the columns come again; remove the line"),
    (b"PAR1 and no more", "the Parquet file is damaged or cut off"),
]


@pytest.mark.parametrize(("content", "message"), UGLY, ids=[message[:40] for _, message in UGLY])
def test_ugly_files_end_in_one_line_with_the_place(tmp_path, content, message):
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    path = tmp_path / "ugly.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def twice_in_parquet(where):
    """A column, or a field of its rows, that stands twice."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    text = arrow.string()
    inner = arrow.struct([("role", text), ("role" if where != "column" else "content", text)])
    lists = {"list": arrow.list_(inner), "deeper": arrow.list_(arrow.list_(inner)), "map": arrow.map_(text, inner)}
    kind = ({"column": text, "struct": inner} | lists)[where]
    names = ["a", "a" if where == "column" else "b"]
    fields = [arrow.field(name, kind) for name in names]
    table = arrow.Table.from_arrays([arrow.nulls(2, kind) for _ in names], schema=arrow.schema(fields))
    written = io.BytesIO()
    parquet.write_table(table, written)
    return written.getvalue()


@pytest.mark.parametrize("where", ["column", "struct", "list", "deeper", "map"])
def test_a_column_of_parquet_that_stands_twice_is_named(tmp_path, where):
    name = "a" if where == "column" else "role"
    path = tmp_path / "rows"
    path.write_bytes(twice_in_parquet(where))
    with pytest.raises(UsageError, match=f"the column '{name}' stands twice; keep one"):
        read(path)


@given(
    st.recursive(st.integers(), lambda some: st.lists(some) | st.dictionaries(st.text(max_size=2), some), max_leaves=12)
)
def test_json_whose_keys_are_single_is_read_as_json_is(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("rows") / "rows"
    path.write_text(json.dumps([{"a": value}]), encoding="utf-8")
    assert read(path) == [{"a": value}]


def test_parquet_without_pyarrow_names_the_command(tmp_path, monkeypatch):
    path = tmp_path / "rows"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pyarrow is not installed; it comes with: pip install 'itl_bench\[data\]'"):
        read(path)
