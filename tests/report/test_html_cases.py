"""One case on the page: its plots, its summary, its ratios and its p."""

import re

import pytest

from itl_bench.report.html import case_plot, render
from tests.helpers.sample_record import case, column, family, record


def test_columns_with_different_units_have_a_plot_each():
    columns = (column("kl", effect=0.5), column("rank", effect=900.0), column("share", effect=0.1))
    mixed = case_plot(case(columns=columns, unit="nats; ranks; share", deciding_column="rank", published_effect=700.0))
    plots = mixed.split("</svg>")[:-1]
    assert [plot.count('class="dot"') for plot in plots] == [1, 1, 1]
    assert [re.search("left minus right, ([a-z]+)", plot)[1] for plot in plots] == ["nats", "ranks", "share"]
    assert [plot.count('class="diamond"') for plot in plots] == [0, 1, 0]


@pytest.mark.parametrize(("names", "unit"), [(("a", "b"), "points"), (("a", "b"), "x; y; z"), (("a",), "x; y")])
def test_columns_of_one_unit_share_a_plot(names, unit):
    assert case_plot(case(columns=tuple(map(column, names)), unit=unit)).count("<svg") == 1


def test_a_folded_case_names_the_column_of_its_effect():
    text = render(record([case(columns=(column("depth"), column("clarity")), deciding_column="clarity")], []))
    summary = re.search(r"<details class=\"case\".*?</summary>", text, re.S)[0]
    assert '<span class="of">clarity</span> <span class="amount">+0.40' in summary


def test_effects_on_logarithms_are_shown_as_ratios():
    text = render(record([case(columns=(column("log_kl", effect=1.54, half_width=0.35),))], []))
    assert '<td data-label="As a ratio">4.7 times [3.3, 6.6]</td>' in text
    assert "As a ratio" not in render(record([case()], []))


def test_p_of_single_runs_is_named_and_not_corrected():
    claims = [family(holm={"a": 0.0123, "b": 0.0456})]
    text = render(record([case("a", basis="point", judge="gpt-4"), case("b", model="llama13b")], claims))
    assert text.count("<dt>p (judge noise only)</dt>") == text.count('<th scope="col">p (judge noise only)</th>') == 1
    assert "0.012" not in text
    assert '<td data-label="Holm-adjusted p">0.046</td>' in text
    assert "Holm-adjusted p" not in render(record([case("a", basis="point")], [family(holm={"a": 0.0123})]))
