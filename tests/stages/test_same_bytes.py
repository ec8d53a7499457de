"""Artifacts are the same bytes wherever they are made, and say nothing of the machine that made them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

import itl_bench
from itl_bench.stages.loading import load_adapted, load_model
from itl_bench.stages.training.log import TrainingLog
from itl_bench.stages.training.sharding import save_tuned
from itl_bench.store.artifact import MANIFEST, TRAINING
from itl_bench.store.store import Store
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_architectures import move_adapters, tiny
from tests.helpers.tiny_weights import write_model

USER = "somebody-of-the-test"
MEASURED = {"seconds", "step_seconds", "tokens_per_second", "peak_memory"}  # of a training: never the same twice
OF_ONE_BUILDING = {"created", "seconds", "provenance"}  # of a manifest
KINDS = {"base", "familiarity", "corpus", "checkpoint", "probe", "responses", "measure"}


def made_in(folder, seed):
    """A store with an artifact of every kind, made by a process with a home, a user and an order of sets of its own."""
    home, scratch = folder / f"home-of-{USER}", folder / "scratch"
    for one in (home, scratch):
        one.mkdir(parents=True)
    places = {"HOME": str(home), "TMPDIR": str(scratch), "USER": USER, "LOGNAME": USER, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.helpers.every_artifact", str(folder / "work")]
    (folder / "work").mkdir()
    made = subprocess.run(
        command, env=dict(os.environ) | places, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2000:]
    return Store(folder / "work" / "store")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two, made in different places."""
    return [made_in(tmp_path_factory.mktemp(name) / name, seed) for seed, name in enumerate(("here", "elsewhere"), 1)]


def files(store):
    """(kind, key, name) -> path, of every file of every artifact."""
    artifacts = [store.open(key) for key in store.keys()]  # noqa: SIM118  # a method, not a mapping's
    return {
        (one.manifest.kind, one.manifest.key, path.relative_to(one.folder).as_posix()): path
        for one in artifacts
        for path in one.folder.rglob("*")
        if path.is_file()
    }


def without(path, names):
    return {name: value for name, value in json.loads(path.read_text(encoding="utf-8")).items() if name not in names}


def test_no_file_of_any_kind_names_the_place_the_user_or_the_machine(stores):
    for store in stores:
        home = store.root.parents[1]
        places = [home, Path(itl_bench.__file__).parents[1], Path.home(), sys.prefix, USER, socket.gethostname()]
        words = [str(one).encode() for one in places if len(str(one)) > len("/root")]
        found = files(store)
        assert {kind for kind, _, _ in found} == KINDS
        for (kind, _, name), path in found.items():
            content = path.read_bytes()
            assert not [word for word in words if word in content], (kind, name)


def test_every_file_is_the_same_bytes_but_for_what_is_timed(stores):
    here, elsewhere = map(files, stores)
    assert here.keys() == elsewhere.keys()
    for place, path in here.items():
        other, name = elsewhere[place], place[2]
        if name == MANIFEST:
            timed = {TRAINING} & json.loads(path.read_text(encoding="utf-8"))["files"].keys()
            same = [without(one, OF_ONE_BUILDING | {"files"} if timed else OF_ONE_BUILDING) for one in (path, other)]
            assert same[0] == same[1], place
        elif name == TRAINING:
            assert without(path, MEASURED) == without(other, MEASURED), place
        else:
            assert path.read_bytes() == other.read_bytes(), place


def test_an_adapter_is_loaded_after_its_base_has_moved(tmp_path):
    base = write_model(tmp_path / "first")
    adapted = method_of("lora", {"rank": 2, "alpha": 4, "targets": "all-linear"}).wrap_model(load_model(base))
    save_tuned(move_adapters(adapted), tmp_path / "tuned", TrainingLog(), 0.01)
    ids = torch.tensor([[3, 4, 5]])
    expected = adapted.eval()(input_ids=ids).logits
    moved = base.rename(tmp_path / "second")
    torch.testing.assert_close(load_adapted(moved, tmp_path / "tuned")(input_ids=ids).logits, expected)
    said = json.loads((tmp_path / "tuned" / "adapter_config.json").read_text(encoding="utf-8"))
    assert said["base_model_name_or_path"] is None
    assert {path.name for path in (tmp_path / "tuned").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


@pytest.mark.filterwarnings("ignore:The following (rank|alpha)_pattern keys did not match")
def test_sets_of_names_are_written_in_order(tmp_path):
    config = LoraConfig(r=2, target_modules="all-linear", modules_to_save=["lm_head"], exclude_modules=["o_proj"])
    save_tuned(get_peft_model(tiny("Mixtral"), config), tmp_path, TrainingLog(), 0.01)
    said = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert said["target_parameters"] == ["down_proj", "gate.weight", "gate_up_proj"]
    assert said["target_modules"] == sorted(said["target_modules"])
    assert len(said["target_modules"]) >= 3
    assert load_file(tmp_path / "adapter_model.safetensors")
