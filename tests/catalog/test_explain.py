"""From pydantic's errors to one line each."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from itl_bench.catalog.claims import ClaimSpec, MechanismSpec
from itl_bench.catalog.explain import PATTERNS, kind_of, read_text, validate
from itl_bench.catalog.models import ModelSpec
from itl_bench.errors import nearest, short, unknown


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: float = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    names: Literal["all"] | tuple[str, ...] = "all"
    effect: float | dict[str, float] = 0
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    table: dict[str, Inner] = {}
    flag: bool = False
    value: bool | int | str = 0


def explained(data, kind=Outer):
    problems: list[str] = []
    spec = validate(kind, data, "f.yaml", problems)
    assert (spec is None) == bool(problems)
    return problems


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"names": "al"}, "names: unknown value 'al'; did you mean 'all'? Accepted: all, or a list ([a, b])."),
        ({"names": 1}, "names: 1 was given; accepted is all or a list ([a, b])"),
        ({"names": [1]}, "names.0: 1 was given; accepted is text (in quotes, where YAML would read something else)"),
        ({"effect": "much"}, "effect: 'much' was given; accepted is a number or a mapping ({key: value})"),
        ({"effect": [1]}, "effect: [1] was given; accepted is a number or a mapping ({key: value})"),
        ({"effect": {"depth": "x"}}, "effect.depth: 'x' was given; accepted is a number"),
        ({"inner": 1}, "inner: 1 was given; accepted is a mapping ({key: value})"),
        ({"inner": {"dept": 1}}, "inner: unknown key 'dept'; did you mean 'depth'? Accepted: depth."),
        ({"inners": [{}, {"dept": 1}]}, "inners.1: unknown key 'dept'; did you mean 'depth'? Accepted: depth."),
        ({"inners": "x"}, "inners: 'x' was given; accepted is a list: write [x]"),
        ({"table": {"a.b": {"depth": None}}}, "table.a.b.depth: no value is given; give one, or remove the key"),
        ({"table": {"depth": {"depth": []}}}, "table.depth.depth: [] was given; accepted is a number"),
        ({"flag": "perhaps"}, "flag: 'perhaps' was given; accepted is true or false"),
        ({"flag": [1]}, "flag: [1] was given; accepted is true or false"),
        (
            {"value": ["a"]},
            "value: ['a'] was given; accepted is true or false or a whole number or text "
            "(in quotes, where YAML would read something else)",
        ),
        ({"zzzzzz": 1}, "unknown key 'zzzzzz'. Accepted: effect, flag, inner, inners, names, table, value."),
        ("x", "expected a mapping ({key: value}), found text"),
        ([], "expected a mapping ({key: value}), found a list"),
        (None, "expected a mapping ({key: value}), found nothing"),
    ],
    ids=str,
)
def test_one_mistake_is_one_line(data, line):
    assert explained(data) == [f"f.yaml: {line}"]


def test_every_mistake_has_its_line():
    data = {"names": "al", "effect": {"a": "x", "b": "y"}, "inners": [{"depth": "z"}, {"dept": 1}], "extra": 1}
    assert len(explained(data)) == 6


def test_a_misspelt_required_key_is_one_line_and_another_missing_key_its_own():
    lines = sorted(explained({"idd": "M1", "statement": "s", "breaks_if": "b"}, MechanismSpec))
    assert len(lines) == 2
    assert "unknown key 'idd'; did you mean 'id'?" in lines[1]
    assert "the key 'cases' is missing; add it" in lines[0]


def test_every_pattern_of_the_specs_is_told_in_words():
    patterns = [
        part.pattern
        for kind in (ClaimSpec, MechanismSpec, ModelSpec)
        for part in kind.model_fields["id"].metadata
        if getattr(part, "pattern", None)
    ]
    assert set(patterns) == set(PATTERNS)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*Outer.model_fields, "x"]), inner),
    max_leaves=8,
)


@given(VALUES)
def test_whatever_is_given_is_a_spec_or_lines_without_line_breaks(data):
    for line in explained(data):
        assert line.startswith("f.yaml: ")
        assert "\n" not in line
        assert "function-" not in line


@given(st.text(max_size=200), st.lists(st.text(max_size=10), max_size=30))
def test_unknown_is_one_line_whatever_the_names_are(given_name, accepted):
    line = unknown("thing", given_name, [name.replace("\n", "") for name in accepted])
    assert short(given_name) in line
    assert line.startswith("unknown thing ")


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [("LoRA", "lora"), ("lroa", "lora"), ("Llama-7B", "llama7b"), ("zzz", None), ("", None), (7, None)],
)
def test_the_nearest_name_whatever_its_case(given_name, expected):
    assert nearest(given_name, ["lora", "full", "llama7b"]) == expected


def test_kinds_in_words():
    assert [kind_of(value) for value in ("a", [1], {"a": 1}, None, 5)] == [
        "text",
        "a list",
        "a mapping",
        "nothing",
        "5",
    ]


def test_text_that_is_not_utf_8_names_the_line(tmp_path):
    problems: list[str] = []
    (tmp_path / "f").write_bytes(b"a\nb\n\xff")
    assert read_text(tmp_path / "f", problems) is None
    assert problems == [f"{tmp_path / 'f'}:3: not UTF-8 text (byte 0xff); save the file as UTF-8"]
