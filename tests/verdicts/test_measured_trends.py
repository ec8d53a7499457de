"""Trends over what was tuned on, from tables in the store: against a plain fit of the same tables."""

import json
import math
import re
from statistics import fmean

import numpy as np
import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.data.rows import Item, read_lines, read_table
from itl_bench.plan.graph import parents_of
from itl_bench.store.artifact import ITEMS, TABLE, TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.guards import trained
from itl_bench.verdicts.measured import verdict_from_store
from itl_bench.verdicts.tables import column_mean, training_loss
from tests.helpers.tiny import SHIPPED_FEWEST_UPDATES, SIZES, tiny_catalog

SIZED = [f"bios-new20-sized-{label}" for label in SIZES]
STYLES = ["bios-new30-short", "bios-new30-simple", "bios-new30-long", "bios-new30-padded"]
SHORT = {"seeds": [1], "bases": [1, 2]}


@pytest.fixture(scope="module")
def sized(bases):
    return tiny_catalog(**SHORT, cells=[{"datasets": SIZED, "methods": ["lora"], "rates": [0.01]}])


@pytest.fixture(scope="module")
def styled(bases):
    return tiny_catalog(**SHORT, cells=[{"datasets": STYLES, "methods": ["full"], "rates": [0.01]}])


def the_case(catalog, claim):
    (case,) = (
        one
        for one in build_grid(catalog)
        if one.claim.id == claim and one.level == "bios" and one.evidence == "measured" and one.arm == "shared-rate"
        and (one.over != "size" or "sized" in one.dataset)
    )  # fmt: skip
    return case


def tables(tasks, store, measure):
    """(dataset, base) -> the table, found by walking from each measure to its checkpoint."""
    by_key = {task.key: task for task in tasks}
    for task in tasks:
        if task.kind == "measure" and task.spec["measure"] == measure:
            responses = [by_key[key] for key in task.parents if by_key[key].kind == "responses"]
            tuned = next(named for one in responses if "checkpoint" in (named := parents_of(one)))
            checkpoint = by_key[tuned["checkpoint"]]
            made_from = parents_of(checkpoint)
            base = by_key[made_from["base"]].spec["number"]
            corpus = store.open(made_from["corpus"])
            yield (checkpoint.spec["dataset"], base), read_table(store.open(task.key).folder / TABLE), corpus


def test_the_trend_over_sizes_is_that_of_the_logarithm_of_mean_divergence(sized, build, monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.TRAINED_SHARE", -math.inf)  # six steps train nothing
    case = the_case(sized, "C03")
    store, tasks = build([case], sized)
    record = verdict_from_store(case, sized, None, store)
    values = {key: math.log(mean_of_units(table, "kl")) for key, table, _ in tables(tasks, store, "shift")}
    x = [math.log10(rows) for rows in SIZES.values()]
    slopes = [np.polyfit(x, [values[name, base] for name in SIZED], 1)[0] for base in (1, 2)]
    assert record.effect == pytest.approx(fmean(slopes))
    assert "6 cells" in record.reason
    assert record.rates == (0.01,)


def test_the_trend_over_response_length_is_that_of_the_data_trained_on(styled, build):
    case = the_case(styled, "C15")
    store, tasks = build([case], styled)
    record = verdict_from_store(case, styled, None, store)
    slopes = []
    for base in (1, 2):
        points = []
        for (_, number), table, corpus in tables(tasks, store, "style"):
            if number == base:
                items = read_lines(corpus.folder / ITEMS, Item)
                length = fmean(math.log(len(item.response)) for item in items)
                points.append((length, mean_of_units(table, "log_length")))
        assert len(points) == len(STYLES)
        slopes.append(np.polyfit(*zip(*points, strict=True), 1)[0])
    assert record.effect == pytest.approx(fmean(slopes))
    assert record.role == "sanity"


def mean_of_units(table, column):
    units = {}
    for unit, value in zip(table.units, table.columns[column], strict=True):
        if value is not None:
            units.setdefault(unit, []).append(value)
    return fmean(fmean(values) for values in units.values())


def test_a_column_of_two_sources_leaves_out_prompts_that_lack_one(sized, build):
    case = the_case(sized, "C03")
    store, tasks = build([case], sized)
    (_, table, _), *_ = tables(tasks, store, "shift")
    values = list(table.columns["kl"])
    values[0] = None
    holed = table.model_copy(update={"columns": {**table.columns, "kl": tuple(values)}})
    assert column_mean(case, holed) == pytest.approx(math.log(mean_of_units(holed, "kl")))


def test_data_of_one_length_say_nothing_of_length(bases, build):
    shares = ["bios-new0-short", "bios-new10-short", "bios-new30-short"]
    catalog = tiny_catalog(**SHORT, cells=[{"datasets": shares, "methods": ["full"], "rates": [0.01]}])
    case = the_case(catalog, "C15")
    store, _ = build([case], catalog)
    record = verdict_from_store(case, catalog, None, store)
    assert record.verdict == "INCONCLUSIVE"
    assert re.match(
        r"the longest responses of the data are 1\.\d\d times the shortest, a trend needs 1\.5; ", record.reason
    )


def test_the_start_of_a_training_is_its_first_step(tmp_path):
    """A rate so high that the loss jumps in the second step has not trained what it ends with."""
    store, task = Store(tmp_path), Task("measure", {"measure": "training"})
    losses = [0.3, 4.0, 3.0] + [0.5] * 40 + [0.29] * 10
    with store.writing(task, {}) as folder:
        (folder / TRAINING).write_text(json.dumps({"losses": losses}), encoding="utf-8")
    assert training_loss(task, store) == (0.3, pytest.approx(0.29))
    assert not trained(*training_loss(task, store))


def test_a_pilot_gives_no_verdict(styled, build):
    case = the_case(styled, "C15")
    store, _ = build([case], styled)
    profile = styled.profiles["embedded"].model_copy(update={"pilot": True})
    record = verdict_from_store(case, styled, profile, store)
    assert record.verdict == "INCONCLUSIVE"
    assert record.reason.startswith("pilot: no verdict; ")
    assert record.effect == verdict_from_store(case, styled, None, store).effect


def test_a_trend_over_cells_of_few_updates_is_shown_and_decides_nothing(sized, build, monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.TRAINED_SHARE", -math.inf)
    case = the_case(sized, "C03")
    store, _ = build([case], sized)
    full = verdict_from_store(case, sized, None, store)
    monkeypatch.setattr("itl_bench.verdicts.guards.FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    short = verdict_from_store(case, sized, None, store)
    fewest = 3 * math.ceil(min(SIZES.values()) / 32)  # epochs, rows, batch
    assert short.reason.startswith(f"pilot: cells of {fewest} updates; a verdict needs 94; ")
    assert (short.verdict, short.p_value) == ("INCONCLUSIVE", None)
    assert (short.effect, short.ci_low, short.ci_high) == (full.effect, full.ci_low, full.ci_high)


def test_a_trend_of_which_too_little_is_left_says_as_well_that_it_was_short(sized, build, monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.TRAINED_SHARE", math.inf)  # no cell was trained
    monkeypatch.setattr("itl_bench.verdicts.guards.FEWEST_UPDATES", SHIPPED_FEWEST_UPDATES)
    case = the_case(sized, "C03")
    store, _ = build([case], sized)
    record = verdict_from_store(case, sized, None, store)
    assert (record.verdict, record.effect) == ("INCONCLUSIVE", None)
    assert record.reason.startswith("pilot: cells of 6 updates; a verdict needs 94; 6 cells that were not trained left")
