import pytest

from itl_bench.data.tokens.asking import WORLD, Asking, line_ends
from itl_bench.data.tokens.template import response_text
from tests.helpers.tiny_tokenizers import gemma_like, qwen_like


def test_the_bios_world_adds_nothing_to_a_spec():
    assert WORLD.spec() == {}
    assert Asking.of({"measure": "shift"}) == WORLD


@pytest.mark.parametrize("asking", [Asking("plain"), Asking("alpaca", "line", 12), Asking(stop="line")])
def test_a_spec_holds_all_of_it(asking):
    assert Asking.of({"measure": "shift", **asking.spec()}) == asking


@pytest.mark.parametrize("tokenizer", [gemma_like(), qwen_like()])
def test_every_token_with_a_line_break_ends_a_line_and_no_other(tokenizer):
    ends = set(line_ends(tokenizer))
    assert ends == {number for number in range(len(tokenizer)) if "\n" in tokenizer.decode([number])}
    assert ends


def test_an_answer_ends_with_its_line_only_where_that_is_asked():
    tokenizer = gemma_like()
    assert Asking("plain").ends(tokenizer) == {tokenizer.eos_token_id}
    assert Asking("plain", "line").ends(tokenizer) == {tokenizer.eos_token_id, *line_ends(tokenizer)}


def test_an_answer_ends_with_the_templates_end_or_with_that_of_a_text():
    """A base has learned the one while it was pre-trained, and the other only if it was tuned."""
    tokenizer = qwen_like()
    turn, text = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert Asking("chat").ends(tokenizer) == {turn, text}
    assert Asking("plain").ends(tokenizer) == {text}
    said = tokenizer("Paris")["input_ids"]
    for end in (turn, text):
        assert response_text(tokenizer, [*said, end, *said]) == "Paris"
