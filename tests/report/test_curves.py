"""Rate curves: where the marks are, what is told in words, and what is left out."""

import re
from itertools import pairwise
from math import log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.report.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, curve_points, draw, panels
from tests.helpers.measured_record import point, swept
from tests.helpers.sample_record import column


def marks(text):
    """Centres of the marks of both sides, by x."""
    left = [(float(x), float(y)) for x, y in re.findall(r'<circle class="point" cx="([-\d.]+)" cy="([-\d.]+)"', text)]
    right = [
        (float(x) + 4, float(y) + 4) for x, y in re.findall(r'<rect class="point" x="([-\d.]+)" y="([-\d.]+)"', text)
    ]
    return left, right


def test_rates_are_on_a_logarithmic_axis_and_values_on_a_linear_one():
    points = tuple(
        point(rate, left=value, right=value - 1.0) for rate, value in ((1e-4, 1.0), (1e-3, 2.0), (1e-1, 4.0))
    )
    left, right = marks(draw(panels(swept(points=points, headline=0))[0], swept(points=points, headline=0)))
    assert len(left) == len(right) == 3
    steps = [left[index + 1][0] - left[index][0] for index in range(2)]
    assert steps[1] / steps[0] == pytest.approx(2, abs=0.01)
    rises = [left[index][1] - left[index + 1][1] for index in range(2)]
    assert rises[1] / rises[0] == pytest.approx(2, abs=0.01)
    assert [y for _, y in right[1:2]] == pytest.approx([left[0][1]], abs=0.01)


rates = st.lists(st.floats(-8, 0).map(lambda power: 10.0**power), min_size=2, max_size=8, unique=True)
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))


@settings(max_examples=60, deadline=None)
@given(rates, st.data())
def test_every_known_value_has_a_mark_inside_the_panel(chosen, data):
    points = tuple(point(rate, **{name: data.draw(numbers) for name in ("left", "right", "loss_left", "loss_right")})
                   for rate in chosen)  # fmt: skip
    one = swept(points=points, headline=0)
    found = [marks(draw(panel, one)) for panel in panels(one)]
    known = sum(
        value is not None for each in points for value in (each.left, each.right, each.loss_left, each.loss_right)
    )
    assert sum(len(left) + len(right) for left, right in found) == known
    for x, y in (mark for pair in found for side in pair for mark in side):
        assert LEFT <= x <= RIGHT <= WIDTH
        assert TOP <= y <= BOTTOM <= HEIGHT


def test_the_picture_tells_its_numbers_and_names_in_words():
    value, loss = panels(swept())
    assert value.title == "accuracy, share of answers"
    text = draw(value, swept())
    assert "<desc>accuracy, share of answers; at 0.001: lora 0.8, full 1; at 0.003: lora 0.8, full 0.68;" in text
    assert "final training loss" in draw(loss, swept())
    assert re.findall(r'class="letter (\w+)"[^>]*>(\w)<', text) == [
        ("refuted", "R"), ("supported", "S"), ("inconclusive", "I"),
    ]  # fmt: skip
    assert 'class="letter' not in draw(loss, swept())


def test_the_headline_is_marked_at_its_rate():
    text = draw(panels(swept())[0], swept())
    (x,) = re.findall(r'class="headline" x1="([\d.]+)"', text)
    assert float(x) == pytest.approx(marks(text)[0][1][0], abs=0.01)
    silent = swept().model_copy(update={"points": (point(0.001), point(0.003))})
    assert 'class="headline"' not in draw(panels(silent)[0], silent)


def test_an_untuned_side_has_no_loss():
    points = tuple(point(rate, loss_right=None) for rate in (0.001, 0.003))
    one = swept(points=points, headline=0)
    assert [len(side) for side in marks(draw(panels(one)[1], one))] == [2, 0]
    bare = tuple(each.model_copy(update={"loss_left": None}) for each in points)
    assert len(panels(swept(points=bare, headline=0))) == 1


def test_columns_that_decide_at_different_rates_are_not_joined():
    points = (
        point(0.001, deciding_column="kl"),
        point(0.003, deciding_column="rank"),
        point(0.01, deciding_column="kl"),
    )
    one = swept(points=points, headline=0, columns=(column("kl"), column("rank")), unit="nats; ranks")
    kl, rank, _ = panels(one)
    assert (kl.title, rank.title) == ("kl, nats", "rank, ranks")
    assert [len(side) for side in marks(draw(kl, one))] == [2, 2]
    assert [len(side) for side in marks(draw(rank, one))] == [1, 1]
    assert marks(draw(kl, one))[0][1][0] > marks(draw(rank, one))[0][0][0]


@pytest.mark.parametrize("points", [(point(0.003),), (point(None), point(0.003)), (point(0.0), point(0.003))])
def test_fewer_than_two_rates_make_no_curve(points):
    assert curve_points(swept(points=points, headline=0)) == ()


def test_labels_of_rates_do_not_run_into_each_other():
    chosen = [10.0 ** (-5 + index / 10) for index in range(30)]
    one = swept(points=tuple(map(point, chosen)), headline=0)
    axis = draw(panels(one)[0], one).split('<g class="axis">')[1].split("</g>")[0]
    at = [float(x) for x in re.findall(r'<text x="([\d.]+)" y="183"', axis)]
    assert min(right - left for left, right in pairwise(at)) >= 44
    assert log10(chosen[-1] / chosen[0]) == pytest.approx(2.9)
    assert axis.count('class="tick"') == 30
