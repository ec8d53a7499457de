"""The table as a file, as text, and as it ships."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from itl_bench.data.atlas import familiarity_table as tables
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.familiarity_table import (
    FactRow,
    FamiliarityTable,
    Provenance,
    read_familiarity,
    shipped_familiarity,
    table_file,
    write_familiarity,
)
from itl_bench.data.atlas.few_shots import PROMPTS
from itl_bench.errors import UsageError
from itl_bench.stages.familiarity.stage import declared_table

PROVENANCE = Provenance(
    files={"model.safetensors": "00"}, atlas=1, prompts="11", seed=1, temperature=0.5, made_with={"torch": "2"}
)


def row(fact, greedy, *sampled):
    relation = fact.split("/")[0]
    return FactRow(fact=fact, relation=relation, greedy=greedy, sampled=sampled)


TABLE = FamiliarityTable(
    provenance=PROVENANCE,
    rows=(
        row("capital/FR", 1.0, 0.9, 0.8), row("capital/TV", 0.0, 0.0, 0.0), row("symbol/He", 0.5, 0.5, 0.4),
        row("symbol/W", 0.0, 0.3, 0.4), row("symbol/Og", 0.0, 0.0, 0.0), row("symbol/Ts", 0.0, 0.0, 1e-8),
    ),
)  # fmt: skip


def test_classes():
    assert TABLE.classes == {
        "capital/FR": "highly-known", "capital/TV": "unknown", "symbol/He": "maybe-known", "symbol/W": "weakly-known",
        "symbol/Og": "unknown", "symbol/Ts": "unknown",
    }  # fmt: skip


def test_summary():
    assert [line.split() for line in TABLE.summary().splitlines()] == [
        ["relation", "highly-known", "maybe-known", "weakly-known", "unknown", "all"],
        ["capital", "1", "0", "0", "1", "2"],
        ["symbol", "0", "1", "1", "2", "4"],
        ["all", "1", "1", "1", "3", "6"],
    ]
    assert len({len(line) for line in TABLE.summary().splitlines()}) == 1


def test_file_and_back(tmp_path):
    path = tmp_path / "new" / "table.jsonl"
    write_familiarity(path, TABLE)
    assert read_familiarity(path) == TABLE
    assert len(path.read_text().splitlines()) == 1 + len(TABLE.rows)


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_any_numbers_come_back(greedy, sampled):
    one = row("capital/FR", greedy, *sampled)
    assert FactRow.model_validate_json(one.model_dump_json()) == one


def test_the_class_of_a_row_follows_from_its_numbers():
    assert FactRow(fact="a/b", relation="a", greedy=0.0, sampled=(0.0,)).familiarity == "unknown"
    assert FactRow(fact="a/b", relation="a", greedy=1.0, sampled=(0.0,)).familiarity == "highly-known"


def test_a_table_of_other_facts_or_prompts_is_refused(tmp_path):
    path = tmp_path / "table.jsonl"
    write_familiarity(path, TABLE)
    with pytest.raises(UsageError, match=r"is of other facts or prompts .*make it again"):
        declared_table(path, load_atlas())


def test_a_table_is_named_by_the_package_or_by_a_path(tmp_path):
    path = tmp_path / "own.jsonl"
    write_familiarity(path, TABLE)
    assert table_file(str(path)) == path
    assert table_file("gemma270m").parent == tables.FOLDER
    with pytest.raises(UsageError, match="did you mean 'gemma270m'"):
        table_file("gemma270")
    with pytest.raises(UsageError, match="unknown table"):
        table_file(str(tmp_path))


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_no_shares(value):
    with pytest.raises(ValidationError):
        row("a/b", value, 0.5)
    with pytest.raises(ValidationError):
        row("a/b", 0.5, value)


@pytest.mark.parametrize("text", ["", "\n", "{}", "[1]\n", "\x00", PROVENANCE.model_dump_json() + "\n{}\n"])
def test_files_that_are_no_tables(tmp_path, text):
    path = tmp_path / "table.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="holds no table of familiarity"):
        read_familiarity(path)


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match="itl-bench atlas familiarity MODEL_FOLDER"):
        read_familiarity(tmp_path / "none.jsonl")


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="holds no table"):
        read_familiarity(path)


def test_unknown_model():
    with pytest.raises(UsageError, match="did you mean 'gemma270m'"):
        shipped_familiarity("gemma-270m")
    with pytest.raises(UsageError, match="unknown table of familiarity"):
        shipped_familiarity("../../secrets")


@pytest.mark.parametrize("model", [path.stem for path in tables.FOLDER.glob("*.jsonl")])
def test_shipped_tables_are_of_the_shipped_facts(model):
    table, atlas = declared_table(table_file(model), load_atlas()), load_atlas()
    assert table.provenance.atlas == atlas.version
    assert {row.fact: row.relation for row in table.rows} == {fact.id: fact.relation for fact in atlas.facts}
    assert len(table.rows) == len(atlas.facts)
    assert all(len(row.sampled) == PROMPTS for row in table.rows)
