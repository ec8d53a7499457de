"""Every profile that trains cells can be decided to its end: its own table of cells, on the tiny world."""

from pathlib import Path

import pytest

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid
from itl_bench.plan.runnable import why_not
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import tiny_profiles

CATALOG = tiny_profiles()
PROFILES = sorted({table.profile for table in CATALOG.cells.values() if table.model == "bios1m"})


def runnable(profile):
    """The measured cases that the profile asks and that its cells answer."""
    asked = [
        case
        for case in build_grid(CATALOG)
        if case.evidence == "measured" and case.level in (profile.levels or [case.level]) and case.arm in profile.arms
    ]
    return [case for case in asked if why_not(case, CATALOG, profile, Path("no-store")) is None]


@pytest.mark.parametrize("name", PROFILES)
def test_every_case_of_a_profile_gets_a_verdict(name, build):
    profile = CATALOG.profiles[name]
    cases = runnable(profile)
    assert cases
    store, _ = build(cases, CATALOG, profile)
    for case in cases:
        record = verdict_from_store(case, CATALOG, profile, store)
        assert record.id == case.id
        assert record.reason
        table = cell_table(case, CATALOG, profile)
        assert case.over or record.n_replicates == len(table.bases) * len(table.seeds)


def test_two_cells_a_side_are_no_trend(bases):
    """X01 is a slope over cells: two methods at one rate have no spread to fit one on."""
    asked = {name: {case.claim.id for case in runnable(CATALOG.profiles[name])} for name in ("smoke", "embedded")}
    assert "X01" not in asked["smoke"]
    assert "X01" in asked["embedded"]
    assert asked["smoke"]
