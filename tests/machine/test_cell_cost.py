"""Costs of cells against numbers by hand, against what was measured, and as they must grow."""

from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.models import ModelSpec
from itl_bench.machine import cell_cost as costs
from itl_bench.machine.cell_cost import cell_cost
from itl_bench.machine.memory import (
    SHAPES,
    Shape,
    adapter_parameters,
    answering_gb,
    gpus_needed,
    positions_at_once,
    shape_of,
    state_gb,
    working_gb,
)
from itl_bench.machine.speeds import SPEEDS, answer_seconds, scoring_seconds, tokens_per_second
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import TuningRecipe

MODELS = load_catalog().models
CPU = Machine(cores=2, ram_gb=24.0)
H100 = Machine((85.5,), "NVIDIA H100 80GB HBM3", 16, 256.0)
BATCH_8 = TuningRecipe(batch=8, response_head=True)
GEMMA, LLAMA = MODELS["gemma270m"], MODELS["llama7b"]


def own(parameters):
    return ModelSpec(id="own", title="own", level="paper", parameters=parameters, weights={"folder": "own"})


@pytest.mark.parametrize(
    ("trains", "length", "peak"), [("all", 32, 6.80), ("all", 128, 7.38), ("adapter", 32, 2.09), ("adapter", 128, 3.78)]
)
def test_memory_is_near_what_was_measured(trains, length, peak):
    """Highest resident memory in the second update of gemma270m, in GB: fp32 on CPU, 8 rows, logits at a quarter."""
    positions = 8 * length
    found = state_gb(GEMMA, trains, on_gpu=False) + working_gb(shape_of(GEMMA), positions, positions / 4, trains)
    assert found == pytest.approx(peak, rel=0.15)


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [  # as peft counts them at rank 8 on all linear layers
        (Shape(32, 4096, 32_000), 19_988_480), (Shape(18, 640, 262_144), 1_898_496),
    ],
)  # fmt: skip
def test_adapters_are_near_those_of_peft(shape, parameters):
    assert adapter_parameters(shape) == pytest.approx(parameters, rel=0.1)
    assert adapter_parameters(shape, 32) == 4 * adapter_parameters(shape, 8)


@pytest.mark.parametrize("model", ["llama7b", "llama13b", "llama70b", "phi1.5"])
def test_the_shape_of_a_stranger_is_near_that_of_a_known_model_of_its_size(model):
    known, guessed = shape_of(MODELS[model]), shape_of(own(MODELS[model].parameters))
    assert guessed.layers * guessed.width == pytest.approx(known.layers * known.width, rel=0.2)


def test_every_declared_model_has_its_own_shape():
    assert set(MODELS) == set(SHAPES)


@pytest.mark.parametrize(
    ("changes", "positions"),
    [  # rows of 100 tokens: the longest of an update has 200
        ({}, 32 * 200), ({"batch": 8}, 8 * 200), ({"micro_batch": 4}, 4 * 200), ({"micro_batch": 64}, 32 * 200),
        ({"cutoff": 150}, 32 * 150), ({"cutoff": 5000}, 32 * 200), ({"micro_tokens": 1000}, 1000),
        ({"micro_tokens": 10}, 200), ({"micro_tokens": 10**6}, 32 * 200),
        ({"micro_batch": 2, "micro_tokens": 300}, 300),
    ],
)  # fmt: skip
def test_positions_that_go_through_at_once(changes, positions):
    assert positions_at_once(100, TuningRecipe(**changes)) == positions


def test_full_tuning_on_a_gpu_by_hand():
    """7B, one row of at most 260 tokens at once: state 16 bytes, bf16 copies 2 bytes, where one GPU holds it all."""
    cost = cell_cost(LLAMA, 1000, 130, "all", TuningRecipe(micro_batch=1), Machine((151.0,), "NVIDIA H200", 16, 256.0))
    activations, logits, embedding = 260 * 32 * 4096 * 100, 260 * 32_000 * 16, 32_000 * 4096 * 8
    assert cost.state_gb == pytest.approx(107.84)
    assert cost.working_gb == pytest.approx(0.5 + 13.48 + (activations + logits + embedding) / 1e9)
    assert cost.memory_gb == pytest.approx(cost.state_gb + cost.working_gb)
    assert (cost.gpus, cost.fits) == (1, True)
    assert cost.disk_gb == pytest.approx(26.96)
    assert cost.seconds == pytest.approx(1000 * 130 * 3 / 10_000 * 6.74 / 7)


def test_without_a_gpu_frozen_weights_are_fp32_and_there_are_no_copies():
    cost = cell_cost(LLAMA, 1000, 130, "adapter", TuningRecipe(micro_batch=1), CPU)
    assert cost.state_gb == pytest.approx(6.74 * 4 + 0.01999 * 16, rel=0.001)
    assert (cost.gpus, cost.fits) == (0, False)
    auto, fp32 = (cell_cost(GEMMA, 10, 30, "all", TuningRecipe(precision=one), CPU) for one in ("auto", "fp32"))
    assert auto == fp32


def test_fp32_on_a_gpu_needs_no_copies():
    phi = MODELS["phi1.5"]
    auto, fp32 = (cell_cost(phi, 10, 30, "all", TuningRecipe(precision=one), H100) for one in ("auto", "fp32"))
    assert auto.working_gb - fp32.working_gb == pytest.approx(2 * 1.42)


def test_the_output_head_on_response_positions_saves_their_share_of_logits():
    def working(recipe, **others):
        return cell_cost(GEMMA, 10, 30, "all", recipe, CPU, **others).working_gb

    whole = working(TuningRecipe(batch=8))
    logit = 262_144 * 16 / 1e9
    positions = 8 * 60
    assert whole - working(BATCH_8) == pytest.approx(positions / 2 * logit)
    assert whole - working(BATCH_8, response_tokens=6) == pytest.approx(positions * 24 / 30 * logit)
    assert working(BATCH_8, response_tokens=60) == pytest.approx(whole)


def test_a_cutoff_shortens_rows():
    long = cell_cost(LLAMA, 100, 700, "adapter", TuningRecipe(cutoff=350), H100)
    short = cell_cost(LLAMA, 100, 350, "adapter", TuningRecipe(cutoff=350), H100)
    assert (long.seconds, long.memory_gb) == (short.seconds, short.memory_gb)


@pytest.mark.parametrize(
    ("state", "working", "size", "copies", "gpus"),
    [  # nine tenths of a GPU may be filled
        (71.9, 0, 80, 0, 1), (72.1, 0, 80, 0, 2), (60, 13, 80, 0, 2), (108, 3, 80, 0, 2), (140, 3, 80, 0, 4),
        (1104, 3, 80, 0, 16), (50, 10, 80, 13, 2), (50, 8, 80, 13, 1), (1, 72, 80, 0, 0), (1, 100, 80, 0, 0),
        (1, 0, 0, 0, 0), (100, 2, 80, 1000, 2),
    ],
)  # fmt: skip
def test_gpus_needed_by_hand(state, working, size, copies, gpus):
    assert gpus_needed(state, working, size, copies) == gpus


@given(st.floats(0.1, 5000), st.floats(0, 100), st.floats(1, 200))
def test_the_fewest_gpus_hold_their_shares_and_half_as_many_do_not(state, working, size):
    gpus = gpus_needed(state, working, size)
    if gpus == 0:
        assert working >= 0.9 * size
        return
    assert gpus & (gpus - 1) == 0
    assert state / gpus + working <= 0.9 * size * (1 + 1e-9)
    assert gpus == 1 or state / (gpus // 2) + working > 0.9 * size * (1 - 1e-9)


@pytest.mark.parametrize(("ram", "fits"), [(6.0, False), (7.0, False), (9.0, True), (24.0, True)])
def test_a_tenth_of_the_memory_stays_free(ram, fits):
    """4.29 GB state, 0.5 GB process, 1.34 GB embedding, 8 x 60 positions: 0.55 GB activations, 1.01 GB logits."""
    cost = cell_cost(GEMMA, 1000, 30, "all", BATCH_8, Machine(cores=2, ram_gb=ram))
    assert cost.memory_gb == pytest.approx(7.69, abs=0.02)
    assert cost.fits == fits


def test_several_gpus_share_a_cell(monkeypatch):
    node = Machine((85.5,) * 8, "NVIDIA H100 80GB HBM3", 128, 2000.0)
    recipe = TuningRecipe(micro_batch=1)
    cost = cell_cost(LLAMA, 1000, 130, "all", recipe, node)
    assert (cost.gpus, cost.fits) == (2, True)
    assert cost.seconds == pytest.approx(1000 * 130 * 3 / 20_000 * 6.74 / 7)
    assert not cell_cost(LLAMA, 1000, 130, "all", recipe, H100).fits
    monkeypatch.setattr(costs, "MOST_GPUS", 1)
    assert not cell_cost(LLAMA, 1000, 130, "all", recipe, node).fits


def test_one_gpu_has_to_hold_what_is_measured():
    """70B: 8 GPUs hold the state of an adapter's training (2 bytes a weight), one does not hold fp32 weights."""
    node = Machine((85.5,) * 8, "NVIDIA H100 80GB HBM3", 128, 2000.0)
    recipe = TuningRecipe(micro_batch=1, gradient_checkpointing=True)
    cost = cell_cost(MODELS["llama70b"], 1000, 130, "adapter", recipe, node)
    assert (cost.gpus, cost.fits) == (2, False)
    assert answering_gb(MODELS["llama70b"], "adapter") == pytest.approx(4 * 68.98)
    assert answering_gb(LLAMA, "all") == pytest.approx(2 * 4 * 6.74)  # beside its base


def test_the_smallest_gpu_counts():
    mixed = Machine((85.5, 8.0), "NVIDIA H100 80GB HBM3", 16, 256.0)
    assert not cell_cost(LLAMA, 1000, 130, "adapter", TuningRecipe(micro_batch=1), mixed).fits


@pytest.mark.parametrize(
    ("model", "trains", "tokens", "machine", "speed"),
    [
        ("gemma270m", "adapter", 30, CPU, 22_500 / 115), ("gemma270m", "adapter", 100, CPU, 250),
        ("gemma270m", "all", 100, CPU, 22_500 / 230), ("bios1m", "all", 30, CPU, 6750),
        ("bios1m", "adapter", 60, CPU, 6750),
        ("phi1.5", "adapter", 30, CPU, 22_500 / 115 * 268 / 1420),
        ("llama7b", "all", 30, CPU, 22_500 / 230 * 268 / 6740),
        ("llama7b", "adapter", 700, H100, 12_500 * 7 / 6.74), ("llama70b", "all", 700, H100, 10_000 * 7 / 68.98),
        ("llama7b", "all", 700, Machine((24.0,), "NVIDIA RTX 4090", 8, 64.0), 165 / 989 * 10_000 * 7 / 6.74),
    ],
)  # fmt: skip
def test_speeds_by_hand(model, trains, tokens, machine, speed):
    assert tokens_per_second(MODELS[model], trains, tokens, machine) == pytest.approx(speed, rel=0.005)


def test_the_cells_of_the_bios_world_take_what_they_took():
    assert cell_cost(MODELS["bios1m"], 600, 30, "all", TuningRecipe(), CPU).seconds == pytest.approx(8)


def test_on_a_gpu_an_update_takes_some_time_however_small_the_model():
    cost = cell_cost(MODELS["bios1m"], 1001, 30, "all", TuningRecipe(), H100)
    assert cost.seconds == pytest.approx(3 * ceil(1001 / 32) * 0.1)


def test_the_time_of_answers_on_a_cpu():
    """420 answers of 20 tokens took 60 to 90 s, token shift on two sets of 420 answers, by two models, 250 s."""
    assert 60 < answer_seconds(GEMMA, 420, 20, CPU) < 90
    assert answer_seconds(LLAMA, 420, 20, CPU) == pytest.approx(
        answer_seconds(GEMMA, 420, 20, CPU) * 6.74 / 0.2681, rel=0.001
    )
    assert answer_seconds(GEMMA, 420, 60, CPU) == pytest.approx(3 * answer_seconds(GEMMA, 420, 20, CPU))
    assert scoring_seconds(GEMMA, 4 * 420 * 35, CPU) == pytest.approx(250, rel=0.005)


def test_the_time_of_answers_on_a_gpu_by_hand():
    """7B in fp32 on an H100 (85.5 GB, 3.35 TB/s, 67 TFLOP/s in fp32), two fifths of what the data sheet says."""
    row = 2 * 4 * 32 * 4096 * 35  # bytes of the keys and values of 35 tokens
    batch = min(256, int(0.4 * (85.5e9 - 26.96e9) / row))
    reading, computing = 26.96e9 / (0.4 * 3.35e12), batch * 2 * 6.74e9 / (0.4 * 67e12)
    seconds = 420 * 20 / batch * (max(reading, computing) + 32 * 0.0005)
    assert answer_seconds(LLAMA, 420, 20, H100) == pytest.approx(seconds)
    assert scoring_seconds(LLAMA, 1000, H100) == pytest.approx(1000 * 2 * 6.74e9 / (0.4 * 67e12))


@pytest.mark.parametrize("gpu", ["NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB", "Some GPU of 2031", ""])
def test_every_gpu_has_a_finite_time(gpu):
    machine = Machine((40.0,), gpu, 8, 64.0)
    for model in (GEMMA, LLAMA, MODELS["llama70b"]):  # the last does not fit, and is priced all the same
        assert 0 < answer_seconds(model, 400, 1024, machine) < 1e7
        assert 0 < scoring_seconds(model, 1e6, machine) < 1e7


@given(st.integers(1, 2000), st.integers(1, 1024), st.sampled_from([CPU, H100]))
def test_more_answers_take_longer(prompts, tokens, machine):
    assert answer_seconds(GEMMA, prompts, tokens, machine) < answer_seconds(GEMMA, prompts + 1, tokens, machine)
    assert answer_seconds(GEMMA, prompts, tokens, machine) < answer_seconds(GEMMA, prompts, tokens + 1, machine)


def test_every_speed_says_whether_it_was_measured():
    for speed in SPEEDS:
        assert ("measured on" in speed.source) != ("declared goal" in speed.source and "not measured" in speed.source)


SIZES = st.integers(10**5, 10**12)


@given(SIZES, SIZES, st.sampled_from(["adapter", "all"]), st.sampled_from([CPU, H100]), st.integers(1, 3000))
def test_a_larger_model_never_costs_less(one, other, trains, machine, tokens):
    recipe = TuningRecipe(micro_batch=1)
    small, large = (cell_cost(own(size), 100, tokens, trains, recipe, machine) for size in sorted((one, other)))
    assert small.state_gb <= large.state_gb
    assert small.disk_gb <= large.disk_gb
    assert small.fits or not large.fits


@given(st.integers(1, 10**6), st.sampled_from(["adapter", "all"]), st.sampled_from([CPU, H100]))
def test_rows_cost_time_and_no_memory(rows, trains, machine):
    first, second = (cell_cost(GEMMA, count, 40, trains, BATCH_8, machine) for count in (rows, rows + 1000))
    assert first.seconds < second.seconds
    assert first.memory_gb == second.memory_gb


def test_checkpointing_saves_memory_at_every_depth():
    for layers in (2, 8, 32, 80):
        shape = Shape(layers, 1024, 1000)
        assert working_gb(shape, 1000, 100, "all", checkpointing=True) < working_gb(shape, 1000, 100, "all")
    kept = [working_gb(Shape(layers, 1000, 0), 1000, 0, "all", checkpointing=True) for layers in (2, 3, 4)]
    assert all(later - earlier == pytest.approx(0.004) for earlier, later in pairwise(kept))  # fp32 inputs of a layer
