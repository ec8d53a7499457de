import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.report.markdown import claims_table, code, escape, render
from tests.helpers.sample_record import case, family, not_run_cases, record, run, sample

NASTY = "<script>alert(1)</script> | `x` *b* [l](http://h)\n# head"


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_one_row_for_each_claim():
    rows = claims_table(sample()).splitlines()[2:]
    assert [cells(row)[0] for row in rows] == ["`C02`", "`C07`", "`C10a`", "`C24`"]
    (row,) = claims_table(sample(), own=True).splitlines()[2:]
    assert cells(row)[0] == "`X01`"
    assert "### Asked by us" in render(sample())
    (row,) = (row for row in claims_table(sample()).splitlines() if "C10a" in row)
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


def test_the_headline_counts_claims_and_cases_that_count_in_none():
    claims = [family("C07", "REFUTED", basis="point"), family("C02"), family("X01", "INCONCLUSIVE")]
    text = render(record([case(), case("all", model="all-models")], claims))
    assert "- The paper's claims, on published evidence: 1 SUPPORTED, 1 REFUTED (1 on single runs only)" in text
    assert "- Claims asked by us, on published evidence: 0 SUPPORTED, 0 REFUTED, 1 INCONCLUSIVE." in text
    assert "| Cases | 2 supported; 1 of them pools all models and counts in no claim |" in text
    assert "| REFUTED (point) | 1 supported |" in text


def test_p_of_single_runs_is_named_and_not_corrected():
    refuted = case("a", verdict="REFUTED", basis="point", judge="gpt-4")
    text = render(record([refuted, case("b", verdict="REFUTED")], [family(holm={"a": 0.0123, "b": 0.0456})]))
    assert text.count("| d | p (judge noise only) | verdict |") == text.count("| d | p | verdict |") == 1
    assert "p after Holm's correction: 0.046." in text
    assert "0.012" not in text


@pytest.mark.parametrize("evidence", ["published", "measured"])
def test_the_limits_of_the_published_audit_are_told_where_it_is_part_of_the_record(evidence):
    text = render(record([case(evidence=evidence)], []))
    _, heading, limits = text.partition("## What the published audit cannot tell\n\n")
    assert bool(heading) is (evidence == "published")
    assert len(re.findall("^- ", limits.partition("\n\n")[0], re.M)) == 5 * bool(heading)


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
    changed = case(verdict="REFUTED", recorded_verdict="SUPPORTED", recorded_status="changed")
    drift = case("b", verdict="INCONCLUSIVE", recorded_verdict="SUPPORTED", recorded_status="drift", reason="few")
    text = render(record([changed, drift], [], run=run(crashed=("test_a[b|c]",))))
    assert "**Recorded verdict: changed, was SUPPORTED.**" in text
    assert "few (drift, was SUPPORTED)" in text
    assert r"test_a\[b\|c\]" in text


@pytest.mark.parametrize("verdict", ["REFUTED", "INCONCLUSIVE", None])
def test_foreign_text_cannot_break_out(verdict):
    nasty = case(NASTY, NASTY, verdict, statement=NASTY, reason=NASTY, model=NASTY, compared=NASTY)
    text = render(record([nasty], [family(NASTY, statement=NASTY, note=NASTY)]))
    assert "<script" not in text
    assert "\n# head" not in text
    lines = claims_table(record([nasty], [family(NASTY, note=NASTY)]), own=True).splitlines()
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
