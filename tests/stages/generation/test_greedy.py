"""Batched decoding with a cache gives what one full forward pass per token gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

from itl_bench.stages.generation.decoding import STEPS, decode
from itl_bench.stages.generation.greedy import generate

END, PADDING = 2, 0


def tiny():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=17, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def sliding():
    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=17, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=64, sliding_window=4, initializer_range=0.5,
    )  # fmt: skip
    return MistralForCausalLM(config).eval()


MODEL, SLIDING = tiny(), sliding()
ENDS = {END, 7}


def slowly(prompt, limit):
    ids, response = list(prompt), []
    while len(response) < limit:
        with torch.inference_mode():
            token = int(MODEL(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        ids.append(token)
        response.append(token)
        if token == END:
            break
    return response


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(3, 16), min_size=1, max_size=9), min_size=1, max_size=6))
def test_equals_one_forward_pass_per_token(prompts):
    assert generate(MODEL, prompts, 8, [END], PADDING) == [slowly(prompt, 8) for prompt in prompts]


def test_more_prompts_than_a_batch_keep_their_order(monkeypatch):
    monkeypatch.setattr("itl_bench.stages.generation.greedy.BATCH", 2)
    prompts = [[3, 4, 5], [6], [7, 8], [9, 10, 11, 12], [13]]
    assert generate(MODEL, prompts, 5, [END], PADDING) == [slowly(prompt, 5) for prompt in prompts]


def test_any_of_several_tokens_ends_an_answer():
    prompts = [[3, 4, 5], [6], [7, 8]]
    long = generate(MODEL, prompts, 12, [END], PADDING)
    other = long[0][1]
    cut = [answer[: answer.index(other) + 1] if other in answer else answer for answer in long]
    assert generate(MODEL, prompts, 12, [END, other], PADDING) == cut


def test_prompts_whose_cache_would_not_fit_are_decoded_in_turn(monkeypatch):
    prompts = [[3, 4, 5], [6], [7, 8]]
    together = generate(MODEL, prompts, 5, [END], PADDING)
    monkeypatch.setattr("itl_bench.stages.generation.greedy.CACHE_BYTES_ON_CPU", 1)
    batches = []
    own = MODEL.generate
    monkeypatch.setattr(MODEL, "generate", lambda **given: batches.append(len(given["input_ids"])) or own(**given))
    assert generate(MODEL, prompts, 5, [END], PADDING) == together
    assert batches[2:] == [1, 1, 1]  # the first two ask whether padding is heeded


@pytest.mark.parametrize("limit", [1, 7, 8, 9, 24])
def test_answers_are_the_same_however_often_ended_ones_leave_the_batch(limit):
    """Gaps too; sliding windows that are shorter than what was read, as Gemma has them, are cut by row as well."""
    prompts = [[3, 4, 5], [6], [7, 8], [9, 10, 11, 12], [13], [14] * 6]
    for model in (MODEL, SLIDING):
        alone = [decode(model, [prompt], limit, ENDS, PADDING, with_gaps=True)[0] for prompt in prompts]
        for steps in (1, 3, 8, 99):
            found = decode(model, prompts, limit, ENDS, PADDING, with_gaps=True, steps=steps)
            assert [one.ids for one in found] == [one.ids for one in alone]
            for one, other in zip(found, alone, strict=True):
                assert one.gaps == pytest.approx(other.gaps, abs=1e-4)


def test_ended_answers_cost_nothing_more(monkeypatch):
    prompts, sizes = [[3, 4, 5], [6], [7, 8], [9, 10, 11, 12]], []
    lengths = sorted(len(one) for one in generate(MODEL, prompts, 24, sorted(ENDS), PADDING))
    assert lengths[0] <= STEPS < lengths[-1]  # or nobody would leave before the others
    own = MODEL.forward
    monkeypatch.setattr(MODEL, "forward", lambda *given, **named: sizes.append(len(named["input_ids"])) or own(**named))
    decode(MODEL, prompts, 24, ENDS, PADDING)
    assert sizes[0] == len(prompts) > sizes[STEPS] == sum(length > STEPS for length in lengths)


def test_a_model_that_keeps_a_state_is_decoded_whole():
    torch.manual_seed(0)
    config = MambaConfig(vocab_size=17, hidden_size=16, state_size=4, num_hidden_layers=2, initializer_range=0.5)
    model = MambaForCausalLM(config).eval()
    prompts = [[3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert decode(model, prompts, 12, set(), PADDING, steps=4) == decode(model, prompts, 12, set(), PADDING, steps=99)
