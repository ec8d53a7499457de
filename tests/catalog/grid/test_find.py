"""A few words mean one declared case, or the message says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.catalog.grid.words import WORDS, find_case
from itl_bench.errors import UsageError
from tests.helpers.shipped_catalog import catalog, grid

CASES = list(grid().values())


@given(st.sampled_from(CASES), st.sets(st.sampled_from(sorted(WORDS))))
def test_words_find_the_case_that_alone_fits_them(case, words):
    given = {word: WORDS[word](case) for word in words}
    fitting = [
        one for one in CASES if one.claim == case.claim and all(WORDS[word](one) == given[word] for word in words)
    ]
    if len(fitting) == 1:
        assert find_case(catalog(), case.claim.id, given).id == case.id
        return
    with pytest.raises(UsageError, match=f"{len(fitting)} cases fit: .*; tell them apart by ") as raised:
        find_case(catalog(), case.claim.id, given)
    apart = str(raised.value).partition("tell them apart by ")[2]
    named = {word for word in WORDS if f"{word} (" in apart}
    assert named == {word for word in WORDS if len({WORDS[word](one) for one in fitting}) > 1}


def test_all_words_together_mean_one_case():
    assert len({(case.claim.id, *(value(case) for value in WORDS.values())) for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("claim", "words", "message"),
    [
        ("C10", {}, "unknown claim 'C10'; did you mean 'C10"),
        ("C10a", {"model": "bios"}, "C10a: unknown model 'bios'; did you mean 'bios1m'?"),
        ("C10a", {"model": "bios1m", "probe": "x"}, "C10a, model bios1m: unknown probe 'x'. Accepted: bios-known."),
    ],
)
def test_words_that_fit_no_case_name_the_nearest(claim, words, message):
    with pytest.raises(UsageError) as raised:
        find_case(catalog(), claim, words)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
