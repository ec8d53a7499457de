"""vLLM itself, on a base that ships with the package: it answers as transformers does, or one is told."""

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch

from itl_bench.data.bios.shipped import folder_of
from itl_bench.errors import ItlError, UnservedError
from itl_bench.machine.vllm import installed
from itl_bench.stages.generation import child as processes
from itl_bench.stages.generation.engine import Asked
from itl_bench.stages.generation.hugging_face import hugging_face
from itl_bench.stages.generation.vllm import vllm
from itl_bench.stages.generation.vllm_settings import How
from itl_bench.stages.loading import load_model
from tests.helpers.faulty_vllm import BASE, MIXED, STALE
from tests.helpers.tiny_adapters import write_adapter

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not installed(), reason="vLLM is not installed; make test-vllm installs it"),
]
TOP = Path(__file__).parents[3]
PROMPTS = [[2, 5 + number, 40 + 3 * number, 90 + number][: 2 + number % 3] for number in range(40)]
LIMIT, ENDS, PADDING = 20, (3,), 0


@pytest.fixture(scope="module")
def base():
    return folder_of(1)


@pytest.fixture(scope="module")
def adapters(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    return [write_adapter(base, folder / name, seed, r=8) for seed, name in enumerate("ab")]


@pytest.fixture(scope="module")
def full(base, tmp_path_factory):
    """All weights of the base, moved, with its head still tied to its embeddings."""
    model, folder = load_model(base), tmp_path_factory.mktemp("full")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """The processes of the last engine that was started; none is left after the test, and no memory of its own."""
    started, popen, memory = [], processes.subprocess.Popen, set(Path("/dev/shm").iterdir())

    def noted(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(processes.subprocess, "Popen", noted)
    monkeypatch.setenv("PYTHONPATH", str(TOP), prepend=os.pathsep)
    yield started
    assert not [left for one in started for left in processes.members(one.pid)]
    assert set(Path("/dev/shm").iterdir()) <= memory


def asked_of(checkpoints, prompts=PROMPTS):
    return [Asked(one, prompts, LIMIT, ENDS, PADDING) for one in checkpoints]


def answered(engine, base, checkpoints, **how):
    with closing(engine(base, asked_of(checkpoints), **how)) as answers:
        return {one.place: (one.responses(), one.parity) for one in answers}


def test_a_base_two_adapters_and_a_checkpoint_of_all_weights_answer_as_transformers_do(base, adapters, full):
    checkpoints = [None, *adapters, full]
    found, expected = answered(vllm, base, checkpoints, how=How()), answered(hugging_face, base, checkpoints)
    different = sum(
        one != other for place in expected for one, other in zip(found[place][0], expected[place][0], strict=True)
    )
    assert len({str(answers) for answers, _ in expected.values()}) == len(checkpoints)  # or an adapter could be ignored
    assert different <= 0.01 * len(checkpoints) * len(PROMPTS)  # near ties
    assert all(parity.prompts == 32 and parity.differing <= 0.04 for _, parity in found.values())


def test_base_rows_among_adapter_rows_are_found_out(base, adapters):
    with pytest.raises(UnservedError, match="differ between vLLM and transformers beyond rounding"):
        answered(vllm, base, [None, *adapters], how=How(target=MIXED))


def test_a_tied_head_that_is_not_loaded_is_found_out(base, full, monkeypatch):
    monkeypatch.setenv(BASE, str(base))
    with pytest.raises(UnservedError, match="differ between vLLM and transformers beyond rounding"):
        answered(vllm, base, [full], how=How(target=STALE))


def test_a_prompt_that_is_longer_than_the_model_is_one_line(base):
    with pytest.raises(ItlError, match=r"the engine failed: .*max_model_len") as caught:
        list(vllm(base, asked_of([None], [[5] * 300]), How()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("moment", ["loading", "answering"])
def test_an_engine_that_is_killed_is_one_line(base, adapters, session, monkeypatch, moment):
    def kill():
        while not session:
            time.sleep(0.1)
        if moment == "loading":
            time.sleep(5)
            os.kill(session[0].pid, signal.SIGKILL)

    ask = processes.Child.ask

    def killed(child, request):
        for reply in ask(child, request):
            os.kill(session[0].pid, signal.SIGKILL)
            yield reply

    threading.Thread(target=kill, daemon=True).start()
    if moment == "answering":
        monkeypatch.setattr(processes.Child, "ask", killed)
    with pytest.raises(ItlError, match="the engine failed: its process has ended; its log"):
        answered(vllm, base, adapters, how=How())
