"""The token shift of tiny random models against one forward per token and numpy in double precision."""

from contextlib import contextmanager, nullcontext

import numpy as np
import peft
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.errors import EvidenceError, UsageError
from itl_bench.measures.token_shift import shift_values, token_shifts
from itl_bench.measures.token_shift_logits import teacher_forced
from itl_bench.run.perf.shift import compare_shift_speed, tiny_material

VOCABULARY, PADDING, END = 50, 0, 2
PROMPTS = [[1, 7, 8], [1, 9], [1, 3, 4, 5, 6, 7, 8, 9, 10], [1], [1, 11, 12], [1, 13]]
RESPONSES = [[20, 21, 22, END], [30], [40, 41, 42, 43, 44], [25, END, 26], [], [END]]
SCORED = [[20, 21, 22], [30], [40, 41, 42, 43, 44], [25, END, 26], [], []]
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": PADDING,
    "bos_token_id": 1, "eos_token_id": END, "initializer_range": 0.3,
}  # fmt: skip


def llama(seed: int, **options):
    torch.manual_seed(seed)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**(SIZES | options))).eval()


def adapted(seed: int = 5):
    """A PEFT model whose adapter does something."""
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "down_proj", "lm_head"], lora_dropout=0.5)
    model = peft.get_peft_model(llama(1), config).eval()
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return model


def shifts(base, tuned, prompts=PROMPTS, responses=RESPONSES, ends=(END,), **chunks):
    return token_shifts(base, tuned, prompts, responses, PADDING, ends=ends, **chunks)


def slow(base, tuned, prompt, response, off=nullcontext):
    """One forward of each model per token, all logits, no cache, no padding; softmax in double precision."""
    rows = []
    for position in range(len(response)):
        ids = torch.tensor([prompt + response[:position]])
        with torch.no_grad():
            with off():
                of_base = base(ids, use_cache=False).logits[0, -1].double().numpy()
            of_tuned = tuned(ids, use_cache=False).logits[0, -1].double().numpy()
        p, q = (np.exp(of - of.max()) / np.exp(of - of.max()).sum() for of in (of_base, of_tuned))
        choice = int(np.argmax(q))
        rank = [*np.argsort(-p, kind="stable")].index(choice) + 1
        rows.append((np.sum(p * np.log(p / q)), np.sum(q * np.log(q / p)), p[choice], rank))
    return np.array(rows).reshape(-1, 4)


def as_array(shift):
    return np.array([shift.kl, shift.reverse_kl, shift.base_probability, shift.base_rank]).T


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_against_one_forward_per_token(tied):
    base, tuned = llama(1, tie_word_embeddings=tied), llama(2, tie_word_embeddings=tied)
    found = shifts(base, tuned)
    assert [list(shift.tokens) for shift in found] == SCORED
    for shift, prompt, response in zip(found, PROMPTS, SCORED, strict=True):
        expected = slow(base, tuned, prompt, response)
        np.testing.assert_allclose(as_array(shift), expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(shift.base_rank, expected[:, 3])
    assert min(found[2].kl) > 0.01
    assert len(set(found[2].base_rank)) > 1


def test_a_response_alone_has_the_values_that_it_has_among_others():
    base, tuned = llama(1), llama(2)
    together = shifts(base, tuned)
    for shift, prompt, response in zip(together, PROMPTS, RESPONSES, strict=True):
        (alone,) = shifts(base, tuned, [prompt], [response])
        assert alone.tokens == shift.tokens
        np.testing.assert_allclose(as_array(alone), as_array(shift), rtol=1e-4, atol=1e-6)


def test_the_padding_token_does_not_matter():
    base, tuned = llama(1), llama(2)
    zero, other = (token_shifts(base, tuned, PROMPTS, RESPONSES, padding, ends={END}) for padding in (PADDING, 33))
    for one, two in zip(zero, other, strict=True):
        np.testing.assert_array_equal(as_array(one), as_array(two))


@pytest.mark.parametrize(("rows", "positions"), [(1, 1), (2, 3), (100, 1), (1, 100), (4, 7)])
def test_the_size_of_chunks_does_not_matter(rows, positions):
    base, tuned = llama(1), llama(2)
    chunked = shifts(base, tuned, rows_per_chunk=rows, positions_per_chunk=positions)
    for one, two in zip(chunked, shifts(base, tuned), strict=True):
        np.testing.assert_allclose(as_array(one), as_array(two), rtol=1e-4, atol=1e-6)


def test_the_output_head_never_sees_more_positions_than_a_chunk():
    base, tuned = llama(1), llama(2)
    seen = []
    for model in (base, tuned):
        model.lm_head.register_forward_hook(lambda module, given, logits: seen.append(logits.shape[:-1].numel()))
    rows = [[1, *range(3, 40)]] * 3
    shifts(base, tuned, rows, rows, positions_per_chunk=17, rows_per_chunk=2)
    assert max(seen) == 17
    assert sum(seen) == 2 * (3 * 38 + 2 * 16), "each position once, and 16 tokens twice to check the model"


def test_identical_models_do_not_shift():
    model = llama(1)
    for base in (model, llama(1)):
        for shift in shifts(base, model):
            assert set(shift.kl) <= {0.0}
            assert set(shift.reverse_kl) <= {0.0}
            assert set(shift.base_rank) <= {1.0}


def test_an_adapter_switched_off_equals_the_base_without_adapter():
    tuned = adapted()
    assert "lora" in " ".join(name for name, _ in tuned.base_model.model.lm_head.named_parameters())
    off = shifts(None, tuned)
    given = shifts(llama(1), tuned)
    merged = shifts(llama(1), adapted().merge_and_unload().eval())
    for one, two, three in zip(off, given, merged, strict=True):
        np.testing.assert_array_equal(as_array(one), as_array(two))
        np.testing.assert_allclose(as_array(one), as_array(three), rtol=1e-3, atol=1e-5)
    assert min(off[2].kl) > 0.01


def test_an_adapter_switched_off_against_one_forward_per_token():
    tuned = adapted()
    for shift, prompt, response in zip(shifts(None, tuned), PROMPTS, SCORED, strict=True):
        expected = slow(tuned, tuned, prompt, response, off=tuned.disable_adapter)
        np.testing.assert_allclose(as_array(shift), expected, rtol=1e-4, atol=1e-6)


def test_another_adapter_in_the_bases_place_equals_a_model_with_that_adapter():
    both = adapted(5)
    both.add_adapter("other", both.peft_config["default"])
    torch.manual_seed(6)
    for name, parameter in both.eval().named_parameters():
        if ".other." in name:
            torch.nn.init.normal_(parameter, std=0.4)
    found = shifts("other", both)
    assert both.active_adapter == "default"
    for shift, prompt, response in zip(found, PROMPTS, SCORED, strict=True):
        expected = slow(both, both, prompt, response, off=lambda: under(both, "other"))
        np.testing.assert_allclose(as_array(shift), expected, rtol=1e-4, atol=1e-6)
    assert min(found[2].kl) > 0.01
    for shift in shifts("default", both):
        assert set(shift.kl) <= {0.0}


@contextmanager
def under(model, name):
    model.set_adapter(name)
    yield
    model.set_adapter("default")


def test_a_new_adapter_does_not_shift():
    model = peft.get_peft_model(llama(1), peft.LoraConfig(r=2, target_modules=["q_proj"])).eval()
    for shift in shifts(None, model):
        assert set(shift.kl) <= {0.0}
        assert set(shift.base_rank) <= {1.0}


def test_end_tokens_count_only_where_they_do_not_end_the_response():
    kept = shifts(llama(1), llama(2), ends=())
    assert [list(shift.tokens) for shift in kept] == RESPONSES
    assert [row.tokens for row in teacher_forced([[1]], [[END, END]], {END})] == [(END,)]


def test_other_kinds_of_models_their_last_steps_included():
    """Gemma caps its logits after the output head; GPT-2 names its parts in its own way."""
    gemma = transformers.Gemma2Config(**(SIZES | {"head_dim": 8}), final_logit_softcapping=0.5)
    gpt = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=END
    )
    for kind, config in ((transformers.Gemma2ForCausalLM, gemma), (transformers.GPT2LMHeadModel, gpt)):
        torch.manual_seed(3)
        base, tuned = kind(config).eval(), kind(config).eval()
        for shift, prompt, response in zip(shifts(base, tuned), PROMPTS, SCORED, strict=True):
            np.testing.assert_allclose(as_array(shift), slow(base, tuned, prompt, response), rtol=1e-4, atol=1e-6)


def test_a_model_that_changes_its_logits_in_an_unknown_way_is_refused():
    config = transformers.GraniteConfig(**SIZES, logits_scaling=4.0)
    model = transformers.GraniteForCausalLM(config).eval()
    with pytest.raises(UsageError, match="the logits of GraniteForCausalLM are not its output head's"):
        shifts(model, model)


def test_what_cannot_be_compared_is_refused():
    model = llama(1)
    with pytest.raises(UsageError, match="predicts 50 tokens and the tuned one 51"):
        shifts(model, llama(1, vocab_size=VOCABULARY + 1))
    with pytest.raises(UsageError, match="no adapter to switch off"):
        shifts(None, model)
    with pytest.raises(UsageError, match="unknown adapter of the tuned model 'defalt'; did you mean 'default'"):
        shifts("defalt", adapted())
    with pytest.raises(UsageError, match="unknown adapter"):
        shifts("default", model)
    with pytest.raises(UsageError, match="training mode"):
        shifts(model, llama(2).train())
    with pytest.raises(UsageError, match="a prompt has no tokens"):
        shifts(model, model, [[]], [[3]])
    tuned = adapted()
    with pytest.raises(UsageError, match="holds the tuned model's adapter"):
        shifts(tuned.get_base_model(), tuned)


def test_logits_that_are_not_finite_are_no_evidence():
    model = llama(1)
    broken = llama(2)
    with torch.no_grad():
        broken.lm_head.weight[3] = torch.nan
    with pytest.raises(EvidenceError, match="not finite"):
        shifts(model, broken)


LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=5, max_size=5)


@settings(deadline=None)
@given(LOGITS, LOGITS)
def test_values_of_any_logits(base, tuned):
    (values,) = shift_values(torch.tensor([base]), torch.tensor([tuned])).tolist()
    kl, reverse_kl, probability, rank = values
    p, q = (np.array(of) - np.logaddexp.reduce(of) for of in (base, tuned))
    assert kl >= 0
    assert reverse_kl >= 0
    assert kl == pytest.approx(np.sum(np.exp(p) * (p - q)), rel=1e-4, abs=2e-5)
    assert reverse_kl == pytest.approx(np.sum(np.exp(q) * (q - p)), rel=1e-4, abs=2e-5)
    choice = tuned.index(max(tuned))
    assert probability == pytest.approx(np.exp(p[choice]), rel=1e-4)
    assert rank == sorted(range(5), key=lambda token: (-base[token], token)).index(choice) + 1


def test_small_divergences_keep_their_digits():
    """KL of distributions that hardly differ, over a vocabulary of real size: rounding must not drown it."""
    torch.manual_seed(0)
    base = 3 * torch.randn(4, 32000)
    tuned = base + 0.001 * torch.randn(4, 32000)
    p, q = (of.double().numpy() - np.logaddexp.reduce(of.double().numpy(), axis=1)[:, None] for of in (base, tuned))
    expected = np.sum(np.exp(p) * (p - q), axis=1)
    assert expected.max() < 1e-6
    np.testing.assert_allclose(shift_values(base, tuned)[:, 0].numpy(), expected, rtol=0.15)


def test_equally_likely_tokens_rank_by_id():
    even = torch.zeros(1, 4)
    assert shift_values(even, even)[0, 3] == 1
    assert shift_values(even, torch.tensor([[0.0, 0.0, 1.0, 0.0]]))[0, 3] == 3


def test_all_ways_of_computing_it_agree():
    result = compare_shift_speed(tiny_material(responses=3, tokens=5))
    assert result["largest_difference"] < 1e-5
    assert all(result[name] > 0 for name in ("chunked", "full_logits_loop", "last_position_loop"))
    assert result["full_logits_ratio"] == pytest.approx(result["full_logits_loop"] / result["chunked"])
    assert result["last_position_ratio"] == pytest.approx(result["last_position_loop"] / result["chunked"])
