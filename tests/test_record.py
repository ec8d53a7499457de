import json

import jsonschema
import pytest
from pydantic import ValidationError

from itl_bench.errors import UsageError
from itl_bench.files import write_atomically
from itl_bench.record import SCHEMA_FILE, CaseRecord, Record, dump, load, schema
from tests.helpers.plain_record import CASE, FULL


def test_what_is_written_is_read_again_with_empty_fields_too(tmp_path):
    record = Record.model_validate(FULL)
    write_atomically(tmp_path / "record.json", dump(record))
    assert load(tmp_path / "record.json") == record


def test_the_committed_schema_is_that_of_the_models():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema()


def test_a_record_fits_the_committed_schema():
    text = dump(Record.model_validate(FULL))
    jsonschema.validate(json.loads(text), json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_of_a_record_is_finite(value):
    with pytest.raises(ValidationError):
        CaseRecord.model_validate({**CASE, "effect": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no readable JSON"),
        ("[]", "schema version None"),
        (json.dumps({**FULL, "schema_version": 99}), "schema version 99"),
        (json.dumps({**FULL, "schema_version": 1, "cases": [{**CASE, "verdict": "MAYBE"}]}), "cases.0.verdict"),
        (json.dumps({**FULL, "schema_version": 1, "run": {}}), "run.id"),
        (json.dumps({**FULL, "schema_version": 1, "extra": 1}), "extra"),
        (json.dumps({**FULL, "schema_version": 1, "cases": [{**CASE, "effect": float("nan")}]}), "cases.0.effect"),
    ],
)
def test_a_broken_record_is_one_clear_message(tmp_path, text, message):
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load(path)


def test_a_missing_record_says_what_writes_one(tmp_path):
    with pytest.raises(UsageError, match="pytest benchmark/ writes one"):
        load(tmp_path / "record.json")


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
