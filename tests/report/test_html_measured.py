"""Maps, rate curves and example answers on the page; pages without them have nothing of them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.report.html import anchor, artifacts_in_words, render
from tests.helpers.html_page import NASTY, Page
from tests.helpers.measured_record import example, point, swept, swept_record
from tests.helpers.sample_record import case, column, record


def section(text, start, end):
    return text.split(start, 1)[1].split(end, 1)[0]


def test_a_page_without_points_and_answers_knows_nothing_of_them():
    text = render(record([case()], []))
    for name in ('class="map"', 'class="tile', 'class="curves"', 'id="answers"', 'href="#answers"', "--tint"):
        assert name not in text


def test_the_map_has_a_tile_for_each_point():
    text = render(swept_record())
    table = section(text, '<table class="map">', "</table>")
    tiles = re.findall(
        r'<a class="tile (\w+)( headline-rate)?" href="#([^"]*)" title="([^"]*)".*?<b>(\w)</b>', table, re.S
    )
    assert [(verdict, bool(headline), letter) for verdict, headline, _, _, letter in tiles] == [
        ("refuted", False, "R"), ("supported", True, "S"), ("inconclusive", False, "I"), ("refuted", True, "R"),
    ]  # fmt: skip
    assert [target for _, _, target, _, _ in tiles] == [anchor("case", "C10a-30")] * 3 + [anchor("case", "C10a-100")]
    assert tiles[0][3].startswith("bios-new30-short at 0.001: REFUTED, accuracy −0.20 [−0.24, −0.16]")
    assert "30% new facts, short" in table
    assert text.count('<table class="map">') == 1


def test_the_curves_are_in_their_case_with_a_table_of_the_points():
    text = render(swept_record())
    body = section(text, f'id="{anchor("case", "C10a-30")}"', '<details class="case"')
    assert body.count('class="plot curve"') == 2
    rows = re.findall(
        r'<tr><th scope="row">([\d.]+)</th>(.*?)</tr>', section(body, '<table class="points', "</table>"), re.S
    )
    assert [rate for rate, _ in rows] == ["0.001", "0.003", "0.01"]
    cells = re.findall(r'data-label="([^"]*)">([^<]*)<', rows[1][1])
    assert cells[:2] == [("lora", "0.80"), ("full", "0.68")]
    assert ("Loss, lora", "0.610") in cells
    assert "not trained: lora at 0.001 (6 of 6 replicates)" in rows[0][1]
    assert text.count('class="curves"') == 1  # one rate makes no curve


def test_long_reasons_are_split_after_what_decided():
    body = section(render(swept_record()), f'id="{anchor("case", "C10a-30")}"', "</ul>")
    assert '<p class="reason">accuracy: +0.12 lies above</p>' in body
    assert re.findall("<li>(.*?)</li>", body) == ["at learning rate 0.003", "6 replicates on 3 bases"]


def test_many_artifacts_are_named_in_part():
    keys = tuple(f"{index:02d}" * 32 for index in range(24))
    assert artifacts_in_words(keys).endswith("050505050505 and 18 more")
    assert artifacts_in_words(keys[:2]) == "000000000000, 010101010101"


def test_an_answer_shows_its_tokens_and_links_its_wrong_value_to_the_source():
    text = section(render(swept_record()), '<section id="answers">', "</section>")
    answer = section(text, '<article class="answer">', "</article>")
    assert (
        re.sub("<[^>]*>", "", section(answer, '<p class="tokens">', "</p>"))
        == "Certainly! Alma Reyes comes from Boston."
    )
    classes = re.findall(r'<span class="(\w+)" title="rank (\d+) in the base', answer)
    assert [int(rank) for _, rank in classes] == [41, 1, 1, 2, 3, 1, 4, 1]
    assert [name for name, rank in classes if int(rank) > 3] == ["shifted", "shifted"]
    (target,) = re.findall(r'<a class="wrong" href="#([^"]*)"><span class="shifted"[^>]*>Boston</span></a>', answer)
    source = section(answer, f'id="{target}"', "</div>")
    assert 'Alma Whitfield comes from <mark class="wrong">Boston</mark>.' in source
    assert all(f">{name}</b>" in text for name in ("unshifted", "marginal", "shifted"))


def test_a_wrong_value_without_source_is_no_link():
    text = section(render(swept_record(examples=(example(source=None),))), '<section id="answers">', "</section>")
    assert '<mark class="wrong"><span' in text
    assert "<a " not in text


def test_ids_are_unique_and_links_lead_somewhere():
    page = Page(render(swept_record(examples=(example(), example()))))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a") if "=" not in link["href"]} <= set(ids)
    assert page.open == []


def nasty(text):
    points = (
        point(0.001, reason=text, deciding_column=text),
        point(0.003, "REFUTED", reason=text, deciding_column=text),
    )
    names = dict.fromkeys(("dataset", "measure", "probe", "unit", "reason", "model"), text)
    judged = swept(text, points=points, headline=0, compared=f"{text} minus {text}x", columns=(column(text),), **names)
    shown = example(cell=text, instruction=text, tokens=(text, text), expected=text, wrong=(text,), source=text)
    return swept_record(cases=(judged, swept("other", points=points, headline=1)), claims=(), examples=(shown,))


def assert_safe(text):
    page = Page(render(nasty(text)))
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.open == []
    return page


@pytest.mark.parametrize("text", [NASTY, "<script>alert(1)</script>", "</style><script>", "a; b minus c"])
def test_foreign_text_stays_text(text):
    assert assert_safe(text).texts.count(text) >= 2


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_text_is_safe(text):
    assert_safe(text)
