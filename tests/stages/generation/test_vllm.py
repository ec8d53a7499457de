"""A group that an engine answers: one process for a base and its adapters, nothing believed that is not compared."""

import os
import random
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from itl_bench.errors import ItlError, UnservedError, UsageError
from itl_bench.machine import vllm as machine
from itl_bench.machine.this_machine import Machine
from itl_bench.stages.generation import reference
from itl_bench.stages.generation import vllm as module
from itl_bench.stages.generation.engine import Asked
from itl_bench.stages.generation.hugging_face import hugging_face
from itl_bench.stages.generation.vllm import vllm
from itl_bench.stages.generation.vllm_settings import How, engine_settings, why_unserved
from tests.helpers.tiny_adapters import write_adapter
from tests.helpers.tiny_weights import tiny_llama, write_model
from tests.helpers.transformers_engine import FAULT, FAULTS, TARGET

GENERATOR = random.Random(3)
PROMPTS = [[1, *(GENERATOR.randrange(3, 30) for _ in range(length))] for length in (3, 5, 9, 4, 7, 6)]
LIMIT, ENDS, PADDING = 12, (2, 7), 0
TOP = Path(__file__).parents[3]


@pytest.fixture
def base(tmp_path):
    return write_model(tmp_path / "base")


@pytest.fixture
def started(monkeypatch):
    """The models that engines were opened for, in order."""
    models, child = [], module.child

    def counted(target, settings, environ):
        models.append(Path(settings["model"]).name)
        return child(target, settings, environ)

    monkeypatch.setattr(module, "child", counted)
    monkeypatch.setenv("PYTHONPATH", str(TOP), prepend=os.pathsep)
    return models


def answers_of(engine, base, checkpoints, **how):
    asked = [Asked(one, PROMPTS, LIMIT, ENDS, PADDING) for one in checkpoints]
    with closing(engine(base, asked, **how)) as answers:
        return {one.place: (one.responses(), one.parity) for one in answers}


def by_vllm(base, checkpoints, **how):
    return answers_of(vllm, base, checkpoints, how=How(target=TARGET, **how))


def test_a_base_and_its_adapters_share_an_engine_and_answer_as_transformers_do(base, tmp_path, started):
    adapters = [write_adapter(base, tmp_path / name, seed, r=2 + seed) for seed, name in enumerate("ab")]
    tiny_llama(5).save_pretrained(tmp_path / "full")
    checkpoints = [adapters[0], None, tmp_path / "full", adapters[1], tmp_path / "full"]
    found, expected = by_vllm(base, checkpoints), answers_of(hugging_face, base, checkpoints)
    assert {place: answers for place, (answers, _) in found.items()} == {
        place: answers for place, (answers, _) in expected.items()
    }
    assert all(parity.prompts == len(PROMPTS) and not parity.divergences for _, parity in found.values())
    assert Counter(started) == {"base": 1, "full": 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_that_answers_wrongly_gives_nothing(base, tmp_path, started, monkeypatch, fault):
    adapters = [write_adapter(base, tmp_path / name, seed) for seed, name in enumerate("ab")]
    monkeypatch.setenv(FAULT, fault)
    with pytest.raises(UnservedError, match=r"differ between vLLM and transformers|has no effect"):
        by_vllm(base, [*adapters, None])


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["norm"]}, "weights beside its adapter"),
        ({"bias": "all"}, "biases of the model"),
        ({"r": 600}, "rank 600"),
    ],
    ids=["dora", "norm", "bias", "rank"],
)
def test_an_adapter_that_vllm_does_not_take_is_refused_alone(base, tmp_path, started, config, named):
    own, other = write_adapter(base, tmp_path / "own", 1, **config), write_adapter(base, tmp_path / "other", 2)
    asked = [Asked(one, PROMPTS, LIMIT, ENDS, PADDING) for one in (own, other)]
    with closing(vllm(base, asked, How(target=TARGET))) as answers:
        found = {one.place: one.responses for one in answers}
    assert len(found[1]()) == len(PROMPTS)
    with pytest.raises(UnservedError, match=named):
        found[0]()


def test_patterns_of_ranks_and_scales_are_served(base, tmp_path, started):
    config = {"rank_pattern": {"q_proj": 5}, "alpha_pattern": {"q_proj": 3}, "use_rslora": True}
    adapter = write_adapter(base, tmp_path / "own", 1, **config)
    assert why_unserved(adapter) is None
    settings = engine_settings(base, [Asked(adapter, PROMPTS, LIMIT, ENDS, PADDING)], How())
    assert settings["rank"] == 8
    assert settings["length"] == max(map(len, PROMPTS)) + LIMIT


def test_an_engine_that_is_not_there_is_one_line(base, started):
    with pytest.raises(ItlError, match="the engine failed: ModuleNotFoundError"):
        list(vllm(base, [Asked(None, PROMPTS, LIMIT, ENDS, PADDING)], How(target="tests.helpers.not_there:open")))


@pytest.mark.parametrize(
    ("parameters", "precision", "gpus", "expected"),
    [
        (7e9, "bf16", (80.0,), 1),
        (7e9, "fp32", (80.0,), 1),
        (13e9, "fp32", (80.0, 80.0), 2),
        (70e9, "bf16", (80.0,) * 8, 4),
        (70e9, "bf16", (141.0,) * 2, 2),
        (70e9, "bf16", (), 0),
    ],
)
def test_weights_are_divided_among_as_few_gpus_as_hold_them(parameters, precision, gpus, expected):
    assert machine.gpus_for(int(parameters), precision, Machine(gpus=gpus)) == expected


def test_a_model_that_no_gpus_hold_is_one_line():
    with pytest.raises(UsageError, match="needs 140 GB of GPU memory to answer in bf16; this machine has 2 GPUs of 80"):
        machine.gpus_for(70_000_000_000, "bf16", Machine(gpus=(80.0, 80.0), gpu="NVIDIA A100"))


@pytest.mark.parametrize(
    ("gpu", "there"), [("NVIDIA H100 80GB HBM3", True), ("NVIDIA A100-SXM4-80GB", False), ("", False)]
)
def test_answers_are_batch_invariant_where_the_gpu_can_do_it(gpu, there):
    assert machine.batch_invariant(Machine(gpus=(80.0,), gpu=gpu)) == there


def test_a_model_that_is_asked_nothing_costs_no_other_anything(base, tmp_path, started):
    adapter = write_adapter(base, tmp_path / "own", 1)
    asked = [Asked(adapter, [], LIMIT, ENDS, PADDING), Asked(None, PROMPTS, LIMIT, ENDS, PADDING)]
    with closing(vllm(base, asked, How(target=TARGET))) as answers:
        found = {one.place: one.responses() for one in answers}
    assert found[0] == []
    assert len(found[1]) == len(PROMPTS)


def test_what_is_larger_than_one_gpu_is_held_to_transformers_on_several(base, tmp_path, started, monkeypatch):
    """In a process of its own, which sees them all: this one sees one."""
    adapter = write_adapter(base, tmp_path / "own", 1, r=2)
    here, held = by_vllm(base, [None, adapter]), []

    @contextmanager
    def several(count):
        held.append(count)
        yield ("3", "5")

    seen, run = [], reference.child
    monkeypatch.setattr(module, "on_several_gpus", several)
    monkeypatch.setattr(reference, "child", lambda *given: seen.append(given[2]["CUDA_VISIBLE_DEVICES"]) or run(*given))
    assert by_vllm(base, [None, adapter], gpus=2) == here
    assert (held, seen) == ([2, 2], ["3,5"])  # for the sample, then for the engine


def test_traces_are_the_same_in_a_process_of_their_own(base, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TOP), prepend=os.pathsep)
    tiny_llama(5).save_pretrained(tmp_path / "full")
    adapter = write_adapter(base, tmp_path / "own", 1, r=2)
    asked = [Asked(one, PROMPTS, LIMIT, ENDS, PADDING) for one in (adapter, None, tmp_path / "full")]
    here, there = (reference.traces(base, asked, "fp32", gpus) for gpus in ((), ("0",)))
    assert [[one.ids for one in traces] for traces in there] == [[one.ids for one in traces] for traces in here]
    assert len({tuple(one.ids for one in traces) for traces in here}) == 3
