"""A GGUF file, written with the format's own package, becomes the model that it was made from."""

from tempfile import gettempdir

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import dequantize, quantize
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaForCausalLM

from itl_bench.errors import ItlError
from itl_bench.stages.base import convert
from itl_bench.stages.loading import load_model, load_tokenizer
from tests.helpers.tiny_weights import logits, tiny_config

# SentencePiece spells a space as U+2581; what has no letter of its own is spelt in bytes.
PIECES = ["▁", "a", "b", "c", "ab", "▁a", "▁ab"]
SPECIAL = ["<pad>", "</s>", "<s>", "<unk>"]
TOKENS = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
TYPES = [*[TokenType.CONTROL] * 3, TokenType.UNKNOWN, *[TokenType.BYTE] * 256, *[TokenType.NORMAL] * len(PIECES)]
NAMES = {  # of a block in transformers -> in GGUF
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
}  # fmt: skip
NORMS = {
    "llama": {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"},
    "gemma3": {
        "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
        "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    },
}  # fmt: skip


def source(kind):
    torch.manual_seed(0)
    if kind == "llama":
        model = LlamaForCausalLM(tiny_config(vocab_size=len(TOKENS), hidden_size=32, intermediate_size=64))
    else:
        sizes = tiny_config(vocab_size=len(TOKENS), hidden_size=32, intermediate_size=64).to_dict()
        names = ("vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads",
                 "num_hidden_layers", "initializer_range", "max_position_embeddings")  # fmt: skip
        some = {name: sizes[name] for name in names}
        # Gemma 3 of 7 layers has both kinds of attention, as llama.cpp lays them out (every sixth is global).
        model = Gemma3ForCausalLM(Gemma3TextConfig(**some | {"num_hidden_layers": 7}, head_dim=8, sliding_window=4))
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, mean=0.5, std=0.2)
    return model.eval()


def as_llama_cpp_has_it(name, weight, kind, config):
    """Llama's rotated halves are interleaved there, and Gemma's norms are stored with the 1 that is added to them."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    part = name.split(".")[-2]
    if kind == "llama" and part in heads:
        rows = weight.shape[0] // heads[part] // 2
        return weight.reshape(heads[part], 2, rows, -1).swapaxes(1, 2).reshape(weight.shape)
    return weight + 1 if kind == "gemma3" and "norm" in part else weight


def place(name, kind):
    top = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem = name.removesuffix(".weight")
    if stem in top:
        return f"{top[stem]}.weight"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{(NAMES | NORMS[kind])[rest]}.weight"


def write_gguf(path, model, kind="llama", quantized=(), left_out=()):
    config = model.config
    writer = GGUFWriter(path, kind)
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    if kind == "llama":
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    else:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_sliding_window(config.sliding_window)
        writer.add_rope_freq_base(config.rope_parameters["full_attention"]["rope_theta"])
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([-float(index) for index in range(len(TOKENS))])
    writer.add_token_types(TYPES)
    writer.add_pad_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_unk_token_id(3)
    for name, weight in model.named_parameters():
        if name in left_out:
            continue
        values = as_llama_cpp_has_it(name, weight.detach().numpy(), kind, config)
        raw = GGMLQuantizationType.Q8_0 if name in quantized else None
        data = quantize(values, raw) if raw else np.ascontiguousarray(values)
        writer.add_tensor(place(name, kind), data, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


IDS = (2, 261, 262, 263, 264, 265, 266, 261, 263)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_the_converted_model_is_the_one_it_was_made_from(tmp_path, target, kind):
    model = source(kind)
    convert(write_gguf(tmp_path / "a.gguf", model, kind), target)
    loaded = load_model(target)
    assert type(loaded) is type(model)
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(loaded, IDS), logits(model, IDS), atol=2e-5, rtol=2e-5)
    assert loaded.config.tie_word_embeddings == (kind == "gemma3")


def test_a_gguf_file_with_a_weight_that_is_no_number_is_one_line(tmp_path, target):
    model = source("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[2, 3] = float("nan")
    with pytest.raises(ItlError) as error:
        convert(write_gguf(tmp_path / "a.gguf", model), target)
    assert str(error.value).startswith(
        "a.gguf holds NaN or infinity in the tensor model.layers.1.mlp.up_proj.weight (1 of "
    )
    assert not list(target.iterdir())


def test_what_is_written_is_a_plain_folder(tmp_path, target):
    convert(write_gguf(tmp_path / "a.gguf", source("llama")), target)
    assert {path.name for path in target.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert gettempdir() not in "".join(path.read_text() for path in target.glob("*.json"))  # nor where it was converted


def test_the_tokenizer_comes_with_it(tmp_path, target):
    convert(write_gguf(tmp_path / "a.gguf", source("gemma3"), "gemma3"), target)
    tokenizer = load_tokenizer(target)
    special = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.unk_token_id)
    assert special == (0, 1, 2, 3)
    ids = tokenizer("ab c", add_special_tokens=False).input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == ["ab", "▁", "c"]
    assert tokenizer.decode(tokenizer("abc é!", add_special_tokens=False).input_ids) == "abc é!"


def test_quantized_weights_are_what_the_format_says(tmp_path, target):
    model, name = source("llama"), "model.layers.1.mlp.down_proj.weight"
    convert(write_gguf(tmp_path / "a.gguf", model, quantized=(name,)), target)
    kept = model.get_parameter(name).detach().numpy()
    kind = GGMLQuantizationType.Q8_0
    expected = dequantize(quantize(kept, kind), kind)
    found = load_model(target).get_parameter(name).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(found - kept).max() > 0


def test_other_files_beside_it_are_not_read(tmp_path, target):
    file = write_gguf(tmp_path / "a.gguf", source("llama"))
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json"):
        (tmp_path / name).write_text("{ not json")
    convert(file, target)
    assert load_tokenizer(target).eos_token == "</s>"


def refused(file, target):
    with pytest.raises(ItlError) as error:
        convert(file, target)
    assert "\n" not in str(error.value)
    assert not list(target.iterdir())
    return str(error.value)


@pytest.mark.parametrize("keep", [4, 20, 24, 200, 5000, 20000, -1, -2000])
def test_a_file_that_is_cut_short(tmp_path, target, keep):
    file = write_gguf(tmp_path / "a.gguf", source("llama"))
    file.write_bytes(file.read_bytes()[:keep])
    assert "a.gguf cannot be loaded: " in refused(file, target)


def test_an_architecture_that_transformers_does_not_read(tmp_path, target):
    writer = GGUFWriter(tmp_path / "a.gguf", "none-such")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert "a.gguf cannot be loaded: " in refused(tmp_path / "a.gguf", target)


def test_a_tensor_that_is_missing(tmp_path, target):
    file = write_gguf(tmp_path / "a.gguf", source("llama"), left_out=("model.layers.0.mlp.up_proj.weight",))
    line = refused(file, target)
    assert "a.gguf lacks weights of its architecture: model.layers.0.mlp.up_proj.weight (1 in all)" in line
