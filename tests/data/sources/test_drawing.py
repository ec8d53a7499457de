"""Samples are nested, without replacement, and fair."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.data.rows import Item
from itl_bench.data.sources.loading import LoadedItems, drawn, subset
from itl_bench.errors import UsageError
from tests.helpers.tiny_sources import QUESTION, load


def items(count):
    return [Item(id=f"d-{number}", instruction=str(number), response="x") for number in range(count)]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 5), st.data())
def test_samples_are_nested_and_without_replacement(count, seed, data):
    every = items(count)
    large = data.draw(st.integers(1, count))
    small = data.draw(st.integers(1, large))
    drawn = subset(every, large, seed)
    assert len(drawn) == len(set(drawn)) == large
    assert set(subset(every, small, seed)) <= set(drawn)
    assert list(drawn) == [item for item in every if item in drawn]
    assert subset(every, count, seed) == tuple(every)


def test_all_items_are_drawn_equally_often():
    every = items(20)
    drawn = [item.id for seed in range(2000) for item in subset(every, 5, seed)]
    # 2,000 draws at 5 of 20: 500 expected, standard deviation 19.4; five of them leave one false alarm in 90,000.
    assert all(abs(drawn.count(item.id) - 500) < 97 for item in every)
    with pytest.raises(UsageError, match="21 rows are asked for, 1 to 20 can be drawn"):
        subset(every, 21, seed=1)
    with pytest.raises(UsageError, match="0 rows are asked for"):
        subset(every, 0, seed=1)


def test_as_many_rows_as_were_read_are_all_items(tmp_path):
    loaded = load(tmp_path, [{"q": "a", "a": text} for text in ("1", "", "3")], QUESTION)
    assert isinstance(loaded, LoadedItems)
    assert drawn(loaded, 3, seed=1) == loaded.items
    assert len(drawn(loaded, 1, seed=1)) == 1
    with pytest.raises(UsageError, match="4 rows"):
        drawn(loaded, 4, seed=1)
