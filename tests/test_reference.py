"""The committed record, recorded verdicts and README belong together, and to the committed catalog."""

import re
from pathlib import Path

import pytest

from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.loading import load_catalog, shipped
from itl_bench.plan import graph as tasks
from itl_bench.plan.runnable import why_not
from itl_bench.record import load
from itl_bench.report import readme
from itl_bench.run.building import work_of
from itl_bench.run.commands import reference
from itl_bench.run.recording import expectations
from itl_bench.verdicts.published import published_verdict
from tests.helpers.tiny import SHIPPED_ANSWER_TOKENS

TOP = shipped("cases").parent
REFERENCE = TOP / "reports" / "reference"
MEASURED = [name for name in reference.PROFILES[1:] if (REFERENCE / name).exists()]

pytestmark = pytest.mark.skipif(not (TOP / "README.md").exists(), reason="only a checkout has the committed record")


def record_of(profile):
    return load(REFERENCE / profile / "record.json")


@pytest.mark.parametrize("name", ["published", *MEASURED, "small"])
def test_the_recorded_verdicts_are_those_of_the_record(name):
    record = record_of(name)
    assert expectations.load(shipped("cases") / "expected" / f"{name}.yaml") == expectations.from_record(record)


def test_the_readme_shows_the_record():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    pilot = [load(path) for path in REFERENCE.glob("small-quick/record.json")]
    record = load(reference.shown_in_readme(REFERENCE))
    assert readme.with_story(readme.with_table(text, record, *pilot), reference.asked_today(record)) == text


def looks_at(table):
    """Cells of one replicate, those of a run that is looked at on its way included."""
    on_the_way = sum(
        len(table.stops(dataset, method)) - 1 for dataset, method, rate in table.trained() if rate == table.headline
    )
    return len(table.trained()) + (on_the_way if table.headline else 0)


@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_record_is_of_the_declared_cells(name, monkeypatch):
    """Of every case that the profile asks and this version measures, with every cell that is declared for it."""
    monkeypatch.setattr(tasks, "MAX_NEW_TOKENS", SHIPPED_ANSWER_TOKENS)  # other tests want short answers
    catalog, record = load_catalog(), record_of(name)
    profile = find_profile(catalog, name)
    cases = [case for case in build_grid(catalog) if in_profile(case, profile, catalog)]
    assert {case.id for case in record.cases} == {case.id for case in cases}
    measured = [
        case
        for case in cases
        if case.evidence == "measured" and why_not(case, catalog, profile, Path("no-store")) is None
    ]
    needed = work_of(measured, catalog, profile, Path("no-store")).needed()
    assert {task.key for task in needed} == {artifact.key for artifact in record.artifacts}
    tables = [table for table in catalog.cells.values() if table.profile == name]
    cells = [artifact for artifact in record.artifacts if artifact.kind == "checkpoint"]
    assert len(cells) <= sum(looks_at(table) * len(table.bases) * len(table.seeds) for table in tables)
    assert {one.spec["dataset"] for one in cells} == {one[0] for table in tables for one in table.trained()}
    decided = {case.id for case in record.cases if case.verdict and case.evidence == "measured"}
    assert decided == {case.id for case in measured}


def test_the_code_still_finds_what_the_record_says():
    catalog = load_catalog()
    recorded = {case.id: case for case in record_of("published").cases}
    for case in build_grid(catalog):
        if case.evidence == "published":
            now, then = (one.model_dump() for one in (published_verdict(case, catalog), recorded[case.id]))
            assert rounded(now) == rounded(then)


def rounded(data):
    """Nested data with its numbers to nine digits: the last ones may depend on a library's version."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rounded(value) for value in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data


@pytest.mark.parametrize("name", ["published", *MEASURED, "small", "small-quick"])
def test_no_run_of_a_changed_checkout_is_a_reference(name):
    commit = record_of(name).run.git
    assert commit is not None
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
