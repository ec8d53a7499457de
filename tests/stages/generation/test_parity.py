"""What parity lets pass, and what it catches: faults of engines, planted into recorded answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.errors import UnservedError
from itl_bench.stages.generation.decoding import Trace
from itl_bench.stages.generation.parity import SAMPLE, check, compare, first_difference, sample

END = 2
answers = st.lists(st.integers(3, 9), min_size=1, max_size=6)


def traces(*responses, gap=1.0):
    return [Trace(tuple(one), (gap,) * len(one)) for one in responses]


BASE = traces([3, 4, END], [5, END], [6, 6, 6, END])
TUNED = traces([7, 4, END], [5, 8, END], [6, 6, 9, END])


def parity(found, expected=TUNED, base=BASE, found_of_base=None):
    found_of_base = [list(one.ids) for one in base] if found_of_base is None else found_of_base
    return compare([4, 11, 30], expected, found, base, found_of_base)


def as_they_are(traces):
    return [list(one.ids) for one in traces]


def test_equal_answers_pass():
    found = parity(as_they_are(TUNED))
    assert (found.prompts, found.divergences, found.lacking, found.differing) == (3, (), 0, 0.0)
    check("x", found, exact=True)


def test_a_near_tie_may_turn_in_fp32():
    unsure = traces([7, 4, END], gap=5e-4)
    found = compare([4], unsure, [[7, 5, 5, END]], unsure, [[7, 5, 5, END]])
    assert [(one.prompt, one.position, one.gap) for one in found.divergences] == [(4, 1, 5e-4)]
    check("x", found, exact=True)


PLANTED = {
    "another adapter": ([[9, 4, END], [5, 7, END], [6, 6, 3, END]], "differ between vLLM and transformers"),
    "an id used twice: the adapter before it": ([[7, 4, END], [5, END], [6, 6, 6, END]], "differ between"),
    "an adapter without effect": (as_they_are(BASE), "the adapter has no effect there"),
    "a second token for the beginning": ([[4, 4, 4, END], [5, 8, END], [6, 6, 9, END]], "at token 1"),
    "an end that does not end": ([[7, 4, END, 5, 5], [5, 8, END], [6, 6, 9, END]], "after the answer had ended"),
    "an end too early": ([[7], [5, 8, END], [6, 6, 9, END]], "at token 2, where the best token leads by 1 nats"),
    "padding on the right, which a short prompt sees": ([[7, 4, END], [8, 8], [6, 6, 9, END]], "at token 1"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_caught_in_fp32(name):
    found, says = PLANTED[name]
    with pytest.raises(UnservedError, match=says) as error:
        check("the adapter", parity(found), exact=True)
    assert "\n" not in str(error.value)


def test_in_a_coarser_precision_the_share_that_differs_counts():
    found = parity([[9, 4, END], [5, 8, END], [6, 6, 9, END]], expected=traces(*as_they_are(TUNED), gap=0.4))
    check("x", found, exact=False, ceiling=0.34)
    with pytest.raises(UnservedError, match=r"33% of 3 answers of x differ between .* more than 30%"):
        check("x", found, exact=False, ceiling=0.3)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_caught_in_a_coarser_precision_where_the_model_was_sure(name):
    found, says = PLANTED[name]
    with pytest.raises(UnservedError, match=says):
        check("the adapter", parity(found), exact=False, ceiling=1.0)


def test_an_adapter_without_effect_is_caught_in_any_precision():
    with pytest.raises(UnservedError, match="tuning changes 3 of 3 answers of x by transformers, and none by vLLM"):
        check("x", parity(as_they_are(BASE)), exact=False, ceiling=1.0)


def test_a_tuning_that_changes_nothing_lacks_nothing():
    assert parity(as_they_are(BASE), expected=BASE).lacking == 0


@given(answers, answers)
def test_the_first_difference_is_found_token_by_token(one, other):
    expected = next((i for i in range(10) if one[i : i + 1] != other[i : i + 1]), None)
    assert first_difference(one, other) == expected


@given(st.integers(1, 300))
def test_a_sample_is_the_same_every_time_and_has_every_prompt_once(count):
    drawn = sample(count)
    assert drawn == sample(count) == sorted(set(drawn))
    assert len(drawn) == min(count, SAMPLE)
    assert set(drawn) <= set(range(count))
