"""Untuned models beside the sides of a case: which tables, of whose answers, to which prompts."""

from dataclasses import replace

import pytest

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import read_by, untuned_tables
from itl_bench.store.keys import Task
from tests.helpers.shipped_catalog import catalog

DATASET = "bios-new30-short"
NAME = f"{{}}-measured-bios1m-{DATASET}-{{}}-shared-rate"
BOTH = ("base", "in-context")


def asked(name: str, methods=BOTH) -> tuple[Graph, dict[str, list[Task]], list[Task]]:
    shipped = catalog()
    table = shipped.cells["embedded"].model_copy(update={"untuned": methods})
    own = replace(shipped, cells={"embedded": table})
    case = next(one for one in build_grid(own) if one.id == name)
    graph = Graph(own)
    return graph, untuned_tables(graph, case, table), list(read_by(graph, case, cell_table(case, own, None)))


def test_each_base_is_asked_once_what_both_sides_are_asked():
    graph, found, read = asked(NAME.format("C10b", "lora-vs-full-bios-known-knowledge"))
    assert list(found) == list(BOTH)
    assert [len(tables) for tables in found.values()] == [3, 3]  # bases, whatever the number of seeds
    assert {one.key for tables in found.values() for one in tables} <= {one.key for one in read}
    for method, tables in found.items():
        for table in tables:
            parents = [graph.tasks[key] for key in table.parents]
            (answers,) = (one for one in parents if one.kind == "responses")
            kinds = [graph.tasks[key].kind for key in answers.parents]
            assert kinds == ["base", "probe"]
            assert answers.spec.get("template", "chat") == {"base": "chat", "in-context": "in-context"}[method]


def test_what_compares_models_has_no_untuned_row():
    _, found, _ = asked(NAME.format("C01", "full-vs-lora-bios-known-token-shift"))
    assert found == {}


def test_nobody_is_asked_where_the_cells_do_not_say_so():
    graph, found, _ = asked(NAME.format("C10b", "lora-vs-full-bios-known-knowledge"), ())
    assert found == {}
    assert not [one for one in graph.tasks.values() if one.spec.get("template") == "in-context"]


@pytest.mark.parametrize("measure", ["knowledge", "style"])
def test_the_base_with_examples_is_measured_as_any_other(measure):
    graph, replicate = Graph(catalog()), Replicate(1, 1)
    tables = [
        graph.measure(OF_ANSWERS[measure], TunedCell("bios1m", DATASET, method, 0.0, replicate), "bios-known")
        for method in BOTH
    ]
    assert tables[0].key != tables[1].key
    assert not [one for one in graph.tasks.values() if one.kind == "checkpoint"]


def test_only_untuned_models_can_stand_there():
    table = catalog().cells["embedded"].model_dump()
    with pytest.raises(ValueError, match="untuned"):
        CellTable.model_validate(table | {"untuned": ["lora"]})


def test_a_side_is_no_row_beside_itself():
    _, found, _ = asked("X05-measured-bios1m-bios-new30-short-lora-vs-base-bios-known-knowledge-shared-rate")
    assert list(found) == ["in-context"]
