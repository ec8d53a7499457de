"""Adapters of many architectures: merged they answer as unmerged, or are refused; what they leave out is said."""

import warnings

import pytest
import torch
from peft import LoraConfig, get_peft_model

from itl_bench.errors import ItlError, UsageError
from itl_bench.methods.method import Method
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.adapters import linear_weights
from itl_bench.stages.loading import add_adapter, load_adapted, load_tuned
from itl_bench.stages.training.tuning import prepare, tune
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_architectures import move_adapters, tiny
from tests.helpers.tiny_items import ITEMS, TOKENIZER

IDS = torch.tensor([[1, 3, 4, 5, 7]])
RECIPE = TuningRecipe(epochs=1, batch=16, precision="fp32")


def lora(targets):
    return method_of("lora", {"rank": 2, "alpha": 4, "targets": targets})


def prepared(model, targets):
    return prepare(model, lora(targets), RECIPE, 0)


@torch.inference_mode()
def logits(model):
    return model(input_ids=IDS).logits


# weights with two places

TIED = [
    ("Llama", ".*lm_head", "lm_head", "model.embed_tokens"),
    ("Llama", ".*(q_proj|lm_head)", "lm_head", "model.embed_tokens"),
    ("Llama", ("q_proj", "lm_head"), "lm_head", "model.embed_tokens"),
    ("Llama", ".*embed_tokens", "model.embed_tokens", "lm_head"),
    ("Gemma3", "lm_head", "lm_head", "model.embed_tokens"),
    ("GPT2", ".*wte", "transformer.wte", "lm_head"),
    ("GPT2", ("c_attn", "lm_head"), "lm_head", "transformer.wte"),
    ("GPTNeoX", ".*embed_in", "gpt_neox.embed_in", "lm_head"),
]
UNTIED = [
    ("Llama", ".*lm_head"), ("Llama", "all-linear"), ("Llama", ("embed_tokens", "v_proj")),
    ("Gemma3", ".*embed_tokens"), ("GPT2", ".*c_attn"), ("GPT2", ("c_attn", "c_fc")), ("GPT2", "all-linear"),
    ("GPT2", ("wte", "lm_head")), ("GPTNeoX", ".*embed_in"), ("Mixtral", "all-linear"), ("GptOss", "all-linear"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Model with .tie_word_embeddings=True")
@pytest.mark.parametrize(("name", "targets", "place", "other"), TIED)
def test_an_adapter_on_a_weight_that_is_shared_is_refused(name, targets, place, other):
    with pytest.raises(UsageError) as error:
        prepared(tiny(name, tie_word_embeddings=True), targets)
    assert str(error.value) == (
        f"the adapter on {place} changes a weight that is shared with {other}: merged, it would change both and answer "
        f"unlike what was trained; leave {place} out of the adapter's targets"
    )


class SavedWhole(Method):
    """A user's own: adapters on attention, and one layer trained whole beside them."""

    def wrap_model(self, model):
        layers = [self.parameters["whole"]]
        return get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=layers))


@pytest.mark.filterwarnings("ignore:Model with .tie_word_embeddings=True")
@pytest.mark.parametrize("whole", ["lm_head", "embed_tokens"])
def test_a_layer_that_is_saved_whole_is_refused_where_it_is_shared(whole):
    with pytest.raises(UsageError, match=f"the adapter on (model.)?{whole} changes a weight that is shared"):
        prepare(tiny("Llama", tie_word_embeddings=True), SavedWhole({"whole": whole}), RECIPE, 0)
    prepare(tiny("Llama"), SavedWhole({"whole": whole}), RECIPE, 0)


def test_a_layer_that_is_used_twice_is_refused_too():
    twice, other = tiny("Llama"), tiny("Llama")
    for model in (twice, other):
        model.model.layers[1].mlp.up_proj.weight = model.model.layers[0].mlp.up_proj.weight
    with pytest.raises(UsageError, match=r"layers.1.mlp.up_proj changes a weight that is shared with .*layers.0.mlp"):
        prepared(twice, "all-linear")
    prepared(other, ".*q_proj")


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to True")  # of GPT-2's head, where it has one of its own
@pytest.mark.filterwarnings("ignore:The following (rank|alpha)_pattern keys did not match")  # of experts they do
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "targets"), UNTIED)
def test_an_adapter_answers_merged_as_it_does_unmerged_and_without_warnings(name, targets):
    model = tiny(name, tie_word_embeddings=False)
    before = logits(model)
    adapted = move_adapters(prepared(model, targets).model)
    unmerged = logits(adapted)
    assert (unmerged - before).abs().max() > 1e-3
    torch.testing.assert_close(logits(adapted.merge_and_unload()), unmerged, atol=2e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Model with .tie_word_embeddings=True")
def test_an_adapter_that_was_made_elsewhere_is_refused_where_it_is_loaded(tmp_path):
    model = tiny("Llama", tie_word_embeddings=True)
    model.save_pretrained(tmp_path / "base")
    for name, targets in (("head", ["lm_head"]), ("plain", ["q_proj"])):
        made = tiny("Llama", tie_word_embeddings=True)
        get_peft_model(made, LoraConfig(r=2, target_modules=targets)).save_pretrained(tmp_path / name)
    base, head, plain = (tmp_path / name for name in ("base", "head", "plain"))
    for load in (load_tuned, load_adapted):
        load(base, plain)
        with pytest.raises(UsageError, match="the adapter on lm_head changes a weight that is shared"):
            load(base, head)
    with pytest.raises(UsageError, match="the adapter on lm_head changes a weight that is shared"):
        add_adapter(load_adapted(base, plain), head, "second")


# what targets reach


def note_of(model, targets):
    return prepared(model, targets).notes


@pytest.mark.parametrize("name", ["Llama", "Gemma3", "GPT2", "Mixtral", "Qwen3Moe"])
def test_where_all_linear_reaches_everything_but_the_head_nothing_is_said(name):
    assert note_of(tiny(name), "all-linear") == ()


def test_experts_that_are_left_out_are_counted_and_named():
    attention = 2 * (2 * 16 * 16 + 2 * 16 * 8)  # of each of 2 layers: queries and outputs, keys and values
    experts, routers = 2 * 4 * (16 * 2 * 24 + 24 * 16), 2 * 4 * 16  # gate and up in one, and down
    every = attention + experts + routers
    assert note_of(tiny("GptOss"), "all-linear") == (
        f"adapters reach {attention:,} of {every:,} linear weights ({attention / every:.1%}), the output head not "
        "counted; left out: model.layers.*.mlp.router.weight, model.layers.*.mlp.experts.gate_up_proj, "
        "model.layers.*.mlp.experts.down_proj; plain parameters, as those of experts and routers, are reached by "
        "peft's target_parameters only",
    )


def test_the_share_of_some_layers_is_said_without_a_word_of_experts():
    queries, every = 2 * 16 * 16, 2 * (2 * 16 * 16 + 2 * 16 * 8 + 3 * 16 * 24)
    (note,) = note_of(tiny("Llama"), ".*q_proj")
    assert note.startswith(f"adapters reach {queries} of {every:,} linear weights ({queries / every:.1%}), ")
    assert note.endswith("model.layers.*.mlp.up_proj, model.layers.*.mlp.down_proj")


def test_full_tuning_says_nothing_of_a_share():
    assert prepare(tiny("GptOss"), method_of("full", {}), RECIPE, 0).notes == ()


def test_biases_convolutions_and_what_multiplies_one_by_one_are_no_matrices():
    names = {one.name for one in linear_weights(tiny("Mamba", num_hidden_layers=1, state_size=4)).values()}
    mixer = "backbone.layers.0.mixer"
    assert names == {f"{mixer}.{one}" for one in ("in_proj", "x_proj", "dt_proj", "out_proj")}


def test_the_share_is_in_the_log_of_a_training():
    model = tiny("Llama", vocab_size=len(TOKENIZER), max_position_embeddings=256)
    _, log = tune(model, TOKENIZER, ITEMS[:16], lora(".*q_proj"), RECIPE, 1e-3, 0)
    assert [note[:14] for note in log.notes] == ["adapters reach"]


# targets


@pytest.mark.parametrize("targets", [".*c_atn", ("c_atn",), "c_attn", ".*embed_tokens"])
def test_targets_that_match_nothing_are_refused_with_what_there_is(targets):
    with pytest.raises(ItlError, match=r"c_attn"):
        prepared(tiny("GPT2"), targets)


def test_targets_that_no_adapter_can_go_to_are_refused_in_one_line():
    with pytest.raises(UsageError) as error:
        prepared(tiny("GPT2"), ".*(c_attn|ln_1)")
    assert str(error.value).startswith("no adapter can go to the targets '.*(c_attn|ln_1)': ")
    assert "\n" not in str(error.value)


def test_gpt2s_adapters_are_loaded_without_warnings(tmp_path):
    tiny("GPT2").save_pretrained(tmp_path / "base")
    adapted = move_adapters(prepared(tiny("GPT2"), "all-linear").model)
    adapted.save_pretrained(tmp_path / "tuned")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(
            logits(load_tuned(tmp_path / "base", tmp_path / "tuned")), logits(adapted), atol=2e-5, rtol=1e-4
        )
