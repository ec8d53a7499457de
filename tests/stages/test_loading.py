"""Models and tokenizers from folders: as they were saved, or one line that says what is wrong."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from itl_bench.data.tokens.special_tokens import padding_id
from itl_bench.errors import ItlError, UsageError
from itl_bench.stages.generation.greedy import generate
from itl_bench.stages.kinds import check_causal
from itl_bench.stages.loading import (
    add_adapter,
    has_adapter,
    load_adapted,
    load_model,
    load_tokenizer,
    load_tuned,
)
from itl_bench.stages.reading import one_line, readable
from tests.helpers.tiny_weights import LETTERS, change_json, letters_tokenizer, logits, tiny_llama, write_model


@pytest.fixture
def base(tmp_path):
    return write_model(tmp_path / "base")


def write_adapter(base, folder, seed=1):
    """A checkpoint of an adapter whose every matrix moves the model."""
    torch.manual_seed(seed)
    config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.5)
    model = get_peft_model(load_model(base), config)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(tmp_path, base):
    return write_adapter(base, tmp_path / "adapter")


def refused(call, *arguments, kind=ItlError):
    with pytest.raises(kind) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


# models


@pytest.mark.parametrize("kind", [{}, {"tied": True}, {"shard": "4KB"}], ids=str)
def test_a_model_is_what_was_saved(tmp_path, kind):
    saved = tiny_llama(tie_word_embeddings=kind.get("tied", False))
    loaded = load_model(write_model(tmp_path, **kind), device="cpu")
    assert (logits(loaded) == logits(saved)).all()
    assert not loaded.training
    tied = loaded.lm_head.weight.data_ptr() == loaded.get_input_embeddings().weight.data_ptr()
    assert tied == bool(kind.get("tied"))


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
@pytest.mark.parametrize("asked", [None, torch.float32, torch.bfloat16])
def test_precision_is_what_is_asked_for_whatever_is_stored(tmp_path, stored, asked):
    model = load_model(write_model(tmp_path, dtype=stored), asked, "cpu")
    assert {weight.dtype for weight in model.parameters()} == {asked or torch.float32}


def test_attention_is_not_eager(base, tmp_path):
    config = Gemma3TextConfig(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, sliding_window=8,
    )  # fmt: skip
    Gemma3ForCausalLM(config).save_pretrained(tmp_path / "gemma")
    for folder in (base, tmp_path / "gemma"):
        assert load_model(folder).config._attn_implementation == "sdpa"


@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU is the default where there is one")
def test_without_a_gpu_the_cpu_is_the_default(base):
    assert load_model(base).device.type == "cpu"


def edit_weights(folder, edit):
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def narrow(weights):
    weights["lm_head.weight"] = weights["lm_head.weight"][:, :8].contiguous()


def test_weights_that_are_missing_are_not_drawn_at_random(base):
    edit_weights(base, lambda weights: weights.pop("lm_head.weight"))
    assert refused(load_model, base) == f"{base} lacks weights of its architecture: lm_head.weight (1 in all); " + (
        "get the files again"
    )


def test_weights_of_another_shape(base):
    edit_weights(base, narrow)
    assert " in the shape [" in refused(load_model, base)


@pytest.mark.parametrize("cut", [0, 7, 300, -4])
def test_damaged_weights(base, cut):
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:cut])
    assert f"the model in {base} cannot be loaded" in refused(load_model, base)


def test_pickled_weights_are_not_read(base):
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    assert f"the model in {base} cannot be loaded" in refused(load_model, base)


@pytest.mark.parametrize("changes", [{"model_type": None}, {"model_type": "none-such"}, {"model_type": "t5"}], ids=str)
def test_a_config_of_no_causal_model(base, changes):
    change_json(base / "config.json", architectures=None, **changes)
    assert f"the model in {base} cannot be loaded" in refused(load_model, base)


def test_no_folder(tmp_path):
    assert "cannot be loaded" in refused(load_model, tmp_path / "none")
    assert "cannot be loaded" in refused(load_tokenizer, tmp_path / "none")


@pytest.mark.parametrize("name", ["LlamaForCausalLM", "Gemma3ForCausalLM", "PhiForCausalLM", "GPT2LMHeadModel"])
def test_architectures_that_answer(name):
    check_causal(name, "it")


@pytest.mark.parametrize("name", ["LlamaModel", "BertForMaskedLM", "", "llamaforcausallm"])
def test_architectures_that_do_not(name):
    assert f"it is a {name}, no causal language model" in refused(check_causal, name, "it", kind=UsageError)


# tokenizers


def test_a_tokenizer_without_a_padding_token_is_left_so(base):
    tokenizer = load_tokenizer(base)
    assert tokenizer.pad_token_id is None
    assert padding_id(tokenizer) == LETTERS.index("<unk>")


def test_a_padding_token_stays(tmp_path):
    letters_tokenizer(pad_token="<unk>").save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).pad_token_id == 0


def test_a_tokenizer_without_an_end(tmp_path):
    letters_tokenizer(eos_token=None).save_pretrained(tmp_path)
    assert "has no end token" in refused(load_tokenizer, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 3}', '{"added_tokens": [], "model": 3}'])
def test_a_damaged_tokenizer(base, content):
    (base / "tokenizer.json").write_text(content)
    assert f"the tokenizer in {base} cannot be loaded" in refused(load_tokenizer, base)


# checkpoints


def by_hand(base, adapter):
    """The base's weights with scale x B A added, from the files themselves."""
    model, low = load_model(base), load_file(adapter / "adapter_model.safetensors")
    weights = dict(model.named_parameters())
    for name, first in low.items():
        if "lora_A" in name:
            second = low[name.replace("lora_A", "lora_B")]
            place = name.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
            with torch.no_grad():
                weights[place] += 8 / 2 * second @ first  # peft's default alpha is 8
    return model


def test_an_adapter_is_merged(base, adapter):
    tuned = load_tuned(base, adapter)
    torch.testing.assert_close(logits(tuned), logits(by_hand(base, adapter)), atol=1e-5, rtol=1e-5)
    assert not any("lora" in name for name, _ in tuned.named_parameters())
    assert not tuned.training


def test_an_adapter_that_is_not_merged_leaves_the_base_as_it_was(base, adapter):
    adapted = load_adapted(base, adapter)
    assert has_adapter(adapter)
    torch.testing.assert_close(logits(adapted), logits(load_tuned(base, adapter)), atol=1e-5, rtol=1e-5)
    with adapted.disable_adapter():
        assert (logits(adapted) == logits(load_model(base))).all()
    assert (logits(adapted) - logits(load_model(base))).abs().max() > 0.01
    assert not adapted.training


def test_a_checkpoint_of_all_weights(base, tmp_path):
    full = write_model(tmp_path / "full", tied=True)
    assert not has_adapter(full)
    assert (logits(load_tuned(base, full)) == logits(load_model(full))).all()
    assert "holds no adapter" in refused(load_adapted, base, full, kind=UsageError)


def test_two_adapters_take_turns_on_one_base(base, adapter, tmp_path):
    other = write_adapter(base, tmp_path / "other", seed=2)
    both, alone = load_adapted(base, adapter), [logits(load_adapted(base, one)) for one in (adapter, other)]
    add_adapter(both, other, "second")
    assert (logits(both) == alone[0]).all()
    both.set_adapter("second")
    assert (logits(both) == alone[1]).all()
    assert (alone[0] - alone[1]).abs().max() > 0.01
    assert not any(module.training for module in both.modules())


def test_a_second_adapter_that_cannot_be_read(base, adapter, tmp_path):
    other, model = write_adapter(base, tmp_path / "other"), load_adapted(base, adapter)
    file = other / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    assert f"the adapter in {other} cannot be loaded" in refused(add_adapter, model, other, "second")
    file.unlink()
    assert "has no adapter_model.safetensors" in refused(add_adapter, model, other, "third")


def test_an_adapter_without_weights(base, adapter):
    file = adapter / "adapter_model.safetensors"
    torch.save(load_file(file), adapter / "adapter_model.bin")
    file.unlink()
    assert "has no adapter_model.safetensors" in refused(load_tuned, base, adapter)


def test_a_damaged_adapter(base, adapter):
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    assert f"the adapter in {adapter} cannot be loaded" in refused(load_tuned, base, adapter)


def test_memory_that_runs_out_is_no_fault_of_a_file():
    with pytest.raises(torch.OutOfMemoryError), readable("it"):
        raise torch.OutOfMemoryError
    with pytest.raises(MemoryError), readable("it"):
        raise MemoryError


def test_a_librarys_error_becomes_one_line():
    assert one_line(ValueError("  one\n\n two\t")) == "one two"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 999))) == 200


SETTINGS = [
    {"repetition_penalty": 1.5}, {"no_repeat_ngram_size": 2}, {"num_beams": 3}, {"suppress_tokens": [5, 6]},
    {"min_new_tokens": 9}, {"do_sample": True, "temperature": 5.0}, {"bad_words_ids": [[5], [6], [7]]},
    {"forced_eos_token_id": 3}, {"length_penalty": -3.0, "num_beams": 2}, {"encoder_no_repeat_ngram_size": 1},
    {"exponential_decay_length_penalty": [1, 3.0]}, {"begin_suppress_tokens": [4, 5, 6, 7]}, {"max_length": 8},
    {"max_time": 1e-9}, {"num_return_sequences": 2, "num_beams": 2},
]  # fmt: skip


@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: "-".join(one))
def test_greedy_answers_are_greedy_whatever_a_model_says_of_generation(base, settings, file):
    if file == "config.json":  # without the other file, transformers takes what an old one says here
        (base / "generation_config.json").unlink()
    asked = [[1, 5, 6], [1, 9, 9, 12]]
    plain = generate(load_model(base, device="cpu"), asked, 12, [2], 0)
    change_json(base / file, **settings)
    assert generate(load_model(base, device="cpu"), asked, 12, [2], 0) == plain
