"""Models that see what they are to predict are refused when they are loaded, in every precision; decoders are not."""

import pytest
import torch
import transformers

from itl_bench.errors import UsageError
from itl_bench.stages import causality
from itl_bench.stages.causality import check_reads_forwards
from itl_bench.stages.loading import load_model
from tests.helpers.tiny_architectures import SIZES, tiny
from tests.helpers.tiny_training import gemma, llama
from tests.helpers.tiny_weights import letters_tokenizer

XL = {"vocab_size": 64, "d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24}
XLM = {"vocab_size": 64, "emb_dim": 16, "n_layers": 2, "n_heads": 2}
AHEAD = {
    "bert": lambda: transformers.BertLMHeadModel(transformers.BertConfig(**SIZES)),
    "roberta": lambda: transformers.RobertaForCausalLM(transformers.RobertaConfig(**SIZES)),
    "xlnet": lambda: transformers.XLNetLMHeadModel(transformers.XLNetConfig(**XL)),
    "xlm": lambda: transformers.XLMWithLMHeadModel(transformers.XLMConfig(**XLM)),
}
DECODERS = ["Llama", "Gemma3", "GptOss", "Mixtral", "Qwen3Moe", "Mamba", "GPT2", "Bloom", "OPT"]
PRECISIONS = [torch.float32, torch.bfloat16]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    """Every model is asked, whoever was before."""
    monkeypatch.setattr(causality, "FORWARDS", set())


def refused(model):
    with pytest.raises(UsageError) as error:
        check_reads_forwards(model.eval(), "it")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", AHEAD)
def test_a_model_that_sees_what_it_is_to_predict_is_refused(name, precision):
    torch.manual_seed(0)
    assert "whose logits depend on the tokens that come after: it sees" in refused(AHEAD[name]().to(precision))


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_is_not(name, precision):
    more = {"moe_intermediate_size": 16} if name == "Qwen3Moe" else {}  # a kernel wants multiples of 16 bytes
    check_reads_forwards(tiny(name, **more).to(precision), "it")


def test_the_same_class_as_a_decoder_is_not():
    torch.manual_seed(0)
    check_reads_forwards(transformers.BertLMHeadModel(transformers.BertConfig(**SIZES, is_decoder=True)).eval(), "it")


def test_experts_that_round_otherwise_beside_other_tokens_are_not_taken_for_it(monkeypatch):
    model, asked = tiny("Mixtral").to(torch.bfloat16), []

    def rounded(module, inputs, output):  # every call is a bf16 step away from the one before
        asked.append(output)
        output.logits = output.logits * (1 + 2**-8 * len(asked))

    model.register_forward_hook(rounded)
    check_reads_forwards(model, "it")
    assert len(asked) == 3  # two rows, then the gradient


def test_a_folder_of_such_a_model_is_refused_where_it_is_loaded(tmp_path):
    torch.manual_seed(0)
    sizes = SIZES | {"vocab_size": 30}
    transformers.BertLMHeadModel(transformers.BertConfig(**sizes)).save_pretrained(tmp_path)
    letters_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=r"sees what it is to predict \(is_decoder is false in its config.json\)"):
        load_model(tmp_path, device="cpu")


def test_a_model_that_does_not_learn_from_text_alone_is_refused():
    torch.manual_seed(0)
    line = refused(transformers.GitForCausalLM(transformers.GitConfig(**SIZES)))
    assert line.startswith("it is a GitForCausalLM that does not run on a row of tokens alone: ")


def test_a_model_is_asked_once_however_often_it_is_loaded(monkeypatch):
    asked = []
    monkeypatch.setattr(causality, "_sees_ahead", lambda model: bool(asked.append(model)))
    for model in (llama(), llama(), gemma()):
        check_reads_forwards(model, "it")
    assert len(asked) == 2
