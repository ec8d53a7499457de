"""The committed record, recorded verdicts and README belong together, and to the committed catalog."""

import re

import pytest

from itl_bench import expectations
from itl_bench.catalog import load_catalog, shipped
from itl_bench.claims import judge_case
from itl_bench.grid import build_grid
from itl_bench.record import load
from itl_bench.report import readme

TOP = shipped("cases").parent
RECORD = TOP / "reports" / "reference" / "published" / "record.json"

pytestmark = pytest.mark.skipif(not (TOP / "README.md").exists(), reason="only a checkout has the committed record")


def test_the_recorded_verdicts_are_those_of_the_record():
    assert expectations.load(shipped("cases") / "expected" / "published.yaml") == expectations.from_record(load(RECORD))


def test_the_readme_shows_the_record():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert readme.with_table(text, load(RECORD)) == text


def test_the_code_still_finds_what_the_record_says():
    catalog = load_catalog()
    recorded = {case.id: case for case in load(RECORD).cases}
    for case in build_grid(catalog):
        if case.evidence == "published":
            now, then = (one.model_dump() for one in (judge_case(case, catalog), recorded[case.id]))
            assert rounded(now) == rounded(then)


def rounded(data):
    """Nested data with its numbers to nine digits: the last ones may depend on a library's version."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rounded(value) for value in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data


def test_no_run_of_a_changed_checkout_is_a_reference():
    commit = load(RECORD).run.git
    assert commit is not None
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
