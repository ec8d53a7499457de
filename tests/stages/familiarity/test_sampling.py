"""Sampled answers, and how agreement is computed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, sem

from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.errors import UsageError
from itl_bench.stages.familiarity.scoring import agreement, sampled_share, score
from tests.helpers.tiny_reader import letters_tokenizer, llama, practised

TOKENIZER = letters_tokenizer()
MODEL = practised(llama(len(TOKENIZER)), TOKENIZER)
PROMPTS = [FewShot(question, "a: b\n", f"{question}:", ("b", "ac")) for question in ("a", "b", "c", "ab", "ca")]


def is_an_answer(prompt, text):
    return text in {f" {answer}" for answer in prompt.answers}


def test_the_seed_decides():
    shares = [sampled_share(MODEL, TOKENIZER, PROMPTS, is_an_answer, seed) for seed in (1, 1, 2)]
    assert shares[0] == shares[1] != shares[2]


def test_without_warmth_samples_are_greedy():
    shares = sampled_share(MODEL, TOKENIZER, PROMPTS, is_an_answer, seed=1, samples=3, temperature=1e-4)
    greedy = [one.greedy for one in score(MODEL, TOKENIZER, PROMPTS, is_an_answer)]
    assert shares == [float(right) for right in greedy]
    assert {*shares} == {0.0, 1.0}


def test_samples_end_at_the_line_break_and_at_the_longest():
    texts = []
    sampled_share(MODEL, TOKENIZER, PROMPTS, lambda prompt, text: texts.append(text) or True, seed=1)
    assert len(texts) == len(PROMPTS) * 16
    assert not any("\n" in text for text in texts)
    assert max(map(len, texts)) <= 16


shares = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30)


@given(shares)
def test_agreement_is_scipys(pairs):
    scored, sampled = map(np.array, zip(*pairs, strict=True))
    found = agreement([*scored], [*sampled])
    assert found.difference == pytest.approx((sampled - scored).mean())
    assert found.difference_error == pytest.approx(sem(sampled - scored))
    assert found.absolute == pytest.approx(abs(sampled - scored).mean())
    assert found.absolute_error == pytest.approx(sem(abs(sampled - scored)))
    if np.ptp(scored) > 1e-3 and np.ptp(sampled) > 1e-3:
        assert found.correlation == pytest.approx(pearsonr(scored, sampled).statistic, abs=1e-6)


def test_correlation_without_variation():
    found = agreement([0.5, 0.5], [0.0, 1.0])
    assert found.correlation is None
    assert "correlation undefined" in str(found)


@pytest.mark.parametrize(("scored", "sampled"), [([], []), ([0.5], [0.5]), ([0.5, 0.5], [0.5])])
def test_too_little_to_compare(scored, sampled):
    with pytest.raises(UsageError, match="give at least two of each"):
        agreement(scored, sampled)
