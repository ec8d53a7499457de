"""Every tensor of the files is a weight of the model, once and in a plain type; adapters fit whole or not at all."""

import pytest
import torch
from safetensors.torch import load_file

from itl_bench.data.weights.folder import model_files
from itl_bench.stages.loading import add_adapter, load_adapted, load_model, load_tuned
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_architectures import move_adapters, tiny
from tests.helpers.tiny_weights import change_json, edit, letters_tokenizer, logits, refused, write_model

QUERY = "model.layers.0.self_attn.q_proj.weight"
LORA = {"rank": 2, "alpha": 4, "targets": "all-linear"}
FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.fixture
def base(tmp_path):
    return write_model(tmp_path / "base")


# two names


@pytest.mark.parametrize("shard", [None, "4KB"])
def test_a_tensor_under_two_names_is_refused(tmp_path, shard):
    import json

    folder, other = write_model(tmp_path / "two", shard=shard), QUERY.removeprefix("model.")
    index = folder / "model.safetensors.index.json"
    places = json.loads(index.read_text())["weight_map"] if shard else {QUERY: "model.safetensors"}
    edit(folder / places[QUERY], lambda weights: weights.update({other: torch.full((16, 16), 7.0)}))
    if shard:
        change_json(index, weight_map=places | {other: places[QUERY]})
    line = refused(load_model, folder)
    assert f"holds the weight {QUERY} twice, as {other} and as {QUERY}" in line


def test_an_old_name_beside_the_new_one_is_refused(base):
    edit(base / "model.safetensors", lambda weights: weights.update({"model.norm.gamma": torch.full((16,), 7.0)}))
    assert "model.norm.gamma" in refused(load_model, base)


def test_a_backbone_without_its_prefix_is_taken(base):
    plain = logits(load_model(base, device="cpu"))

    def bare(weights):
        for name in [name for name in weights if name.startswith("model.")]:
            weights[name.removeprefix("model.")] = weights.pop(name)

    edit(base / "model.safetensors", bare)
    assert (logits(load_model(base, device="cpu")) == plain).all()


@pytest.mark.parametrize("name", ["Mixtral", "Qwen3Moe"])
def test_experts_that_are_joined_are_taken_and_one_that_is_there_twice_is_not(tmp_path, name):
    tiny(name).save_pretrained(tmp_path)
    letters_tokenizer().save_pretrained(tmp_path)
    load_model(tmp_path, device="cpu")
    weights = load_file(tmp_path / "model.safetensors")
    one = next(key for key in sorted(weights) if "experts.1." in key)
    edit(tmp_path / "model.safetensors", lambda kept: kept.update({one.removeprefix("model."): weights[one].clone()}))
    assert ("twice" if name == "Qwen3Moe" else "cannot be loaded") in refused(load_model, tmp_path)


# types and shapes


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn, torch.complex64], ids=str)
def test_weights_that_have_to_be_decoded_are_refused(base, kind):
    edit(base / "model.safetensors", lambda weights: weights.update({QUERY: torch.ones(16, 16).to(kind)}))
    assert f"holds the tensor {QUERY} in " in refused(load_model, base)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_plain_weights_of_any_precision_are_taken(base, kind):
    edit(base / "model.safetensors", lambda weights: weights.update({QUERY: weights[QUERY].to(kind)}))
    load_model(base, device="cpu")


def test_a_tensor_of_another_shape_is_named_with_both(base):
    edit(base / "model.safetensors", lambda weights: weights.update({QUERY: torch.ones(256)}))
    assert f"{base} holds the tensor {QUERY} in the shape [256], and its config.json says [16, 16] (1" in refused(
        load_model, base
    )


# configs


def test_a_class_of_another_type_is_refused(base):
    change_json(base / "config.json", model_type="gemma")
    line = refused(load_model, base)
    assert "is a LlamaForCausalLM by the architectures in its config.json, and a GemmaForCausalLM by its model" in line


def test_architectures_that_are_no_list_are_refused(base):
    change_json(base / "config.json", architectures="LlamaForCausalLM")
    assert "has the architectures 'LlamaForCausalLM' in its config.json; accepted is a list" in refused(
        load_model, base
    )


def test_a_key_that_stands_twice_is_refused(base):
    config = base / "config.json"
    config.write_text(config.read_text().rstrip()[:-1] + ', "num_hidden_layers": 1}')
    for call in (load_model, model_files):
        assert f"{config} has the key 'num_hidden_layers' twice" in refused(call, base)


def test_an_adapter_beside_whole_weights_is_refused(base, tmp_path):
    (base / "adapter_config.json").write_text("{}")
    for call in (load_model, model_files):
        assert f"{base} holds whole weights and an adapter (adapter_config.json)" in refused(call, base)


# adapters


@pytest.fixture
def adapter(base, tmp_path):
    move_adapters(method_of("lora", LORA).wrap_model(load_model(base, device="cpu"))).save_pretrained(tmp_path / "own")
    return tmp_path / "own"


def renamed(weights):
    for name in list(weights):
        weights[name.replace("model.model", "model.xx", 1)] = weights.pop(name)


SPOILT = {
    "lacks": lambda weights: weights.pop(FIRST),
    "renamed": renamed,
    "other": lambda weights: weights.update({FIRST.replace(".0.", ".9."): torch.ones(2, 16)}),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_an_adapter_that_does_not_fit_whole_is_refused(base, adapter, spoil):
    edit(adapter / "adapter_model.safetensors", SPOILT[spoil])
    for line in (refused(load_adapted, base, adapter), refused(load_tuned, base, adapter)):
        assert "the tensor base_model.model." in line


def test_an_adapter_whose_config_leaves_out_tensors_is_refused(base, adapter):
    change_json(adapter / "adapter_config.json", target_modules=["q_proj"])
    assert "holds, beside its own, the tensor base_model.model.model.layers.0.mlp.down" in refused(
        load_adapted, base, adapter
    )


def test_a_second_adapter_is_held_to_the_same(base, adapter, tmp_path):
    model = load_adapted(base, adapter)
    add_adapter(model, adapter, "second")
    edit(adapter / "adapter_model.safetensors", SPOILT["lacks"])
    assert f"lacks the tensor {FIRST} (1 such" in refused(add_adapter, model, adapter, "third")


def test_an_adapter_of_embeddings_that_peft_saved_itself_is_taken(base, tmp_path):
    wrapped = method_of("lora", LORA | {"targets": ("embed_tokens", "q_proj")}).wrap_model(load_model(base))
    move_adapters(wrapped).save_pretrained(tmp_path / "embeddings")
    assert torch.allclose(logits(load_tuned(base, tmp_path / "embeddings")), logits(wrapped.eval()), atol=1e-5)
