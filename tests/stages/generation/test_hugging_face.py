"""Models of one base that answer together give what each gives when it is loaded by itself."""

import random
from contextlib import closing

import pytest
from safetensors.torch import load_file, save_file

from itl_bench.stages.generation import hugging_face as module
from itl_bench.stages.generation.engine import Asked
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.generation.hugging_face import hugging_face
from itl_bench.stages.loading import load_model, load_tuned
from tests.helpers.tiny_adapters import write_adapter
from tests.helpers.tiny_weights import tiny_llama, write_model

GENERATOR = random.Random(3)
PROMPTS = [[GENERATOR.randrange(3, 30) for _ in range(length)] for length in (3, 5, 9, 4)]
LIMIT, ENDS, PADDING = 12, (2,), 0


@pytest.fixture(params=[False, True], ids=["untied", "tied"])
def base(tmp_path, request):
    return write_model(tmp_path / "base", tied=request.param)


@pytest.fixture
def checkpoints(base, tmp_path):
    tiny_llama(5).save_pretrained(tmp_path / "full")
    of = {
        "plain": {}, "wide": {"r": 8, "use_rslora": True}, "dora": {"use_dora": True},
        "bias": {"bias": "all"}, "norms": {"modules_to_save": ["norm"]},
    }  # fmt: skip
    adapters = [write_adapter(base, tmp_path / name, seed, **of[name]) for seed, name in enumerate(of)]
    return [adapters[0], None, tmp_path / "full", *adapters[1:], None, adapters[0]]


def asked_of(checkpoints):
    return [Asked(one, PROMPTS, LIMIT, ENDS, PADDING) for one in checkpoints]


def together(base, checkpoints):
    with closing(hugging_face(base, asked_of(checkpoints))) as answers:
        return {one.place: one.responses() for one in answers}


def alone(base, checkpoint):
    return generate(load_tuned(base, checkpoint) if checkpoint else load_model(base), PROMPTS, LIMIT, ENDS, PADDING)


def test_each_answers_as_if_it_were_alone(base, checkpoints):
    expected = [alone(base, one) for one in checkpoints]
    assert together(base, checkpoints) == dict(enumerate(expected))
    assert len({str(one) for one in expected}) == 7  # every one of them moves the answers


def test_the_base_is_read_once_and_one_model_is_there_at_a_time(base, checkpoints, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        module, "load_model", lambda folder, **how: loaded.append(folder.name) or load_model(folder, **how)
    )
    together(base, checkpoints)
    assert loaded == ["base", "full"]


def test_what_cannot_be_loaded_costs_itself_alone(base, checkpoints):
    damaged = checkpoints[3] / "adapter_model.safetensors"
    tensors = load_file(damaged)
    tensors.pop(min(tensors))
    save_file(tensors, damaged)
    with closing(hugging_face(base, asked_of(checkpoints))) as answers:
        for place, responses in ((one.place, one.responses) for one in answers):
            if place == 3:
                with pytest.raises(Exception, match="lacks the tensor"):
                    responses()
            else:
                assert responses() == alone(base, checkpoints[place])
