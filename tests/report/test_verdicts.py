"""A claim's verdicts side by side: published, and each kind of measured evidence, in all reports."""

import io
import re

import pytest
from rich.console import Console

from itl_bench.report import html, markdown, readme
from itl_bench.report.terminal import print_claims
from itl_bench.report.verdicts import claim_verdicts, measured_kinds, measured_verdict
from tests.helpers.measured_record import swept_record
from tests.helpers.sample_record import case, family, record

SHARED = {"evidence": "measured", "level": "bios", "arm": "shared-rate"}
FAIR = {**SHARED, "arm": "fair"}


def terminal(shown, width=100):
    stream = io.StringIO()
    print_claims(shown, Console(file=stream, width=width))
    return stream.getvalue()


def rows(text):
    """First cell of each row of Markdown tables -> the other cells."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    return {first.strip("`"): rest for first, *rest in cells}


def test_kinds_are_those_that_any_claim_was_judged_on():
    claims = [
        family(**FAIR),
        family("C24", None, (0, 0, 1, 3), **SHARED),
        family("C07", None, (0, 0, 0, 2), evidence="measured", level="small"),
        family("C02", role="sanity", evidence="measured", level="paper"),
    ]
    assert [kind.in_words() for kind in measured_kinds(record([], claims))] == ["bios, shared-rate", "bios, fair"]
    assert measured_kinds(record([], [family()])) == ()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], "not asked"),
        ([family(verdict=None, counts=(0, 0, 0, 3), **SHARED)], "not run"),
        ([family(verdict=None, counts=(1, 0, 0, 3), **SHARED)], "incomplete"),
        ([family(verdict="REFUTED", basis="point", **SHARED)], "REFUTED (point)"),
        ([family(role="sanity", **SHARED)], "SUPPORTED (sanity)"),
        ([family(role="sanity", **SHARED), family(verdict="REFUTED", **SHARED)], "REFUTED"),
        ([family(role="sanity", verdict=None, counts=(0, 0, 0, 1), **SHARED)], "not run"),
    ],
)
def test_what_is_said_of_one_claim_on_one_kind(chosen, said):
    assert measured_verdict(chosen).in_words() == said


def test_every_claim_has_a_verdict_on_every_kind():
    claims = [family(**SHARED), family(verdict="REFUTED", **FAIR), family("C24")]
    words = {claim: [side.word for side in one.by_kind] for claim, one in claim_verdicts(record([], claims)).items()}
    assert words == {"C10a": ["SUPPORTED", "REFUTED"], "C24": ["not asked", "not asked"]}


def test_markdown_has_a_column_for_each_kind():
    table = rows(markdown.claims_table(swept_record()))
    assert table["claim"][1:] == ["published", "cases", "measured: bios, shared-rate", "cases", "note"]
    assert table["C10a"][1:5] == [
        "REFUTED (point)",
        "1 supported",
        "incomplete",
        "1 supported, 1 refuted, 4 not judged; holds at 1 of 3 rates",
    ]
    assert table["C24"][1:5] == ["INCONCLUSIVE", "1 inconclusive", "not asked", ""]
    assert table["C02"][3:5] == ["SUPPORTED (sanity)", ""]


def test_the_readme_has_measured_columns_once_something_was_measured():
    table = rows(readme.verdict_table(swept_record()))
    assert table["claim"][1:] == ["published", "cases", "measured: bios, shared-rate", "cases"]
    assert table["C10a"][1:] == ["REFUTED (point)", "1 supported", "incomplete", "1 supported, 1 refuted, 4 not judged"]
    assert table["C24"][1:] == ["INCONCLUSIVE", "1 inconclusive", "not asked", ""]
    assert table["X01"][1:] == ["", "", "not run", "1 not judged"]
    before = rows(readme.verdict_table(record([], [family(), family("C24", None, (0, 0, 0, 1), **SHARED)])))
    assert before["claim"][1:] == ["verdict", "cases"]
    assert "C24" not in before


def test_the_page_has_a_column_for_each_kind_and_marks_sanity():
    text = html.render(swept_record())
    body = re.search(r'<table class="matrix">.*?</table>', text, re.S)[0]
    assert 'measured<span class="unit">bios, shared-rate</span>' in body
    found = {}
    for row in re.findall(r"<tr><th scope=\"row\".*?</tr>", body, re.S):
        cells = re.findall(r'<td class="side-verdict[^>]*>(.*?)</td>', row, re.S)
        found[re.search(r">(\w+)</a>", row)[1]] = [re.sub(r"\s+", " ", re.sub("<[^>]*>", "", cell)) for cell in cells]
    assert found["C10a"] == ["REFUTED point", "incomplete decided cases: 1 of 3 rates"]
    assert found["C24"] == ["INCONCLUSIVE", "not asked"]
    assert found["C02"] == ["INCONCLUSIVE", "SUPPORTED sanity"]


def test_sanity_is_in_no_headline():
    (line,) = (line for line in markdown.render(swept_record()).splitlines() if "published evidence" in line)
    assert line.endswith(": 0 SUPPORTED, 1 REFUTED (1 on single runs only), 2 INCONCLUSIVE.")
    assert "on measured evidence" not in markdown.render(swept_record())


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_says_not_asked_where_no_case_is_declared(width):
    lines = terminal(swept_record(), width).splitlines()
    assert max(map(len, lines)) <= width
    (measured,) = (line for line in lines if line.startswith("C10a "))
    (idle,) = (line for line in lines if line.startswith("C24 "))
    assert measured.split()[-4:] == ["incomplete", "1S", "1R", "1/3"]
    assert idle.split()[-4:] == ["INCONCLUSIVE", "1I", "not", "asked"]
    assert "Measured: bios, shared-rate." in lines


def test_the_terminal_tells_verdicts_that_differ_apart():
    cases = [case(evidence="measured", level="bios", arm=arm) for arm in ("shared-rate", "fair")]
    text = terminal(record(cases, [family(**SHARED), family(verdict="REFUTED", counts=(0, 1, 0, 0), **FAIR)]))
    assert "They differ on C10a: bios, shared-rate SUPPORTED; bios, fair REFUTED." in text
    assert "Measured" not in terminal(record([case()], [family()]))
