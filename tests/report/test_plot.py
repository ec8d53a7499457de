from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.report.plot import LEFT, RIGHT, WIDTH, margins, plot, scale_for, supporting_side, ticks
from itl_bench.vocabulary import EXPECTATIONS
from tests.helpers.sample_record import column

MARGINS = {
    "greater": (0.1,),
    "rising": (0.1,),
    "no-gain": (0.1,),
    "at-least": (-0.1,),
    "falling": (-0.1,),
    "no-change": (-0.1, 0.1),
}


def elements(svg, name):
    return [element for element in ElementTree.fromstring(str(svg)).iter() if element.get("class") == name]


def position(value, low, high):
    """The closed form: 6% of room on each side, linear in between."""
    room = 0.06 * (high - low)
    return LEFT + (RIGHT - LEFT) * (value - low + room) / (high - low + 2 * room)


@pytest.mark.parametrize("expect", EXPECTATIONS)
def test_dot_interval_zero_and_margins_are_where_they_belong(expect):
    svg = plot([column(effect=0.5, half_width=0.3, smallest_effect=0.1)], expect)
    low, high = min(0.0, *MARGINS[expect]), 0.8
    (dot,), (line,), (zero,) = elements(svg, "dot"), elements(svg, "range"), elements(svg, "zero")
    assert float(dot.get("cx")) == pytest.approx(position(0.5, low, high), abs=0.01)
    assert float(line.get("x1")) == pytest.approx(position(0.2, low, high), abs=0.01)
    assert float(line.get("x2")) == pytest.approx(position(0.8, low, high), abs=0.01)
    assert float(zero.get("x1")) == pytest.approx(position(0, low, high), abs=0.01)
    drawn = [float(margin.get("x1")) for margin in elements(svg, "margin")]
    assert drawn == pytest.approx([position(at, low, high) for at in MARGINS[expect]], abs=0.01)


@pytest.mark.parametrize(
    ("expect", "left_edge", "right_edge"),
    [("greater", 0.1, None), ("rising", 0.1, None), ("at-least", -0.1, None), ("no-gain", None, 0.1),
     ("falling", None, -0.1), ("no-change", -0.1, 0.1)],
)  # fmt: skip
def test_the_supporting_side_is_shaded(expect, left_edge, right_edge):
    columns = [column(effect=0.5, half_width=0.3, smallest_effect=0.1)]
    scale = scale_for(columns, expect)
    (side,) = elements(plot(columns, expect), "side")
    left = LEFT if left_edge is None else scale.at(left_edge)
    right = RIGHT if right_edge is None else scale.at(right_edge)
    assert float(side.get("x")) == pytest.approx(left, abs=0.01)
    assert float(side.get("x")) + float(side.get("width")) == pytest.approx(right, abs=0.02)


def test_the_published_value_is_a_hollow_diamond_on_the_scale():
    columns = [column(effect=0.5, half_width=0.3)]
    (diamond,) = elements(plot(columns, "greater", published=2.0), "diamond")
    across = [float(corner.split(",")[0]) for corner in diamond.get("points").split()]
    assert sum(across) / 4 == pytest.approx(position(2.0, 0.0, 2.0), abs=0.01)
    assert elements(plot(columns, "greater"), "diamond") == []


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_inside(low, width):
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-9 * abs(low) - 1e-9 <= tick <= low + width + 1e-6 * width + 1e-9 * abs(low) for tick in found)


@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.floats(0, 1e3)), min_size=1, max_size=6),
    st.sampled_from(EXPECTATIONS),
    st.none() | st.floats(-1e9, 1e9),
)
def test_everything_stays_inside_the_picture(rows, expect, published):
    columns = [column(effect=effect, half_width=half, smallest_effect=d) for effect, half, d in rows]
    scale = scale_for(columns, expect, published)
    inside = [0.0, *([] if published is None else [published])]
    for one in columns:
        inside += [one.effect, one.ci_low, one.ci_high, *margins(expect, one.smallest_effect)]
        assert (
            supporting_side(expect, one.smallest_effect, scale)[0]
            <= supporting_side(expect, one.smallest_effect, scale)[1]
        )
    assert all(LEFT - 1e-6 <= scale.at(value) <= RIGHT + 1e-6 for value in inside)
    assert len(elements(plot(columns, expect, published), "dot")) == len(columns)


@pytest.mark.parametrize("unit", [None, "share", "rank that the base gives to the tuned model's choice " * 4])
def test_the_caption_is_complete_and_inside_the_picture(unit):
    svg = plot([column()], "greater", unit=unit)
    lines = elements(svg, "caption")
    assert " ".join(line.text for line in lines) == f"left minus right{', ' + unit.strip() if unit else ''}"
    height = float(ElementTree.fromstring(str(svg)).get("viewBox").split()[3])
    assert all(float(line.get("y")) <= height - 2 for line in lines)
    assert all(len(line.text) * 6.2 <= WIDTH for line in lines)


def test_no_line_crosses_a_label():
    svg = plot([column("a"), column("b")], "no-change", published=0.2)
    labels = [float(one.get("y")) for one in elements(svg, "name")]
    for line in (*elements(svg, "zero"), *elements(svg, "margin")):
        assert not any(float(line.get("y1")) < label < float(line.get("y2")) for label in labels)


def test_names_are_escaped_elided_and_described():
    svg = str(plot([column(name="<script>alert(1)</script>" + "x" * 60)], "greater", title="a & b"))
    assert "<script" not in svg
    assert "…" in svg
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert [child.text for child in root if child.tag == "title"] == ["a & b"]
    assert "<script>" in next(child.text for child in root if child.tag == "desc")
