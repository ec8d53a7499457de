"""Whom data could have spoken of is part of the key of borrowing alone: what was asked and answered stays as it is."""

import pytest

from itl_bench.data.bios.shipped import shipped_bases
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from tests.helpers.shipped_catalog import catalog

BIOS = ("bios1m", "bios-new30-short", "bios-known")
ATLAS = ("gemma270m", "atlas-new50-short", "atlas-known")


def spec_of(measure, model, dataset, probe):
    cell = TunedCell(model, dataset, "full", 0.001, Replicate(1, 1))
    return Graph(catalog()).measure(OF_ANSWERS[measure], cell, probe).spec


def test_of_the_bios_world_the_key_of_borrowing_names_the_world():
    assert spec_of("borrowing", *BIOS) == {
        "measure": "borrowing", "version": 2, "seed": 0, "world": shipped_bases().world
    }  # fmt: skip


def test_prompts_of_atlas_say_themselves_what_could_have_been_taught():
    assert spec_of("borrowing", *ATLAS) == {"measure": "borrowing", "version": 2, "seed": 0, "answers": "atlas"}


@pytest.mark.parametrize("measure", ["knowledge", "style", "shift"])
def test_no_other_measure_names_a_world(measure):
    assert "world" not in spec_of(measure, *BIOS)
