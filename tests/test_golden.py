"""No stage's outputs move without a new version of the stage, whose number is in every key."""

import copy
import json

import pytest

from itl_bench.data.bios import wording
from itl_bench.plan.graph import VERSIONS
from tests.helpers.golden_run import GOLDEN, TOLERANCE, WRITE, outputs, what_moved


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_outputs_are_those_of_the_golden_run(golden):
    assert not what_moved(golden, VERSIONS, outputs())


def test_an_edit_of_a_stage_is_found(golden, monkeypatch):
    """Another opener of responses: items move, and what is trained on them; prompts and the bases do not."""
    monkeypatch.setattr(wording, "TUNED_OPENERS", ("Sure!", *wording.TUNED_OPENERS[1:]))
    moved = {line.split()[2] for line in what_moved(golden, VERSIONS, outputs())}
    assert {"corpus", "checkpoint"} <= moved
    assert not moved & {"base", "probe", "responses"}


def recorded(golden):
    return {kind: copy.deepcopy(one["outputs"]) for kind, one in golden.items()}


@pytest.mark.parametrize("kind", VERSIONS)
def test_moved_outputs_name_the_version_to_raise(kind, golden):
    line = f"outputs of {kind} moved: raise VERSIONS['{kind}'] in plan/graph.py, then {WRITE}"
    assert what_moved(golden, VERSIONS, recorded(golden) | {kind: "others"}) == [line]


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_raised_version_asks_for_a_new_golden_file(kind, golden):
    raised = VERSIONS | {kind: VERSIONS[kind] + 1}
    line = f"version of {kind} was raised: write the golden file again, {WRITE}"
    for found in (recorded(golden), recorded(golden) | {kind: "others"}):
        assert what_moved(golden, raised, found) == [line]


@pytest.mark.parametrize(("change", "moved"), [(TOLERANCE / 2, False), (2 * TOLERANCE, True), (float("nan"), True)])
def test_what_a_model_computes_counts_to_three_digits(change, moved, golden):
    found = recorded(golden)
    found["checkpoint"]["lora"][-1] *= 1 + change
    assert bool(what_moved(golden, VERSIONS, found)) is moved


def test_every_stage_is_in_the_golden_file(golden):
    assert golden.keys() == VERSIONS.keys()
    assert all(one["outputs"] for one in golden.values())
