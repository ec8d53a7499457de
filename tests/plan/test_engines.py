"""How often vLLM is started: once for a base and its adapters, once for each checkpoint of all weights."""

import pytest

from itl_bench.catalog.loading import load_catalog
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import Tuning, TuningRecipe
from itl_bench.plan.engines import SECONDS_TO_START, engines, unsure
from itl_bench.plan.table import Builds
from itl_bench.run.progress import Counts, sentence
from itl_bench.store.keys import Task

CATALOG, CPU = load_catalog(), Machine(cores=2, ram_gb=16.0)
WHOLE, ADAPTER = (Tuning(code="a:B", trains=trains, recipe=TuningRecipe()) for trains in ("all", "adapter"))
BASES = [Task("base", {"model": "bios1m", "number": number}) for number in (1, 2)]
PROBES = [Task("probe", {"probe": name}) for name in ("known", "taught")]


def tuned(base, place, seed=1):
    spec = {"seed": seed, "trains": place.trains, "method": {"id": "mine"}}
    return Task("checkpoint", spec, (base.key,), place=place)


def answers(base, probe, checkpoint=None, engine="vllm"):
    parents = (base.key, probe.key, *([checkpoint.key] if checkpoint else []))
    return Task("responses", {"engine": engine}, parents, group=f"{base.key} {engine}")


FULL, LORA, OTHER = tuned(BASES[0], WHOLE), tuned(BASES[0], ADAPTER), tuned(BASES[0], WHOLE, seed=2)


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        ([], 0),
        ([answers(BASES[0], PROBES[0]), answers(BASES[0], PROBES[1]), answers(BASES[0], PROBES[0], LORA)], 1),
        ([answers(BASES[0], PROBES[0]), answers(BASES[1], PROBES[0])], 2),
        ([answers(BASES[0], PROBES[0], FULL), answers(BASES[0], PROBES[1], FULL)], 1),
        ([answers(BASES[0], PROBES[0]), answers(BASES[0], PROBES[0], FULL), answers(BASES[0], PROBES[0], OTHER)], 3),
        ([answers(BASES[0], PROBES[0], FULL, "hf"), answers(BASES[0], PROBES[0], engine="hf")], 0),
    ],
    ids=["none", "adapters", "two bases", "one checkpoint", "two checkpoints", "transformers"],
)
def test_engines_by_hand(asked, starts):
    assert len(engines([*BASES, *PROBES, FULL, LORA, OTHER, *asked])) == starts


def test_the_plan_counts_the_starts_that_are_left_and_their_time():
    asked = [answers(BASES[0], PROBES[0]), answers(BASES[0], PROBES[0], FULL)]
    tasks = [BASES[0], PROBES[0], FULL, *asked]
    present = {task.key for task in tasks if task is not asked[1]}
    found = Builds(lambda cases: (tasks, [one.key for one in asked]), present.__contains__).of([], CATALOG, CPU)
    assert found.engines == 1
    assert found.minutes == pytest.approx(SECONDS_TO_START / 60)
    assert found.in_words().endswith("about 2 min left for one worker, roughly, 1 start of vLLM among it")


def test_progress_tells_how_many_engines_have_answered():
    counts = Counts(done=3, total=9, cells_done=2, cells=2, failed=0, stuck=0, work_done=1, work_left=1,
                    engines_done=1, engines=3)  # fmt: skip
    assert sentence(counts, 40) == "building: 2 of 2 cells, 1 of 3 engines, 3 of 9 artifacts, about 40 s left"


def test_the_plan_names_methods_of_which_only_an_adapter_says_whether_vllm_serves_it():
    shipped = tuned(BASES[0], Tuning(code="itl_bench.methods.lora:Lora", trains="adapter", recipe=TuningRecipe()), 3)
    tasks = [BASES[0], PROBES[0], FULL, LORA, shipped]
    absent = {task.key for task in tasks}
    assert unsure([*tasks, answers(BASES[0], PROBES[0], LORA)], absent) == ("mine",)
    assert unsure([*tasks, answers(BASES[0], PROBES[0], LORA)], absent - {LORA.key}) == ()
    of_others = [answers(BASES[0], PROBES[0], one) for one in (FULL, shipped)]
    for other in (answers(BASES[0], PROBES[0], LORA, "hf"), *of_others):
        assert unsure([*tasks, other], absent) == ()
    asked = answers(BASES[0], PROBES[0], LORA)
    found = Builds(lambda cases: ([*tasks, asked], [asked.key]), lambda key: False).of([], CATALOG, CPU)
    assert found.in_words().endswith("; whether vLLM serves mine is known once trained, else transformers answers")
