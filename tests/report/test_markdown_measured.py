"""Rates and answers in Markdown."""

import pytest

from itl_bench.report.markdown import render
from itl_bench.report.markdown_measured import examples_section, rates_section
from tests.helpers.measured_record import example, swept, swept_record
from tests.helpers.sample_record import case, record

NASTY = "<script>alert(1)</script> | `x` *b*\n# head"


def test_reports_without_points_and_answers_have_no_such_section():
    text = render(record([case()], []))
    assert "by learning rate" not in text
    assert "Example answers" not in text


def test_letters_by_rate_with_the_headline_in_bold():
    lines = rates_section(swept_record()).splitlines()
    assert lines[-4] == "| claim | dataset | compared | 0.001 | 0.003 | 0.01 |"
    assert lines[-2:] == [
        "| `C10a` | `bios-new30-short` 30% new facts, short | lora minus full | R | **S** | I |",
        "| `C10a` | `bios-new100-short` 100% new facts, short | lora minus full |  | **R** |  |",
    ]
    assert "\n## Measured verdicts by learning rate\n" in render(swept_record())


def test_sanity_is_marked():
    assert "lora minus full, sanity |" in rates_section(record([swept(role="sanity")], []))


def test_an_answer_is_plain_text():
    assert examples_section(swept_record()).splitlines()[4:] == [
        "1. full on bios-new30-short at 0.003, base 1, seed 11",
        "   - Asked: Which city was Alma Reyes born in?",
        r"   - Answered: Certainly\! Alma Reyes comes from Boston. (8 tokens: 4 unshifted, 2 marginal, 2 shifted)",
        "   - Expected: Denver. Wrong: Boston. A training item with that value: Alma Whitfield comes from Boston.",
    ]


@pytest.mark.parametrize(
    ("many", "more"), [(5, ""), (6, "And 1 more in the record"), (40, "And 35 more in the record")]
)
def test_at_most_five_answers_are_shown(many, more):
    text = examples_section(swept_record(examples=(example(),) * many))
    assert text.count("- Answered:") == 5
    assert more in text
    assert ("more in the record" in text) is bool(more)


def test_foreign_text_cannot_break_out():
    shown = example(cell=NASTY, instruction=NASTY, tokens=(NASTY,), expected=NASTY, wrong=(NASTY,), source=NASTY)
    judged = swept(NASTY, claim=NASTY, dataset=NASTY, compared=f"{NASTY} minus b")
    text = render(swept_record(cases=(judged,), claims=(), examples=(shown,)))
    assert "<script" not in text
    assert "\n# head" not in text
    assert "| `x`" not in text
