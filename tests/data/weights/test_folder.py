"""A folder is a model only if it is a whole one; what is wrong is one line that names the file."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from itl_bench.data.weights.folder import model_files, tensors_of
from itl_bench.errors import UsageError
from tests.helpers.tiny_weights import change_json, write_model


def complaint(folder):
    with pytest.raises(UsageError) as error:
        model_files(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_one_file(tmp_path):
    write_model(tmp_path)
    for stranger in ("generation_config.json", "pytorch_model.bin", "modeling.py", "other.safetensors", "README.md"):
        (tmp_path / stranger).write_text("{}")
    found = model_files(tmp_path)
    assert [path.name for path in found.weights] == ["model.safetensors"]
    assert [path.name for path in found.small] == ["config.json", "tokenizer.json", "tokenizer_config.json"]
    assert found.all == tuple(sorted(found.small + found.weights))


def test_shards(tmp_path):
    write_model(tmp_path, shard="4KB")
    found = model_files(tmp_path)
    assert len(found.weights) > 2
    assert [path.name for path in found.weights] == sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert "model.safetensors.index.json" in [path.name for path in found.small]


def test_names_of_tensors(tmp_path):
    file = write_model(tmp_path) / "model.safetensors"
    with safe_open(file, "np") as opened:
        assert tensors_of(file) == set(opened.keys())


def break_index(**changes):
    def edit(folder):
        path = folder / "model.safetensors.index.json"
        weight_map = json.loads(path.read_text())["weight_map"]
        change_json(path, weight_map=weight_map | changes)

    return edit


def shorten(name):
    def edit(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:-4])

    return edit


def only_pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def only_adapter(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}")


WHOLE = {
    "no config": (lambda folder: (folder / "config.json").unlink(), ["has no config.json"]),
    "config cut short": (shorten("config.json"), ["config.json is no valid JSON"]),
    "config of another kind": (lambda folder: (folder / "config.json").write_text("[]"), ["holds no JSON object"]),
    "config of bytes": (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe{"), ["no valid JSON"]),
    "nested config": (lambda folder: (folder / "config.json").write_text("[" * 10**5), ["no valid JSON"]),
    "no architecture": (
        lambda folder: change_json(folder / "config.json", architectures=None), ["names no architecture"],
    ),
    "empty architecture": (lambda folder: change_json(folder / "config.json", architectures=[]), ["no architecture"]),
    "quantized": (
        lambda folder: change_json(folder / "config.json", quantization_config={"quant_method": "gptq"}),
        ["quantized weights (gptq)"],
    ),
    "pickled only": (only_pickled, ["pickled weights only (pytorch_model.bin)", "save_pretrained"]),
    "adapter only": (only_adapter, ["holds an adapter", "merge"]),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), ["has no weights", "model.safetensors"]),
    "truncated": (shorten("model.safetensors"), ["model.safetensors is cut short", "its header says"]),
    "a text": (
        lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        ["model.safetensors is no valid safetensors file"],
    ),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""), ["no valid safetensors file"]),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), ["has no tokenizer"]),
    "half a tokenizer": (
        lambda folder: (folder / "tokenizer.json").rename(folder / "vocab.json"), ["has no tokenizer"],
    ),
}  # fmt: skip
SHARDED = {
    "missing shard": (
        lambda folder: min(folder.glob("*.safetensors")).unlink(), ["lacks model-00001-of-", "(1 of "],
    ),
    "shard outside": (break_index(x="../model.safetensors"), ["'weight_map' of tensors to files of the same folder"]),
    "shard of another kind": (break_index(x="pytorch_model.bin"), ["of the same folder"]),
    "shard that is no name": (break_index(x=3), ["of the same folder"]),
    "tensor that is not there": (break_index(x="model-00001-of-00006.safetensors"), ["lacks the tensor x"]),
    "no map": (lambda folder: change_json(folder / "model.safetensors.index.json", weight_map=None), ["weight_map"]),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "words"), WHOLE.values(), ids=WHOLE)
def test_what_is_wrong_is_said(tmp_path, edit, words):
    edit(write_model(tmp_path))
    line = complaint(tmp_path)
    assert all(word in line for word in (*words, str(tmp_path))), line


@pytest.mark.parametrize(("edit", "words"), SHARDED.values(), ids=SHARDED)
def test_what_is_wrong_with_shards_is_said(tmp_path, edit, words):
    write_model(tmp_path, shard="4KB")
    edit(tmp_path)
    line = complaint(tmp_path)
    assert all(word in line for word in (*words, str(tmp_path))), line


def test_no_folder(tmp_path):
    assert complaint(tmp_path / "none") == f"no folder of weights at {tmp_path / 'none'}"
    (tmp_path / "file").touch()
    assert "no folder of weights" in complaint(tmp_path / "file")


HEADERS = st.recursive(
    st.none() | st.integers(-3, 2**70) | st.text(max_size=3) | st.just([0, 4]),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.sampled_from(["data_offsets", "shape", "__metadata__", "x"]), parts, max_size=3)
    ),
    max_leaves=6,
)


def read_or_refused(file):
    """Names of tensors, or the line that refuses the file."""
    try:
        return tensors_of(file)
    except UsageError as error:
        return str(error)


@given(HEADERS, st.binary(max_size=8))
def test_any_header_is_read_or_refused(tmp_path_factory, header, content):
    text = json.dumps(header).encode()
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + content)
    found = read_or_refused(file)
    if isinstance(found, str):
        assert str(file) in found
    else:
        assert found == set(header) - {"__metadata__"}


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "bytes.safetensors"
    file.write_bytes(content)
    found = read_or_refused(file)
    assert found == frozenset() or str(file) in found  # so few bytes hold no tensor's entry
