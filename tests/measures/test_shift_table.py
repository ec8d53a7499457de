"""Means over tokens, against plain sums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.rows import Prompt
from itl_bench.errors import EvidenceError
from itl_bench.measures.shift_table import TokenShift, shift_table

TOKEN = st.tuples(st.floats(0, 20), st.floats(0, 20), st.floats(0, 1), st.integers(1, 9).map(float))


def prompts(count: int) -> list[Prompt]:
    return [Prompt(id=f"p{number}", unit=f"u{number}", instruction="?") for number in range(count)]


def make(tokens: list[tuple[float, float, float, float]]) -> TokenShift:
    columns = list(zip(*tokens, strict=True)) if tokens else [()] * 4
    return TokenShift(*columns, tokens=tuple(range(len(tokens))))


@given(st.lists(st.lists(TOKEN, min_size=1, max_size=8), min_size=1, max_size=4))
def test_means_over_the_tokens_of_each_answer(answers):
    table = shift_table(prompts(len(answers)), [make(tokens) for tokens in answers])
    for row, tokens in enumerate(answers):
        found = {name: values[row] for name, values in table.columns.items()}
        count = len(tokens)
        for column, name in enumerate(("kl", "reverse_kl", "base_probability", "base_rank")):
            assert found[name] == pytest.approx(sum(token[column] for token in tokens) / count, abs=1e-12)
        assert found["base_improbability"] == pytest.approx(sum(1 - token[2] for token in tokens) / count, abs=1e-12)
        ranks = [token[3] for token in tokens]
        assert found["unshifted"] == ranks.count(1) / count
        assert found["marginal"] == (ranks.count(2) + ranks.count(3)) / count
        assert found["shifted"] == len([rank for rank in ranks if rank not in (1, 2, 3)]) / count
        assert found["unshifted"] + found["marginal"] + found["shifted"] == pytest.approx(1)
        assert found["tokens"] == count


def test_an_answer_without_tokens_says_nothing_but_its_length():
    table = shift_table(prompts(2), [make([]), make([(1.0, 2.0, 0.5, 4.0)])])
    assert table.prompts == ("p0", "p1")
    assert table.units == ("u0", "u1")
    assert table.columns["tokens"] == (0.0, 1.0)
    assert {values[0] for name, values in table.columns.items() if name != "tokens"} == {None}
    assert table.columns["shifted"] == (None, 1.0)


def test_one_shift_per_prompt():
    with pytest.raises(EvidenceError, match="column 'kl' has 1 values for 2 prompts"):
        shift_table(prompts(2), [make([])])
