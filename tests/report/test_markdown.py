import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_record import case, family, not_run_cases, record, run, sample

from itl_bench.report.markdown import claims_table, code, escape, render

NASTY = "<script>alert(1)</script> | `x` *b* [l](http://h)\n# head"


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_one_row_for_each_claim():
    rows = claims_table(sample()).splitlines()[2:]
    assert [cells(row)[0] for row in rows] == ["`C02`", "`C07`", "`C10a`", "`C24`", "`X01`"]
    (row,) = (row for row in rows if "C10a" in row)
    assert cells(row)[2:6] == ["REFUTED", "2 supported, 1 refuted", "SUPPORTED", "1 supported"]


def test_a_refuted_case_shows_both_sides_of_every_column():
    text = render(sample())
    section = text[text.index("### `C24-published-neftune-7b`") :]
    assert "| helpfulness | 2.58 | 3.00 | -0.42 [-0.62, -0.22] | 0.1 | 0.004 | REFUTED |" in section
    assert section.count("| 3.00 |") >= 5


def test_every_judged_evidence_case_that_is_not_supported_is_named():
    sampled, text = sample(), render(sample())
    for one in sampled.cases:
        if one.verdict in ("REFUTED", "INCONCLUSIVE"):
            assert one.id in text
            assert escape(one.reason) in text


def test_sanity_cases_are_apart():
    before, after = render(sample()).split("## Sanity cases")
    assert "C02-bios1m-noop" not in before
    assert "C02-bios1m-noop" in after


def test_thousands_of_cases_that_were_not_run_take_few_lines():
    text = render(record(not_run_cases(4000), [family("C02", None, (0, 0, 0, 4000))]))
    assert "4,000 not run" in text
    assert len(text) < 6000


def test_many_reasons_are_cut_and_counted():
    letters = "abcdefghijklmnopqrstuvwxyz"
    cases = [case(f"id-{a}{b}", verdict=None, reason=f"no {a}{b}") for a in letters for b in letters[:4]]
    text = render(record(cases, []))
    assert "And 64 more for 64 other reasons" in text


def test_a_changed_verdict_and_a_crash_are_said():
    changed = case(verdict="REFUTED", recorded_verdict="SUPPORTED")
    text = render(record([changed], [], run=run(crashed=("test_a[b|c]",))))
    assert "**The recorded verdict was SUPPORTED.**" in text
    assert r"test_a\[b\|c\]" in text


@pytest.mark.parametrize("verdict", ["REFUTED", "INCONCLUSIVE", None])
def test_foreign_text_cannot_break_out(verdict):
    nasty = case(NASTY, NASTY, verdict, statement=NASTY, reason=NASTY, model=NASTY, compared=NASTY)
    text = render(record([nasty], [family(NASTY, statement=NASTY, note=NASTY)]))
    assert "<script" not in text
    assert "\n# head" not in text
    lines = claims_table(record([nasty], [family(NASTY, note=NASTY)])).splitlines()
    assert {len(cells(line)) for line in lines} == {7}


@given(st.text())
def test_escaped_text_is_one_table_cell_without_markup(text):
    escaped = escape(text)
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(\\\\)*[|`*\[]", escaped)
    assert "<" not in escaped
    assert ">" not in escaped


@given(st.text())
def test_code_spans_hold_only_safe_text(text):
    shown = code(text)
    assert shown == escape(text) or (shown == f"`{text}`" and "`" not in text and "|" not in text)
