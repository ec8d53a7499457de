"""The clock waits for the GPU, and every training counts its own memory; a GPU is played by a queue."""

import json
from types import SimpleNamespace

import pytest

from itl_bench.stages.training import log as log_module
from itl_bench.stages.training.log import StepTimer, TrainingLog, forget_peak_memory, now, peak_memory, step_losses
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_training import examples, llama, run


class Queue:
    """A GPU whose work takes time only when somebody waits for it; seconds pass as it is told."""

    def __init__(self):
        self.there, self.initialised, self.clock, self.queued, self.held, self.peak = True, False, 100.0, 0.0, 0, 0

    def is_available(self):
        return self.there

    def init(self):
        self.initialised = True

    def synchronize(self):
        self.clock, self.queued = self.clock + self.queued, 0.0

    def reset_peak_memory_stats(self):
        if not self.initialised:
            raise RuntimeError("Invalid device argument 0: did you call init?")
        self.peak = self.held

    def max_memory_allocated(self):
        return self.peak

    def hold(self, memory):
        self.held, self.peak = memory, max(self.peak, memory)


@pytest.fixture
def gpu(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(log_module, "torch", SimpleNamespace(cuda=queue))
    monkeypatch.setattr(log_module, "time", SimpleNamespace(perf_counter=lambda: queue.clock))
    return queue


def test_a_step_lasts_until_the_gpu_is_done(gpu):
    log = TrainingLog()
    timer = StepTimer(log)
    gpu.queued = 5.0  # of something before it, which is not the step's
    timer.on_step_begin()
    gpu.queued, log.tokens = 2.0, 300
    timer.on_pre_optimizer_step()
    gpu.queued = 1.0
    timer.on_optimizer_step()
    log.finish([1.0], 400, 8.0)
    assert (log.step_seconds, log.seconds["step"], log.tokens_per_second) == ([3.0], 1.0, 100.0)


def test_without_a_gpu_the_clock_is_the_systems(gpu):
    gpu.there, gpu.queued = False, 7.0
    assert now() == gpu.clock == 100.0


def test_a_training_counts_its_own_memory(gpu):
    gpu.hold(900)
    gpu.hold(40)
    forget_peak_memory()
    assert peak_memory() == 40
    gpu.hold(60)
    gpu.hold(10)
    assert peak_memory() == 60


def test_without_a_gpu_there_is_nothing_to_forget(gpu):
    gpu.there = False
    forget_peak_memory()
    assert not gpu.initialised


def on_gpu(queue, memory=0):
    """A model that queues 3 s and holds memory with every forward pass, and queues 2 s with every backward pass."""

    def forward(*others):
        queue.queued += 3
        queue.hold(memory)
        queue.hold(0)

    def backward(*others):
        queue.queued += 2

    model = llama()
    model.get_input_embeddings().register_forward_hook(forward)
    model.get_output_embeddings().register_full_backward_hook(backward)
    return model


@pytest.mark.parametrize(("changes", "passes"), [({}, 1), ({"micro_batch": 4}, 8)])
def test_forward_and_backward_passes_are_timed_with_what_they_queue(gpu, changes, passes):
    _, log = run(method_of("full", {}), on_gpu(gpu), examples(64), **changes)
    assert log.seconds == {"forward": 2 * 3 * passes, "backward": 2 * 2 * passes, "step": 0, "total": 2 * 5 * passes}
    assert log.step_seconds == [5 * passes] * 2
    assert log.tokens_per_second == log.tokens / (10 * passes)


def test_one_training_after_another_in_one_process(gpu):
    peaks = [run(method_of("full", {}), on_gpu(gpu, memory), examples(32))[1].peak_memory for memory in (900, 50)]
    assert peaks == [900, 50]


def test_what_is_written_is_read_again(tmp_path):
    log = TrainingLog(losses=[2.5, 1.0], truncated=3, notes=["a note"])
    log.write(tmp_path / "training.json")
    assert TrainingLog(**json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))) == log


def test_losses_are_those_of_steps():
    history = [{"loss": 2.0, "step": 1}, {"loss": 1.5, "step": 2}, {"train_loss": 1.75, "step": 2}]
    assert step_losses(history) == [2.0, 1.5]
    assert step_losses([]) == []
