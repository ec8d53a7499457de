"""A model is what its files hold and its index names, and its weights are numbers; or one line says which is not."""

import json
from dataclasses import dataclass

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from itl_bench.data.weights.folder import model_files
from itl_bench.data.weights.spec import WeightsSpec
from itl_bench.errors import UsageError
from itl_bench.stages.base import materialise
from itl_bench.stages.checkpoint import parameters_in
from itl_bench.stages.loading import load_model, load_tuned
from tests.helpers.tiny_weights import change_json, edit, logits, refused, tiny_llama, write_model

INDEX = "model.safetensors.index.json"
QUERY = "model.layers.0.self_attn.q_proj.weight"


def taken(folder, tmp_path):
    """As a run takes a folder of a user's: checked, and linked into the store."""
    target = tmp_path / "taken"
    target.mkdir()
    materialise(WeightsSpec(folder=str(folder)), target)
    return target


# shards


@pytest.fixture
def shards(tmp_path):
    return write_model(tmp_path / "shards", shard="4KB")


def places(folder):
    return json.loads((folder / INDEX).read_text())["weight_map"]


@pytest.mark.parametrize("other", ["first", "last"])
def test_a_tensor_that_stands_in_another_shard_too_is_refused(shards, tmp_path, other):
    own, files = places(shards)[QUERY], sorted(set(places(shards).values()))
    name = [one for one in files if one != own][0 if other == "first" else -1]
    edit(shards / name, lambda weights: weights.update({QUERY: torch.full((16, 16), 7.0)}))
    for call, *arguments in ((load_model, shards), (taken, shards, tmp_path), (model_files, shards)):
        line = refused(call, *arguments)
        assert f"{shards / name} holds the tensor {QUERY}, which the index has in {own} (1 such in this file)" in line


def test_a_tensor_that_the_index_does_not_name_is_refused(shards):
    name = places(shards)[QUERY]
    edit(shards / name, lambda weights: weights.update({"model.extra": torch.ones(2)}))
    assert f"{shards / name} holds the tensor model.extra, which the index has nowhere" in refused(load_model, shards)


def test_a_tensor_that_is_not_where_the_index_has_it_is_refused(shards):
    own, files = places(shards)[QUERY], sorted(set(places(shards).values()))
    other = next(one for one in files if one != own)
    change_json(shards / INDEX, weight_map=places(shards) | {QUERY: other})
    assert f"{shards / other} lacks the tensor {QUERY} that the index places there" in refused(load_model, shards)


def test_one_file_beside_an_index_of_others_is_refused(shards, tmp_path):
    whole = write_model(tmp_path / "whole") / "model.safetensors"
    (shards / "model.safetensors").write_bytes(whole.read_bytes())
    for call, *arguments in ((load_model, shards), (taken, shards, tmp_path)):
        line = refused(call, *arguments)
        assert f"{shards} holds model.safetensors beside an index that names model-00001-of-00006.safetensors" in line
        assert f"remove model.safetensors, or {INDEX} with the files that it names" in line


def test_one_file_that_its_index_names_is_taken(tmp_path):
    folder = write_model(tmp_path / "whole")
    names = load_file(folder / "model.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(names, "model.safetensors")}))
    assert (logits(load_model(folder, device="cpu")) == logits(tiny_llama())).all()


def test_files_that_nothing_names_are_neither_loaded_nor_counted(shards, tmp_path):
    counted = parameters_in(shards)
    save_file({QUERY: torch.full((16, 16), 7.0)}, shards / "model-00009-of-00009.safetensors", {"format": "pt"})
    save_file({QUERY: torch.full((16, 16), 7.0)}, shards / "other.safetensors", {"format": "pt"})
    for folder in (shards, taken(shards, tmp_path)):
        model = load_model(folder, device="cpu")
        assert (logits(model) == logits(tiny_llama())).all()
        assert parameters_in(folder) == counted == sum(one.numel() for one in model.parameters())


# weights that the config leaves unused


def test_layers_that_the_config_leaves_out_are_named(tmp_path):
    folder = write_model(tmp_path)
    change_json(folder / "config.json", num_hidden_layers=1)
    line = refused(load_model, folder)
    assert line.startswith(
        f"{folder} holds weights that its config.json leaves unused: model.layers.1.input_layernorm.weight (9 in all)"
    )


def test_a_head_of_its_own_under_a_config_that_ties_it_is_refused(tmp_path):
    folder = write_model(tmp_path)
    change_json(folder / "config.json", tie_word_embeddings=True)
    line = refused(load_model, folder)
    assert line.startswith(f"{folder} holds a lm_head.weight of its own, and its config.json says that it is the ")
    assert "set that to false" in line


def test_a_tied_head_that_is_written_out_is_taken(tmp_path):
    folder = write_model(tmp_path, tied=True)
    edit(
        folder / "model.safetensors",
        lambda weights: weights.update({"lm_head.weight": weights["model.embed_tokens.weight"].clone()}),
    )
    model = load_model(folder, device="cpu")
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert (logits(model) == logits(tiny_llama(tie_word_embeddings=True))).all()


@pytest.mark.parametrize("name", ["model.layers.1.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"])
def test_what_a_model_computes_itself_may_be_in_the_files(tmp_path, name):
    folder = write_model(tmp_path)
    edit(folder / "model.safetensors", lambda weights: weights.update({name: torch.ones(2)}))
    assert (logits(load_model(folder, device="cpu")) == logits(tiny_llama())).all()


def test_masks_that_old_versions_saved_may_be_in_the_files(tmp_path):
    from transformers import GPTJConfig, GPTJForCausalLM

    sizes = {"vocab_size": 30, "n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 2, "rotary_dim": 4}
    GPTJForCausalLM(GPTJConfig(**sizes, tie_word_embeddings=False)).save_pretrained(tmp_path)
    mask = {"transformer.h.0.attn.masked_bias": torch.tensor(-1e9), "transformer.h.0.attn.bias": torch.ones(2)}
    edit(tmp_path / "model.safetensors", lambda weights: weights.update(mask))
    load_model(tmp_path, device="cpu")


# numbers


@dataclass
class Spoilt:
    """One value of one tensor."""

    value: float
    dtype: str = "float32"


NAN, INFINITE = float("nan"), float("inf")
SPOILT = [Spoilt(NAN), Spoilt(INFINITE), Spoilt(-INFINITE, "bfloat16"), Spoilt(NAN, "float16")]


def spoil(folder, one):
    def change(weights):
        weights[QUERY][3, 5] = one.value

    edit(folder / "model.safetensors", change)
    return folder


@pytest.mark.parametrize("one", SPOILT, ids=str)
def test_a_base_with_a_weight_that_is_no_number_is_refused_when_it_is_taken_and_when_it_is_loaded(tmp_path, one):
    folder = spoil(write_model(tmp_path / "base", dtype=one.dtype), one)
    expected = f"{folder} holds NaN or infinity in the tensor {QUERY} (1 of 21 tensors do); get the files again"
    assert expected in refused(load_model, folder)
    assert expected in refused(taken, folder, tmp_path)


def test_a_tuned_model_with_a_weight_that_is_no_number_is_refused(tmp_path):
    base, full = write_model(tmp_path / "base"), spoil(write_model(tmp_path / "full"), SPOILT[0])
    assert f"{full} holds NaN or infinity" in refused(load_tuned, base, full)
    adapted = get_peft_model(load_model(base), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapter = tmp_path / "adapter"
    adapted.save_pretrained(adapter)
    edit(adapter / "adapter_model.safetensors", lambda weights: [one.fill_(torch.inf) for one in weights.values()])
    assert f"{adapter} holds NaN or infinity in the tensor base_model.model." in refused(load_tuned, base, adapter)


def test_looking_at_weights_takes_no_memory_of_their_size():
    import resource

    from itl_bench.stages.finite import is_finite

    tensor = torch.zeros(64 << 20)  # 256 MiB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert is_finite(tensor)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < tensor.nbytes / 4


# kinds


def test_a_model_of_another_kind_says_what_it_is_and_what_is_accepted(tmp_path):
    folder = write_model(tmp_path / "base")
    change_json(folder / "config.json", architectures=["T5ForConditionalGeneration"], is_encoder_decoder=True)
    with pytest.raises(UsageError) as error:
        model_files(folder)
    assert str(error.value).startswith(f"{folder} is a T5ForConditionalGeneration, an encoder-decoder; give a causal ")
