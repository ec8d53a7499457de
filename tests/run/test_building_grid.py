"""What cases need, over the grid that ships: none of them stops the others."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from itl_bench.catalog.grid.build import build_grid, in_profile
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError
from itl_bench.plan.runnable import why_not
from itl_bench.run.building import Built, work_of, work_of_case
from itl_bench.run.deciding import measured_verdict
from itl_bench.store.store import Store

BROKEN = "bios-new30-short"


@cache
def catalog():
    return load_catalog()


@cache
def measured():
    return [case for case in build_grid(catalog()) if case.evidence == "measured"]


@pytest.mark.parametrize("name", sorted(load_catalog().profiles))
def test_the_tasks_of_every_case_that_ships_can_be_made_or_it_is_said_why_not(name):
    profile = catalog().profiles[name]
    for case in (one for one in measured() if in_profile(one, profile, catalog())):
        if not work_of_case(case, catalog(), profile, Path("no-store")).targets:
            assert why_not(case, catalog(), profile, Path("no-store"))


@pytest.fixture
def mistaken(tmp_path):
    """The catalog with one entry that claims to come from a file, and is asked about the facts that it teaches."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "Say yes.", "output": "Yes."}\n', encoding="utf-8")
    source = SourceSpec(path=str(path), fields={"prompt": "instruction", "response": "output"})
    name = catalog().dataset_of(BROKEN).name
    entry = catalog().datasets[name].model_copy(update={"bios": None, "rows_from": (source,)})
    return replace(catalog(), datasets={**catalog().datasets, name: entry})


def test_one_broken_entry_costs_the_cases_that_cannot_use_it_and_no_other(mistaken, tmp_path):
    profile = mistaken.profiles["embedded"]
    cases = [case for case in measured() if in_profile(case, profile, mistaken) and case.level == "bios"]
    sound, broken = [], []
    for case in cases:
        try:
            sound += work_of_case(case, mistaken, profile, tmp_path).targets
        except UsageError:
            broken.append(case)
    assert broken
    assert sound
    work = work_of(cases, mistaken, profile, tmp_path)
    assert work.targets == tuple(dict.fromkeys(sound))
    assert work.problems == (f"UsageError: dataset {BROKEN!r} is none of the bios world",)
    assert {task.key for task in work.needed()} == {task.key for task in work.tasks}
    for case in broken:
        with pytest.raises(UsageError, match=f"^dataset {BROKEN!r} is none of the bios world$"):
            measured_verdict(case, mistaken, profile, Store(tmp_path / "store"), "run", Built())
