"""The truncated shift against a plain loop over lists of kept tokens, as the borrowed code works."""

import math

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Prompt
from itl_bench.measures.token_shift import token_shifts
from itl_bench.measures.truncated_shift import truncated_shifts, truncated_table, truncated_values


def slow(base: list[float], tuned: list[float], top_k: int) -> tuple[float, float, float]:
    kept = []
    for logits in (base, tuned):
        ids = sorted(range(len(logits)), key=lambda token: -logits[token])[:top_k]
        total = sum(math.exp(logits[token]) for token in ids)
        kept.append({token: math.exp(logits[token]) / total for token in ids})
    first, second = kept
    kl = sum(p * math.log(p / second[token]) for token, p in first.items() if token in second)
    choice = next(iter(second))
    rank = list(first).index(choice) if choice in first else top_k
    return kl, first.get(choice, 0.0), float(rank)


@settings(deadline=None)
@given(st.data(), st.integers(1, 12))
def test_against_a_plain_loop(data, top_k):
    distinct = st.lists(st.integers(-400, 400), min_size=9, max_size=9, unique=True)  # no ties: their order is open
    rows = [[[value / 20 for value in data.draw(distinct)] for _ in range(2)] for _ in range(3)]
    base, tuned = (torch.tensor([row[side] for row in rows], dtype=torch.float64) for side in (0, 1))
    expected = [slow(*row, top_k) for row in rows]
    np.testing.assert_allclose(truncated_values(base, tuned, top_k).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_it_is_no_divergence():
    base = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    tuned = torch.tensor([[3.0, 0.0, 1.0, 2.9]])
    kl, probability, rank = truncated_values(base, tuned, top_k=1)[0].tolist()
    assert (kl, probability, rank) == (0.0, 1.0, 0.0)
    assert truncated_values(torch.tensor([[1.0, 0.9, 0.0]]), torch.tensor([[1.0, 0.0, -9.0]]), top_k=2)[0, 0] < 1
    disjoint = truncated_values(torch.tensor([[1.0, 0.0, -9.0, -9.1]]), torch.tensor([[-9.0, -9.1, 1.0, 0.0]]), 2)
    assert disjoint.tolist() == [[0.0, 0.0, 2.0]]
    negative = truncated_values(torch.tensor([[0.0, 0.1, -9.0]]), torch.tensor([[2.0, -9.0, 0.0]]), top_k=2)
    assert negative[0, 0] < 0


def model(seed: int):
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        initializer_range=0.3, pad_token_id=0,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def test_with_the_whole_vocabulary_kept_it_is_the_token_shift():
    arguments = (model(1), model(2), [[1, 5], [1]], [[6, 7, 8, 2], []], 0)
    full, empty = token_shifts(*arguments, ends={2})
    kept, nothing = truncated_shifts(*arguments, ends={2}, top_k=50)
    np.testing.assert_allclose(kept.kl, full.kl, rtol=1e-4)
    np.testing.assert_allclose(kept.base_probability, full.base_probability, rtol=1e-4)
    np.testing.assert_array_equal(np.array(kept.base_rank) + 1, full.base_rank)
    assert nothing.kl == empty.kl == ()
    few, _ = truncated_shifts(*arguments, ends={2}, top_k=3, positions_per_chunk=2)
    assert few.kl != kept.kl
    assert max(few.base_rank) <= 3


def test_table():
    arguments = (model(1), model(2), [[1, 5], [1]], [[6, 7, 8, 2], []], 0)
    shifts = truncated_shifts(*arguments, ends={2})
    table = truncated_table([Prompt(id=name, unit="u", instruction="?") for name in "ab"], shifts)
    assert table.columns["truncated_kl"] == (pytest.approx(sum(shifts[0].kl) / 3), None)
    assert table.columns["truncated_base_rank"] == (pytest.approx(sum(shifts[0].base_rank) / 3), None)
    expected = sum(shifts[0].base_probability) / 3
    assert table.columns["truncated_base_probability"] == (pytest.approx(expected), None)
