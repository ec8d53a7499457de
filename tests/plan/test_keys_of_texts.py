"""The day that chat templates are told identifies what they can make differ, and nothing that ships."""

from itl_bench.data.tokens.rendering import DAY
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from tests.helpers.shipped_catalog import catalog


def tasks_of(model, dataset, probe):
    graph = Graph(catalog())
    cell = TunedCell(model, dataset, "full", 0.001, Replicate(1, 1))
    probe_task = graph.probe(probe, dataset, model, 1)
    checkpoint = graph.checkpoint(cell)
    return [checkpoint, graph.responses(graph.base(model, 1), probe_task, checkpoint)]


def test_what_ships_is_the_same_on_every_day_by_itself():
    for one in (("bios1m", "bios-new30-short", "bios-known"), ("gemma270m", "atlas-new50-short", "atlas-known")):
        assert all("day" not in task.spec for task in tasks_of(*one))


def test_elsewhere_the_day_is_part_of_the_key(monkeypatch):
    read = ("gpt2", "bios-new30-short", "bios-known")
    model = catalog().models["llama7b"]
    monkeypatch.setitem(catalog().models, "gpt2", model.model_copy(update={"id": "gpt2"}))
    monkeypatch.setattr("itl_bench.plan.made_of.identity", lambda weights: {"model": "0" * 64})
    tasks = tasks_of(*read)
    assert [task.spec["day"] for task in tasks] == [DAY.isoformat()] * 2
    monkeypatch.setattr("itl_bench.plan.graph.DAY", DAY.replace(year=2031))
    assert {task.key for task in tasks}.isdisjoint(task.key for task in tasks_of(*read))
