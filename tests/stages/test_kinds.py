"""Models of every kind: those that are handled train, answer and are compared; any other is named in one line."""

import pytest
import torch
import transformers

from itl_bench.data.rows import Item
from itl_bench.data.weights.folder import model_files
from itl_bench.errors import ItlError, UsageError
from itl_bench.measures.token_shift import token_shifts
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.generation.greedy import cache_bytes, generate, heeds_padding
from itl_bench.stages.kinds import check_causal, check_config
from itl_bench.stages.loading import load_model, load_tokenizer, load_tuned
from itl_bench.stages.training.sharding import save_tuned
from itl_bench.stages.training.tuning import tune
from tests.helpers.methods_made import method_of
from tests.helpers.tiny_weights import LETTERS, change_json, letters_tokenizer, write_model

SIZES = {"vocab_size": len(LETTERS), "hidden_size": 16, "num_hidden_layers": 2, "bos_token_id": 1, "eos_token_id": 2}
ATTENTION = {"intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
MIXED = SIZES | {"intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "pad_token_id": 0}
STATES = {
    "mamba": lambda: transformers.MambaForCausalLM(transformers.MambaConfig(**SIZES, state_size=4)),
    "mamba2": lambda: transformers.Mamba2ForCausalLM(
        transformers.Mamba2Config(**SIZES, state_size=4, num_heads=4, head_dim=8, n_groups=1, chunk_size=8)
    ),
    "falcon-mamba": lambda: transformers.FalconMambaForCausalLM(transformers.FalconMambaConfig(**SIZES, state_size=4)),
    "rwkv": lambda: transformers.RwkvForCausalLM(transformers.RwkvConfig(**SIZES, attention_hidden_size=16)),
}
MIXTURES = {
    "lfm2": lambda: transformers.Lfm2ForCausalLM(
        transformers.Lfm2Config(**MIXED, layer_types=["conv", "full_attention"])
    ),
    "images and text": lambda: transformers.Gemma3ForConditionalGeneration(
        transformers.Gemma3Config(
            text_config=transformers.Gemma3TextConfig(**SIZES, **ATTENTION, sliding_window=8),
            vision_config=transformers.SiglipVisionConfig(
                hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=28,
                patch_size=14,
            ),
            mm_tokens_per_image=1, boi_token_index=27, eoi_token_index=28, image_token_index=29,
        )
    ),
    "gpt2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=len(LETTERS), n_embd=16, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2, resid_pdrop=0.0,
            embd_pdrop=0.0, attn_pdrop=0.0
        )
    ),
}  # fmt: skip
HANDLED = STATES | MIXTURES
ITEMS = [Item(id=f"i{number}", instruction="abc", response="de") for number in range(8)]
LORA = {"rank": 2, "alpha": 4, "targets": "all-linear"}


@pytest.fixture(params=HANDLED)
def folder(request, tmp_path):
    torch.manual_seed(0)
    model = HANDLED[request.param]()
    with torch.no_grad():
        for weight in model.parameters():  # far enough from zero for answers that differ
            if weight.dim() > 1:
                weight.mul_(4)
    model.save_pretrained(tmp_path)
    letters_tokenizer().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_is_handled_is_tuned_and_kept(folder, tmp_path, method):
    recipe = TuningRecipe(epochs=4, batch=4, template="plain", warmup_ratio=0.0)
    parameters = LORA if method == "lora" else {}
    tuned, log = tune(load_model(folder), load_tokenizer(folder), ITEMS, method_of(method, parameters), recipe, 0.01, 0)
    assert log.losses[-1] < log.losses[0]
    save_tuned(tuned, tmp_path / "tuned", log, 0.01)
    again, ids = load_tuned(folder, tmp_path / "tuned"), torch.tensor([[1, 5, 6, 7]])
    with torch.no_grad():
        torch.testing.assert_close(again(input_ids=ids).logits, tuned(input_ids=ids).logits, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(again(input_ids=ids).logits, load_model(folder)(input_ids=ids).logits)


def test_rows_are_joined_only_where_none_sees_another(folder):
    joins = load_model(folder).config.model_type not in ("mamba", "mamba2", "falcon_mamba", "rwkv", "lfm2")
    plain = {"epochs": 2, "batch": 4, "template": "plain", "warmup_ratio": 0.0}
    logs = []
    for packing in (False, True):
        recipe, parts = TuningRecipe(**plain, packing=packing), (load_model(folder), load_tokenizer(folder), ITEMS)
        logs.append(tune(*parts, method_of("full", {}), recipe, 0.01, 0)[1])
    assert logs[1].losses == pytest.approx(logs[0].losses, rel=1e-3)
    said = "rows are padded, not packed: the model would read a row as going on from the one before it"
    assert logs[1].notes == ([] if joins else [said])


def greedy_by_hand(model, prompt, count):
    """The likeliest token, one at a time, without a cache and without padding."""
    ids = list(prompt)
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        if ids[-1] == 2:
            break
    return ids[len(prompt) :]


def test_what_is_handled_answers_beside_others_as_alone(folder):
    model, prompts = load_model(folder, device="cpu"), [[1, 9], [1, 5, 6, 9, 12, 4], [1, 7, 8], [1, 4, 4], [1, 5, 9]]
    assert generate(model, prompts, 6, [2], 0) == [greedy_by_hand(model, one, 6) for one in prompts]


def test_what_is_handled_is_compared_with_itself(folder):
    model, prompts, answers = load_model(folder), [[1, 9], [1, 5, 6, 9]], [[5, 6], [7, 8, 9]]
    shifts = token_shifts(load_model(folder), model, prompts, answers, padding=0, ends=frozenset([2]))
    assert max(value for one in shifts for value in one.kl) < 1e-6


@pytest.mark.parametrize(("name", "heeds"), [("mamba", True), ("mamba2", True), ("gpt2", True), ("rwkv", False)])
def test_whether_padding_is_heeded_is_found_by_asking(name, heeds):
    torch.manual_seed(0)
    assert heeds_padding(HANDLED[name]().eval(), [1, 5, 6, 9], 0) == heeds


def test_a_state_takes_as_much_memory_for_every_length():
    mamba, gpt2 = HANDLED["mamba"]().eval(), HANDLED["gpt2"]().eval()
    assert cache_bytes(mamba, 10) == cache_bytes(mamba, 1000) == 2 * 32 * (4 + 4) * 4  # layers, channels, state, fp32
    assert cache_bytes(gpt2, 1000) == 100 * cache_bytes(gpt2, 10) == 1000 * 2 * 2 * 16 * 4


def refused(call, *arguments):
    with pytest.raises(ItlError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("T5ForConditionalGeneration", "an encoder-decoder"),
        ("BartForConditionalGeneration", "an encoder-decoder"),
        ("LlavaForConditionalGeneration", "a model of images and text"),
        ("MllamaForConditionalGeneration", "a model of images and text"),
        ("WhisperForConditionalGeneration", "a model of speech"),
        ("BertForMaskedLM", "a model that fills gaps"),
        ("LlamaModel", "a model without an output head"),
    ],
)
def test_other_kinds_say_what_they_are(architecture, kind):
    with pytest.raises(UsageError) as error:
        check_causal(architecture, "it")
    known = "no causal language model that the installed transformers knows"
    assert (
        str(error.value) == f"it is a {architecture}, {known}, but {kind}; give a decoder of text, as LlamaForCausalLM"
    )


@pytest.mark.parametrize(("kind", "words"), [("t5", "an encoder-decoder"), ("llava", "a model of images and text")])
def test_a_type_without_a_class_says_what_it_is(kind, words):
    assert refused(check_config, {"model_type": kind}, "it").startswith(f"it is of the type {kind}, {words}; give ")


def test_an_encoder_decoder_is_refused_before_a_run_and_when_it_is_loaded(tmp_path):
    config = transformers.BartConfig(
        vocab_size=30, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=64,
    )  # fmt: skip
    transformers.BartForConditionalGeneration(config).save_pretrained(tmp_path)
    letters_tokenizer().save_pretrained(tmp_path)
    assert "is a BartForConditionalGeneration, an encoder-decoder; give a causal" in refused(model_files, tmp_path)
    assert "but an encoder-decoder; give a decoder of text" in refused(load_model, tmp_path)


# tokenizers


@pytest.fixture
def without_json(tmp_path):
    folder = write_model(tmp_path)
    (folder / "tokenizer.json").unlink()
    change_json(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer")
    return folder


@pytest.mark.parametrize(
    ("content", "packages"),
    [(b"\n\x0e\n\x05<unk>\x15\x00", "sentencepiece protobuf"), (b"IQ== 0\nIg== 1\n", "tiktoken")],
)
def test_a_tokenizer_without_its_package_says_what_to_install(without_json, monkeypatch, content, packages):
    monkeypatch.setattr("itl_bench.data.weights.folder.find_spec", lambda name: None)
    (without_json / "tokenizer.model").write_bytes(content)
    for line in (refused(model_files, without_json), refused(load_tokenizer, without_json)):
        words = packages.replace(" ", " and ")
        assert f"{without_json} has its tokenizer as tokenizer.model alone, and {words} to read it is not" in line
        assert line.endswith(f"; pip install {packages}, or copy the model's tokenizer.json into the folder")


def test_with_its_package_or_a_json_beside_it_a_tokenizer_is_taken(without_json, tmp_path, monkeypatch):
    (without_json / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00")
    monkeypatch.setattr("itl_bench.data.weights.folder.find_spec", lambda name: object())
    assert "tokenizer.model" in [path.name for path in model_files(without_json).small]
    monkeypatch.setattr("itl_bench.data.weights.folder.find_spec", lambda name: None)
    letters_tokenizer().save_pretrained(without_json)
    assert model_files(without_json)
    assert load_tokenizer(without_json)("ab", add_special_tokens=False)["input_ids"] == [3, 4]


def test_a_tokenizer_that_reads_nothing_is_refused(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    core = Tokenizer(BPE({"<s>": 0, "</s>": 1}, []))
    empty = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
    empty.save_pretrained(tmp_path)
    assert "has no token that text could become" in refused(load_tokenizer, tmp_path)
