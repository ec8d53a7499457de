import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from itl_bench.errors import UsageError
from itl_bench.store.keys import Task, canonical

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value, random):
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name], random) for name in names}
    return [shuffled(one, random) for one in value] if isinstance(value, list) else value


@given(plain, st.randoms())
def test_the_order_of_keys_changes_nothing(value, random):
    assert canonical(shuffled(value, random)) == canonical(value)


@given(plain)
def test_the_text_says_the_value(value):
    assert json.loads(canonical(value)) == value


@given(plain, plain)
def test_different_values_have_different_texts(one, other):
    assert (canonical(one) == canonical(other)) == (json.loads(canonical(one)) == json.loads(canonical(other)))


def test_numbers_count_by_value():
    assert canonical({"rate": 1}) == canonical({"rate": 1.0})
    assert canonical([0.0]) == canonical([-0.0]) == "[0]"
    assert canonical(True) != canonical(1)
    assert canonical("1") != canonical(1)


def test_models_and_tuples_count_as_what_they_hold():
    class Spec(BaseModel):
        rank: int
        names: tuple[str, ...]

    assert canonical(Spec(rank=8, names=("a", "b"))) == canonical({"names": ["a", "b"], "rank": 8})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {1, 2}, Path("x"), b"bytes", {1: "a"}, object(), [{"a": math.nan}]]
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(UsageError):
        canonical(value)


BASE = {"kind": "corpus", "spec": {"seed": 1}, "parents": ("a", "b"), "version": 1}


@pytest.mark.parametrize(
    "change", [{"kind": "cell"}, {"spec": {"seed": 2}}, {"parents": ("b", "a")}, {"parents": ("a",)}, {"version": 2}]
)
def test_everything_that_identifies_an_artifact_is_in_its_key(change):
    assert Task(**{**BASE, **change}).key != Task(**BASE).key


def test_what_building_costs_is_not():
    assert Task(**BASE, seconds=9.0).key == Task(**BASE).key
