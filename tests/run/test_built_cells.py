"""Single cells, their answers and measures, with stages that train nothing."""

import sys
from pathlib import Path

import pytest

from itl_bench.catalog.grid.words import find_case
from itl_bench.data.bios import shipped
from itl_bench.data.bios.shipped import MANIFEST, Bases, Recipe, ShippedBase
from itl_bench.data.bios.world import WorldSpec
from itl_bench.errors import UsageError
from itl_bench.plan.lacking import why_no_cells
from itl_bench.plan.runnable import why_not
from itl_bench.run.building import NotBuiltError
from itl_bench.run.built_cells import BuiltCells
from itl_bench.store.store import Store
from tests.helpers.cell_stages import Stages
from tests.helpers.shipped_catalog import catalog

CELL = ("bios-new30-short", "lora", 0.003)


@pytest.fixture
def bases(tmp_path, monkeypatch):
    """A manifest of two bases without weights."""
    two = [
        ShippedBase(number=n, recipe=Recipe(seed=n), files={}, recall={}, familiarity={}, passed=True, made_with={})
        for n in (1, 2)
    ]
    folder = tmp_path / "bases"
    folder.mkdir()
    (folder / MANIFEST).write_text(Bases(world=WorldSpec(seed=1), bases=two).model_dump_json(), encoding="utf-8")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    shipped.shipped_bases.cache_clear()
    yield folder
    shipped.shipped_bases.cache_clear()


@pytest.fixture
def stages():
    return Stages()


@pytest.fixture
def cells(tmp_path, bases, stages):
    return BuiltCells(catalog(), Store(tmp_path / "store"), "run", stages)


def test_a_cell_is_trained_once_and_can_be_the_key_of_a_dict(cells, stages):
    first, again = cells.cell(*CELL), cells.cell(*CELL, model="bios1m", base=1, seed=11)
    assert sorted(stages.built) == ["base", "checkpoint", "corpus", "measure"]
    assert {first: "here"}[again] == "here"
    assert first.training.losses == (1.0, 0.5)
    assert first.training.tokens == 7
    assert (first.folder / "weights").is_file()


@pytest.mark.parametrize("other", [{"seed": 12}, {"base": 2}, {"rate": 0.001}, {"method": "full"}])
def test_another_cell_is_another_model(cells, stages, other):
    names = dict(zip(("dataset", "method", "rate"), CELL, strict=True))
    one, two = cells.cell(**names), cells.cell(**(names | other))
    assert one != two
    assert one.folder != two.folder
    assert stages.built.count("checkpoint") == 2


def test_answers_are_those_of_the_tuned_model_or_of_the_base(cells):
    tuned, base = cells.cell(*CELL), cells.cell(CELL[0], "base")
    assert base.training is None
    (of_tuned,), (of_base,) = (cells.responses(one, "bios-known") for one in (tuned, base))
    assert of_tuned.text == tuned.folder.name  # made from the checkpoint, by its key
    assert of_base.text not in (tuned.folder.name, of_tuned.text)


@pytest.mark.parametrize("name", ["knowledge", "borrowing", "style", "shift"])
def test_a_measure_is_read_and_built_once(cells, stages, name):
    tuned = cells.cell(*CELL)
    tables = [cells.measure(tuned, "bios-taught", name) for _ in range(2)]
    assert tables[0] == tables[1]
    assert list(tables[0].columns) == [name]
    assert stages.built.count("measure") == 2  # the training's and this one


def test_what_is_damaged_is_built_again(cells, stages):
    folder = cells.cell(*CELL).folder
    (folder / "weights").write_text("something else", encoding="utf-8")
    fresh = BuiltCells(cells.catalog, Store(cells.store.root), "run", stages)
    with pytest.warns(UserWarning, match="is damaged"):
        again = fresh.cell(*CELL)
    assert (again.folder / "weights").read_text(encoding="utf-8") == again.folder.name
    assert stages.built.count("checkpoint") == 2


def test_a_cell_that_cannot_be_built_is_named(tmp_path, bases):
    def refuse(task, parents, folder):
        raise ValueError("the loss is NaN")

    cells = BuiltCells(catalog(), Store(tmp_path / "store"), "run", Stages(checkpoint=refuse))
    with pytest.raises(NotBuiltError, match=r"checkpoint \(.*method lora\): ValueError: the loss is NaN"):
        cells.cell(*CELL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bios-new30-shrt", "lora", 0.1), "unknown dataset for bios1m 'bios-new30-shrt'; did you mean 'bios-n"),
        (("lima-1k", "lora", 0.1), "unknown dataset for bios1m 'lima-1k'"),
        ((CELL[0], "Lora", 0.1), "unknown method 'Lora'; did you mean 'lora'?"),
        ((CELL[0], "chat", 0.1), "unknown method 'chat'"),
        ((CELL[0], "lora"), "the learning rate is a number from 0 on, found None"),
        ((CELL[0], "lora", "0.1"), "the learning rate is a number from 0 on, found '0.1'"),
        ((CELL[0], "lora", -1), "the learning rate is a number from 0 on, found -1"),
        ((CELL[0], "lora", float("nan")), "the learning rate is a number from 0 on, found nan"),
        ((CELL[0], "base", 0.1), "an untuned base has no learning rate, found 0.1"),
    ],
)  # fmt: skip
def test_wrong_names_and_numbers_are_one_line(cells, stages, arguments, message):
    with pytest.raises(UsageError) as raised:
        cells.cell(*arguments)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert stages.built == []


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda cells, _: cells.cell(*CELL, model="bios2m"), "unknown model 'bios2m'; did you mean "),
        (lambda cells, _: cells.cell(*CELL, base=3), "no base number 3; there are 1, 2"),
        (lambda cells, _: cells.cell(*CELL, seed=-1), "the seed is a whole number from 0 on, found -1"),
        (
            lambda cells, tuned: cells.responses(tuned, "bios-knwon"),
            "unknown probe for bios1m 'bios-knwon'; did",
        ),
        (lambda cells, _: cells.responses("lora", "bios-known"), "expected a cell, as the fixture 'cell' gives it"),
        (
            lambda cells, tuned: cells.measure(tuned, "bios-known", "styl"),
            "unknown measure 'styl'; did you mean 'style'",
        ),
        (lambda cells, tuned: cells.measure(tuned, "style", "bios-known"), "unknown probe for bios1m 'style'"),
        (
            lambda cells, _: cells.measure(cells.cell(CELL[0], "base"), "bios-known", "shift"),
            "the shift of a base against itself is no measure",
        ),
    ],
)
def test_other_wrong_names_are_one_line(cells, ask, message):
    tuned = cells.cell(*CELL)
    with pytest.raises(UsageError) as raised:
        ask(cells, tuned)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("lacking", ["torch", "peft", "bases"])
def test_where_no_cell_can_be_built_the_reason_is_that_of_the_cases(bases, monkeypatch, lacking):
    case = find_case(catalog(), "C10a", {"model": "bios1m", "dataset": CELL[0], "arm": "shared-rate"})
    if lacking == "bases":
        (bases / MANIFEST).unlink()
    else:
        monkeypatch.setitem(sys.modules, lacking, None)
    assert f"not run: {why_no_cells()}" == why_not(case, catalog(), None, Path("no-store"))
    assert lacking in why_no_cells()
