"""Two processes train what one would: losses, weights and counts are the same; what falls back silently is caught.

As a program (`torchrun ... -m tests.stages.training.test_sharding FOLDER`), this file is one of the two processes.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import distributed, nn

from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.rows import write_lines
from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.method import Method
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.training import distributed_launch, sharding
from itl_bench.stages.training.arguments import runs_in_bf16
from itl_bench.stages.training.bases import new_model
from itl_bench.stages.training.distributed_launch import Job, train_in_processes
from itl_bench.stages.training.log import TrainingLog
from itl_bench.stages.training.sharding import ALONE, Sharding, check_sharding, shard, whole_weights
from itl_bench.stages.training.trainer import micro_batches, shares
from itl_bench.stages.training.tuning import prepare, train, tune
from tests.helpers.methods_made import codes, method_of
from tests.helpers.tiny_items import ITEMS, SMALL, WORLD
from tests.helpers.tiny_training import FAST, LORA, examples, gemma, llama

ROWS = 65  # the last update of an epoch has one row: a process has nothing to do
RATE, SEED, PROCESSES = 1e-3, 5, 2
RUNS = {  # kind, model, method, recipe
    "ddp": ("ddp", llama, "full", {}),
    "ddp in parts": ("ddp", gemma, "lora", FAST | {"gradient_checkpointing": True}),
    "fsdp": ("fsdp", llama, "full", FAST),
    "fsdp, tied weights": ("fsdp", gemma, "full", {"micro_batch": 5, "packing": True}),
    "fsdp, adapter": ("fsdp", gemma, "lora", FAST | {"gradient_checkpointing": True}),
    "fsdp in bf16": ("fsdp", llama, "lora", FAST | {"precision": "bf16"}),
}


class SilentFallback(Method):
    """Full tuning that leaves sharding to the Trainer, which on CPUs wraps copies without a word."""

    def training_arguments(self, arguments):
        return arguments | {"fsdp": True}


def run(name, processes):
    kind, make, method, changes = RUNS[name]
    recipe = TuningRecipe(epochs=2, **changes)
    spread = Sharding(kind, processes) if processes > 1 else ALONE
    made = method_of(method, LORA if method == "lora" else {})
    model = prepare(make(), made, recipe, SEED).model
    shard(model, spread, runs_in_bf16(recipe))
    log = train(model, examples(ROWS), made, recipe, RATE, SEED, 0, spread)
    weights = whole_weights(model) if spread.kind == "fsdp" else model.state_dict()
    trained = {key for key, weight in model.named_parameters() if weight.requires_grad}
    return log.__dict__, {key: weight for key, weight in weights.items() if key in trained}


def caught(function):
    try:
        function()
    except ItlError as error:
        return str(error)
    return "nothing was raised"


def fall_back():
    method, recipe = SilentFallback({}), TuningRecipe(epochs=1)
    train(llama(), examples(8), method, recipe, RATE, SEED, 0, Sharding("fsdp", PROCESSES))


def main(folder):
    """What each process does: every run, and what must be caught."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    found = {name: run(name, PROCESSES) for name in RUNS}
    asked = Sharding("ddp", PROCESSES)
    found["not wrapped"] = caught(lambda: check_sharding(llama(), asked))
    found["wrapped, not sharded"] = caught(fall_back)
    if distributed.get_rank() == 0:
        torch.save(found, folder / "found.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the first of two processes reports."""
    folder = tmp_path_factory.mktemp("two")
    command = [*distributed_launch._torchrun(PROCESSES)[:-1], "tests.stages.training.test_sharding", str(folder)]
    with (folder / "output.txt").open("w") as output:
        environment = distributed_launch._environment(SimpleNamespace(threads=1), ())
        code = distributed_launch._run(command, environment, output.fileno())
    assert code == 0, (folder / "output.txt").read_text()
    return torch.load(folder / "found.pt", weights_only=False)


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_what_one_would(found, name):
    log, weights = found[name]
    alone, expected = run(name, 1)
    tolerance = 0.02 if "bf16" in name else 1e-5
    assert log["losses"] == pytest.approx(alone["losses"], abs=tolerance)
    assert len(log["losses"]) == 2 * 3
    assert weights.keys() == expected.keys()
    for key, weight in expected.items():
        assert weights[key].shape == weight.shape
        assert torch.allclose(weights[key], weight, rtol=0, atol=tolerance), key
    assert (log["processes"], alone["processes"]) == (PROCESSES, 1)
    assert log["notes"] == alone["notes"] == []


@pytest.mark.parametrize("name", RUNS)
def test_counts_are_those_of_both_processes(found, name):
    log, rows = found[name][0], examples(ROWS)
    assert log["tokens"] == sum(log["step_tokens"]) == 2 * sum(len(row.ids) for row in rows)
    assert log["response_tokens"] == 2 * sum(label >= 0 for row in rows for label in row.labels)


def test_training_moves_the_weights(found):
    before = dict(llama().named_parameters())
    assert all((weight - before[key]).abs().max() > 1e-4 for key, weight in found["fsdp"][1].items())


def test_copies_in_place_of_shares_are_caught(found):
    message = found["wrapped, not sharded"]
    assert message.startswith("asked for fsdp over 2 processes, got ddp over 2 processes; ")


def test_nothing_in_place_of_copies_is_caught(found):
    assert found["not wrapped"].startswith("asked for ddp over 2 processes, got none over 1 process; ")


def test_copies_within_one_process_are_caught():
    """What transformers does in a process that sees several GPUs."""
    wrapped = nn.DataParallel(nn.Linear(2, 2))
    wrapped.device_ids = [0, 1, 2]
    with pytest.raises(ItlError, match="asked for none over 1 process, got copies in one process over 3 processes"):
        check_sharding(wrapped, ALONE)
    check_sharding(nn.Linear(2, 2), ALONE)


@pytest.mark.parametrize(("kind", "processes"), [("none", 2), ("ddp", 1), ("fsdp", 1), ("fsdp", 0), ("none", -1)])
def test_kind_and_number_go_together(kind, processes):
    with pytest.raises(UsageError, match=f"{kind} over {processes} processes; accepted"):
        Sharding(kind, processes)


def test_a_model_without_layers_is_refused(monkeypatch):
    monkeypatch.setattr(sharding, "init_device_mesh", lambda *arguments: None)
    with pytest.raises(UsageError, match="Linear names no layers"):
        shard(nn.Linear(2, 2), Sharding("fsdp", 2), bf16=False)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    rows=st.none() | st.integers(1, 10),
    tokens=st.none() | st.integers(1, 120),
    grouped=st.booleans(),
    processes=st.integers(1, 9),
)
def test_shares_of_an_update(lengths, rows, tokens, grouped, processes):
    every = shares(lengths, rows, tokens, grouped, processes)
    assert sorted(row for parts in every for part in parts for row in part) == list(range(len(lengths)))
    assert len(every) == processes
    assert len({len(parts) for parts in every}) == 1
    counts = [sum(map(len, parts)) for parts in every]
    assert max(counts) - min(counts) <= 1
    sums = [sum(lengths[row] for part in parts for row in part) for parts in every]
    assert max(sums) - min(sums) <= max(lengths)
    for part in (part for parts in every for part in parts):
        assert rows is None or len(part) <= rows
        assert tokens is None or len(part) <= 1 or len(part) * max(lengths[row] for row in part) <= tokens
    if processes == 1:
        assert every == [micro_batches(lengths, rows, tokens, grouped)]


def job(folder, **changes):
    given = {
        "base": folder / "base", "items": folder / "items.jsonl", "folder": folder / "made", "log": "training.json",
        "method": codes()["full"], "parameters": {}, "recipe": TuningRecipe(batch=8, epochs=1), "rate": 0.01, "seed": 7,
        "kind": "fsdp", "processes": PROCESSES, "ends_with": 1,
    }  # fmt: skip
    return Job(**given | changes)


def test_a_checkpoint_of_two_processes_is_that_of_one(tmp_path):
    tokenizer = make_tokenizer(WORLD)
    model = new_model(SMALL, len(tokenizer))
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "base")
    write_lines(tmp_path / "items.jsonl", ITEMS)
    (tmp_path / "made").mkdir()
    one = job(tmp_path)
    train_in_processes(one)
    tuned, log = tune(model, tokenizer, ITEMS, method_of("full", {}), one.recipe, one.rate, one.seed)
    tuned.save_pretrained(tmp_path / "alone")
    names = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in one.folder.iterdir()} == names | {"training.json"}
    assert (one.folder / "config.json").read_text() == (tmp_path / "alone" / "config.json").read_text()
    mine, expected = (load_file(path / "model.safetensors") for path in (one.folder, tmp_path / "alone"))
    assert mine.keys() == expected.keys()
    assert all(torch.allclose(mine[key], expected[key], rtol=0, atol=1e-5) for key in expected)
    written = TrainingLog(**json.loads((one.folder / "training.json").read_text()))
    assert written.losses == pytest.approx(log.losses, abs=1e-5)
    assert written.processes == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('no such thing'); raise SystemExit(3)", "failed: exit code 3; the end of their output: no such thing"),
        ("raise SystemExit(4)", "failed: exit code 4; the end of their output: nothing"),
        (
            "import pathlib, sys; pathlib.Path(sys.argv[1]).with_name('error-1.txt').write_text('ItlError: two');"
            "raise SystemExit(1)",
            "training in 2 processes failed: ItlError: two",
        ),
    ],
)
def test_what_failed_in_a_process_is_said(tmp_path, monkeypatch, code, message):
    monkeypatch.setattr(distributed_launch, "_torchrun", lambda processes: [sys.executable, "-c", code])
    with pytest.raises(ItlError) as caught_error:
        train_in_processes(job(tmp_path))
    assert str(caught_error.value).endswith(message)


def test_processes_see_the_gpus_and_threads_of_their_job(tmp_path, monkeypatch):
    code = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OMP_NUM_THREADS']); raise SystemExit(1)"
    monkeypatch.setattr(distributed_launch, "_torchrun", lambda processes: [sys.executable, "-c", code])
    with pytest.raises(ItlError, match=r"output: 4,5 3$"):
        train_in_processes(job(tmp_path, threads=3), ["4", "5"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
