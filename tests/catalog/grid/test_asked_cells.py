"""Cells are declared before they are trained: mistakes are one line, and a profile holds the cases of its cells."""

import pytest

from itl_bench.catalog.grid.asked_cells import cell_table, common_rates, common_stops, has_cells, trend_cells
from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import UsageError

GOOD = """
- id: embedded
  profile: embedded
  model: bios1m
  arm: shared-rate
  bases: [1, 2]
  seeds: [1]
  headline: 0.003
  reason: some
  cells:
    - {datasets: [bios-new30-short], methods: [lora, full], rates: [0.001, 0.003]}
"""


FAIR = """
- id: bios-full-fair
  profile: bios-full
  model: bios1m
  arm: fair
  bases: [1, 2]
  seeds: [1]
  sweep_seeds: [2]
  reason: some
  cells:
    - {datasets: [bios-new30-short], methods: [lora], rates: [0.001, 0.003, 0.01]}
    - {datasets: [bios-new30-short], methods: [full], rates: [0.0001, 0.0003, 0.001]}
"""


def own(tmp_path, text):
    (tmp_path / "cells.yaml").write_text(text, encoding="utf-8")
    return load_catalog(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("bios-new30-short", "bios-new30-shirt", ["cells.0.datasets", "'bios-new30-shirt'", "'bios-new30-short'"]),
        ("[lora, full]", "[lora, base]", ["cells.0.methods", "unknown method that trains 'base'"]),
        ("[lora, full]", "[lora, lora]", ["is declared twice"]),
        ("headline: 0.003", "headline: 0.01", ["headline rate 0.01 is no rate of any cell"]),
        ("profile: embedded", "profile: embeded", ["unknown profile 'embeded'", "'embedded'"]),
        ("model: bios1m", "model: bios2m", ["unknown model 'bios2m'", "'bios1m'"]),
        ("bases: [1, 2]", "bases: [0]", ["bases.0", "0"]),
        ("seeds: [1]", "seeds: []", ["seeds"]),
        ("arm: shared-rate", "arm: shared", ["'shared'", "'shared-rate'"]),
        ("reason: some", "reazon: some", ["reazon"]),
        ("arm: shared-rate", "arm: equal-loss", ["'equal-loss' reads the cells of the arm 'shared-rate'"]),
        ("[0.001, 0.003]}", "[0.001, 0.003], stopped_after: [1.5]}", ["cells.0.stopped_after.0", "1.5"]),
        (
            "[0.001, 0.003]}",
            "[0.003]}\n    - {datasets: [bios-new0-short], methods: [lora], rates: [0.001], stopped_after: [0.5]}",
            ["'stopped_after' is for cells at the headline rate"],
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, old, new, expected):
    with pytest.raises(UsageError) as error:
        own(tmp_path, GOOD.replace(old, new, 1))
    lines = str(error.value).splitlines()
    assert any(all(part in line for part in ["cells.yaml", *expected]) for line in lines), lines


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sweep_seeds: [2]", "sweep_seeds: [3, 1]", ["seed 1 is a sweep seed and gives verdicts"]),
        ("  sweep_seeds: [2]\n", "", ["the arm 'fair' needs 'sweep_seeds'"]),
        ("reason: some", "headline: 0.001\n  reason: some", ["has no 'headline'"]),
        ("[0.001, 0.003, 0.01]", "[0.001, 0.003, 0.01, 0.03]", ["equally many rates, at least 3; found 3 and 4"]),
        ("arm: fair", "arm: shared-rate", ["the arm 'shared-rate' needs 'headline'"]),
        (
            "profile: bios-full",
            "profile: embedded",
            ["unknown arm of the profile embedded 'fair'. Accepted: shared-rate"],
        ),
    ],
)
def test_a_mistake_in_a_sweep_is_one_line(tmp_path, old, new, expected):
    own(tmp_path, FAIR)
    with pytest.raises(UsageError) as error:
        own(tmp_path, FAIR.replace(old, new, 1))
    (line,) = str(error.value).splitlines()
    assert all(part in line for part in ["cells.yaml", *expected]), line


def test_in_the_fair_arm_every_method_has_one_rate(tmp_path):
    table = own(tmp_path, FAIR).cells["bios-full-fair"]
    assert table.trained() == [("bios-new30-short", "lora", None), ("bios-new30-short", "full", None)]
    assert table.rates_tried("bios-new30-short", "full") == (0.0001, 0.0003, 0.001)


def test_trends_over_datasets_need_their_cells():
    catalog = load_catalog()
    table = catalog.cells["bios-full"]
    sizes = [case for case in measured(catalog, "C03") if case.dataset == "bios-new20-sized-sizes"]
    assert [has_cells(case, table) for case in sizes] == [True]
    assert not any(has_cells(case, catalog.cells["embedded"]) for case in sizes)
    short = table.model_copy(update={"cells": table.cells[:-1]})
    assert not any(has_cells(case, short) for case in sizes)
    (lengths,) = measured(catalog, "C15")
    full = {one for group in short.cells if "full" in group.methods for one in group.datasets}
    assert trend_cells(lengths, short) == sorted((one, "full") for one in full)


def measured(catalog, claim):
    return [
        case
        for case in build_grid(catalog)
        if case.claim.id == claim and case.level == "bios" and case.arm == "shared-rate"
    ]


def test_rates_are_those_at_which_both_sides_have_cells():
    catalog = load_catalog()
    embedded, table = catalog.cells["embedded"], catalog.cells["bios-full"]
    rates = {case.dataset: common_rates(case, embedded) for case in measured(catalog, "C10a")}
    assert (rates["bios-new30-short"], rates["bios-new0-short"]) == ([0.003], [])
    full = {case.dataset: common_rates(case, table) for case in measured(catalog, "C10a")}
    assert full["bios-new30-short"] == [0.0001, 0.0003, 0.001, 0.003, 0.01]
    assert all(not common_rates(case, embedded) for case in measured(catalog, "C12"))  # other ranks are other methods
    assert [common_rates(case, table) for case in measured(catalog, "C24")] == [[0.0003, 0.001, 0.003, 0.01]]


def test_a_profile_with_cells_holds_the_cases_of_these_cells():
    catalog = load_catalog()
    profile = find_profile(catalog, "embedded")
    held = [case for case in build_grid(catalog) if case.evidence != "published" and in_profile(case, profile, catalog)]
    assert held
    assert all(has_cells(case, cell_table(case, catalog, profile)) for case in held)
    assert {case.dataset for case in held if case.claim.id == "C10a"} == {"bios-new30-short", "bios-new100-short"}


def test_the_embedded_cells_fit_their_budget():
    table = load_catalog().cells["embedded"]
    assert len(table.combinations()) * len(table.bases) * len(table.seeds) <= 30
    assert len(table.bases) * len(table.seeds) >= 5


def test_a_run_is_looked_at_on_its_way_where_its_cells_say_so():
    catalog = load_catalog()
    profile, table = find_profile(catalog, "bios-full"), catalog.cells["bios-full"]
    assert table.stops("bios-new30-short", "lora") == (0.125, 0.25, 0.5, 1.0)
    assert table.stops("bios-new100-short", "lora") == (1.0,)
    asked = [case for case in build_grid(catalog) if case.level == "bios" and case.along == "updates"]
    held = {case.dataset for case in asked if in_profile(case, profile, catalog)}
    assert held == {"bios-new10-short", "bios-new30-short"}
    assert all(common_stops(case, table) == [0.125, 0.25, 0.5, 1.0] for case in asked if case.dataset in held)
    assert not any(has_cells(case, catalog.cells["embedded"]) for case in asked)


def test_the_equal_arms_read_the_cells_of_shared_rate():
    catalog = load_catalog()
    profile = find_profile(catalog, "bios-full")
    equal = [
        case for case in build_grid(catalog) if case.level == "bios" and case.arm in ("equal-loss", "equal-learning")
    ]
    assert equal
    assert {cell_table(case, catalog, profile).id for case in equal} == {"bios-full"}
