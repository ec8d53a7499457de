"""First 5% of a sentence against the rest: hand-made cases and a plain loop."""

import math
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.rows import Prompt
from itl_bench.measures.sentence_start import sentence_start_table
from itl_bench.measures.shift_table import TokenShift

END = 9


def shift(kl: list[float], tokens: list[int] | None = None) -> TokenShift:
    ids = tuple(tokens or [1] * len(kl))
    ones = (1.0,) * len(kl)
    return TokenShift(tuple(kl), ones, ones, ones, ids)


def row(of: TokenShift) -> dict[str, float | None]:
    table = sentence_start_table([Prompt(id="p", unit="u", instruction="?")], [of], lambda token: token == END)
    assert (table.prompts, table.units) == (("p",), ("u",))
    return {name: values[0] for name, values in table.columns.items()}


@pytest.mark.parametrize(("n", "first"), [(2, 1), (20, 1), (21, 2), (40, 2), (41, 3), (60, 3), (140, 7), (141, 8)])
def test_the_start_is_five_percent_rounded_up(n, first):
    found = row(shift([1.0] * first + [0.0] * (n - first)))
    assert (found["first"], found["rest"]) == (1.0, 0.0)
    assert found["drop"] == 1.0


def test_sentences_are_averaged_and_the_rest_after_the_last_is_one():
    found = row(shift([4.0, 1.0, 1.0, 8.0, 2.0, 6.0, 3.0], [1, 1, END, 1, END, 1, 1]))
    assert found["first"] == pytest.approx(6.0)
    assert found["rest"] == pytest.approx(2.0)
    assert found["drop"] == pytest.approx(4.0)


def test_sentences_of_one_token_are_left_out():
    assert row(shift([9.0, 2.0, 1.0, 7.0], [END, 1, END, 1]))["first"] == 2.0


@pytest.mark.parametrize("of", [shift([]), shift([1.0]), shift([1.0, 2.0], [END, END])], ids=["none", "one", "ends"])
def test_without_a_sentence_of_two_tokens_nothing_is_said(of):
    assert row(of) == dict.fromkeys(["first", "rest", "drop"])


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from([1, 2, END])), max_size=60))
def test_against_a_plain_loop(pairs):
    sentences: list[list[float]] = [[]]
    for kl, token in pairs:
        sentences[-1].append(kl)
        if token == END:
            sentences.append([])
    first, rest = [], []
    for sentence in sentences:
        if len(sentence) < 2:
            continue
        count = math.ceil(Fraction(5, 100) * len(sentence))
        first.append(sum(sentence[:count]) / count)
        rest.append(sum(sentence[count:]) / (len(sentence) - count))
    found = row(shift([kl for kl, _ in pairs], [token for _, token in pairs]))
    if first:
        assert found["first"] == pytest.approx(sum(first) / len(first))
        assert found["rest"] == pytest.approx(sum(rest) / len(rest))
        assert found["drop"] == pytest.approx(found["first"] - found["rest"])
    else:
        assert found["first"] is None


@pytest.mark.parametrize(
    "module", ["sentence_start", "shift_table", "truncated_shift", "knowledge", "borrowing", "style", "pairing"]
)
def test_torch_is_not_imported(module):
    code = f"import sys, itl_bench.measures.{module}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
