"""The table of parity, in both reports: numbers, absence, what was left, and foreign text."""

import pytest

from itl_bench.record_cells import ParityRecord
from itl_bench.report import html, markdown
from itl_bench.report.parity import HEADER, parities
from tests.helpers.html_page import NASTY, Page
from tests.helpers.made_record import cell, made_record

TITLE = "vLLM's answers"


def parity(**changes):
    values = {"model": "llama7b", "base": 1, "engine": "vLLM (bf16, batch-invariant)", "version": "0.33.0", "models": 9,
              "prompts": 288, "identical": 280, "first": 4, "gap": 0.03125}  # fmt: skip
    return ParityRecord(**values | changes)


def record_with(*rows, left=()):
    record = made_record(cell())
    told = [case.model_copy(update={"left": reason}) for case, reason in zip(record.cases, left, strict=False)]
    return record.model_copy(update={"parity": rows or None, "cases": (*told, *record.cases[len(told) :])})


def text_of(record):
    return "".join(Page(html.render(record)).texts)


def test_a_row_says_how_many_answers_agree_and_where_they_part():
    (row,) = parities(record_with(parity())).rows
    assert dict(zip(HEADER, row, strict=True)) == {
        "base": "llama7b, base 1", "engine": "vLLM 0.33.0 (bf16, batch-invariant)", "models": "9", "prompts": "288",
        "identical": "280 of 288 (97.2%)", "first difference": "token 4", "largest gap": "0.031 nats",
    }  # fmt: skip


def test_answers_that_all_agree_part_nowhere():
    (row,) = parities(record_with(parity(identical=288, first=None, gap=None))).rows
    assert row[-3:] == ("288 of 288 (100.0%)", "", "")


def test_a_record_of_transformers_alone_has_no_such_section():
    record = record_with()
    assert parities(record) is None
    assert TITLE not in markdown.render(record)
    assert TITLE not in text_of(record)


@pytest.mark.parametrize("rows", [(), (parity(),)], ids=["nothing served", "some served"])
def test_what_was_left_is_counted_by_reason_and_shown_on_both_pages(rows):
    record = record_with(*rows, left=["vLLM does not serve DoRA"])
    assert parities(record).left == ("1 case answered by transformers: vLLM does not serve DoRA",)
    for page in (markdown.render(record), text_of(record)):
        assert TITLE in page
        assert "1 case answered by transformers: vLLM does not serve DoRA." in page
        assert ("97.2%" in page) == bool(rows)


@pytest.mark.parametrize("text", NASTY)
def test_foreign_text_is_shown_and_never_run(text):
    rendered = html.render(record_with(parity(model=text, version=text), left=[text]))
    plain = html.render(record_with(parity(), left=["a reason"]))
    names = [[element[0] for element in Page(page).elements] for page in (rendered, plain)]
    assert names[0] == names[1]
