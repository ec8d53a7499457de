"""Text that spells a special token stays text, whatever the tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from itl_bench.data.rows import Exchange, Item
from itl_bench.data.tokens.preflight import ModelFacts, problems
from itl_bench.data.tokens.special_tokens import (
    begin_ids,
    continued_ids,
    end_id,
    padding_id,
    special_ids,
    text_ids,
    trusted_ids,
)
from itl_bench.data.tokens.template import prompt_ids, training_example
from itl_bench.errors import ItlError
from tests.helpers.tiny_tokenizers import (
    ALL,
    begins_with,
    byte_level,
    gemma_like,
    gpt_neox_like,
    llama_like,
    qwen_like,
)

ROWS = [
    Item(id="1", instruction="Hi", response="Yo"),
    Item(id="2", instruction="Q2", response="A2", history=(Exchange(instruction="Q1", response="A1"),)),
]

SPELLED = [
    "<eos>",
    "<bos>",
    "<pad>",
    "<|endoftext|>",
    "<|im_end|>",
    "<end_of_turn>",
    "<unk>",
    " ",
    "\n",
    "a",
    "é",
    "{x}",
]
TEXTS = st.lists(st.one_of(st.sampled_from(SPELLED), st.text(max_size=4)), max_size=6).map("".join)


@pytest.mark.parametrize("tokenizer", ALL.values(), ids=ALL)
@given(TEXTS.filter(lambda text: "▁" not in text))
def test_any_text_comes_back_and_holds_no_special_token(tokenizer, text):
    ids = text_ids(tokenizer, text)
    assert special_ids(tokenizer).isdisjoint(ids)
    assert tokenizer.decode(ids) == text


def test_trusted_text_is_parsed_and_gets_nothing_added():
    tokenizer = gemma_like()
    assert trusted_ids(tokenizer, "<bos>a<eos>") == (2, tokenizer.convert_tokens_to_ids("a"), 1)


def test_a_token_that_is_not_declared_special_is_broken_up_where_it_is_forbidden():
    tokenizer = gpt_neox_like()
    tokenizer.add_tokens([AddedToken("<|im_end|>", special=False)])
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end in text_ids(tokenizer, "a<|im_end|>b")
    ids = text_ids(tokenizer, "a<|im_end|>b<|im_end|>", {end})
    assert end not in ids
    assert tokenizer.decode(ids) == "a<|im_end|>b<|im_end|>"


def words(**tokens):
    """Whole words, special ones among them: the option of transformers does not reach those."""
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "<": 2, "/s>": 3, "E": 4, "a": 5}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **tokens)


def test_a_special_word_of_the_plain_vocabulary_is_broken_up():
    assert text_ids(words(eos_token="</s>"), "a </s> a b") == (5, 2, 3, 5, 0)


def test_what_cannot_be_broken_up_is_refused():
    with pytest.raises(ItlError, match=r"spells \['E'\]"):
        text_ids(words(eos_token="E"), "a E a")


def test_a_special_token_that_is_added_later_counts():
    tokenizer = qwen_like()
    before = special_ids(tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<new>"})
    assert special_ids(tokenizer) - before == {tokenizer.bos_token_id}
    tokenizer.eos_token = "a"  # a plain one takes the role
    assert tokenizer.eos_token_id in special_ids(tokenizer)


def opt_like():
    """Its begin token is its end token."""
    tokenizer = byte_level(bos_token="</s>", eos_token="</s>")
    tokenizer.backend_tokenizer.post_processor = begins_with("</s>", tokenizer.eos_token_id)
    return tokenizer


def bloom_like():
    """It declares a begin token that it never puts."""
    return byte_level(bos_token="<s>", eos_token="</s>")


def t5_like():
    tokenizer = byte_level(eos_token="</s>", sep_token="[SEP]")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP]", special_tokens=[("[SEP]", tokenizer.sep_token_id)]
    )
    return tokenizer


@pytest.mark.parametrize(
    ("make", "begin", "end"),
    [
        (gpt_neox_like, [], "<|endoftext|>"), (qwen_like, [], "<|endoftext|>"), (gemma_like, ["<bos>"], "<eos>"),
        (llama_like, ["<bos>"], "<eos>"), (opt_like, ["</s>"], "</s>"), (bloom_like, [], "</s>"),
        (t5_like, [], "[SEP]"),
    ],
)  # fmt: skip
def test_begin_and_end_are_what_the_tokenizer_itself_puts_around_a_text(make, begin, end):
    tokenizer = make()
    assert tokenizer.convert_ids_to_tokens(list(begin_ids(tokenizer))) == begin
    assert tokenizer.convert_ids_to_tokens(end_id(tokenizer)) == end


def test_the_vocabulary_is_not_read_for_every_row(monkeypatch):
    """One of 262,144 words takes a second: that was most of the time of a model of 270M parameters."""
    tokenizer = gemma_like()
    monkeypatch.setattr(type(tokenizer), "get_vocab", lambda self: pytest.fail("the vocabulary was read"))
    assert begin_ids(tokenizer)
    assert end_id(tokenizer)


@pytest.mark.parametrize("make", [opt_like, bloom_like, llama_like, gemma_like])
@pytest.mark.parametrize("template", ["plain", "alpaca", "in-context"])
def test_a_prompt_begins_as_the_tokenizer_begins_a_text(make, template):
    tokenizer = make()
    prompt = prompt_ids(tokenizer, "Hi", template)
    whole = tokenizer(tokenizer.decode(prompt, skip_special_tokens=True))["input_ids"]
    assert prompt[:3] == tuple(whole[:3])
    assert template == "in-context" or problems(tokenizer, ModelFacts(len(tokenizer)), ROWS, template) == []


def test_begin_is_found_of_a_text_that_the_tokenizer_can_write():
    backend = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "ACGT": 2}))
    backend.post_processor = begins_with("<s>", 0)
    letters = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    assert begin_ids(letters) == (0,)
    mute = Tokenizer(models.WordLevel({"<s>": 0}))
    mute.normalizer = normalizers.Replace(Regex("."), "")
    with pytest.raises(ItlError, match="cannot write any of its own tokens"):
        begin_ids(PreTrainedTokenizerFast(tokenizer_object=mute))


@pytest.mark.parametrize("text", ["hello </s> world", "</s>", "a<|im_end|>b", " <s>"])
def test_a_spelled_special_token_brings_no_spaces(text):
    tokenizer = llama_like()
    special = {"</s>": "<eos>", "<s>": "<bos>", "<|im_end|>": "<eos>"}
    for name, own in special.items():
        text = text.replace(name, own)
    item = Item(id="x", instruction=text, response=text)
    said = text.strip() if tokenizer.chat_template.count("trim") else text
    assert tokenizer.decode(training_example(tokenizer, item).ids) == f"<bos> [INST] {said} [/INST] {said} <eos>"


def test_text_behind_other_text_gets_no_space_of_its_own():
    tokenizer = llama_like()
    assert tokenizer.convert_ids_to_tokens(list(continued_ids(tokenizer, "ab c"))) == ["a", "b", "▁", "c"]
    assert continued_ids(tokenizer, "") == ()
    for tokenizer in (gemma_like(), qwen_like()):
        assert continued_ids(tokenizer, "\n<eos>a") == trusted_ids(tokenizer, "\n<eos>a")


def test_padding_is_the_padding_token_or_else_unknown_or_end():
    assert padding_id(gemma_like()) == 0
    assert padding_id(words(eos_token="</s>")) == 0  # unknown
    assert padding_id(gpt_neox_like()) == gpt_neox_like().eos_token_id
    bare = gpt_neox_like()
    bare.eos_token = bare.bos_token = None
    with pytest.raises(ItlError, match="no padding, unknown or end token"):
        padding_id(bare)
