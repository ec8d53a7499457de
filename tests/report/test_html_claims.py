"""Claims on the page: the headline, the matrix and the families, and ours apart from the paper's."""

import re
from html import unescape

import pytest

from itl_bench.report.html import render
from tests.helpers.sample_record import case, family, record


def headline_counts(text):
    """Title of each headline -> {verdict: (number, claims)}, read from the page."""
    found = {}
    for title, body in re.findall(r'<section class="headline[^>]*aria-label="([^"]*)">(.*?)</section>', text, re.S):
        items = re.findall(r"<b>(\d+)</b> <span class=\"badge.*?</svg>([^<]*)</span>(.*?)</li>", body, re.S)
        found[unescape(title)] = {word: (int(many), re.findall(r">([CX]\w+)</a>", rest)) for many, word, rest in items}
    return found


def test_the_headline_counts_claims_and_keeps_ours_apart():
    measured = {"evidence": "measured", "level": "bios"}
    claims = [
        family("C02"), family("C07", "REFUTED", basis="point"), family("C24", "INCONCLUSIVE"),
        family("C10a", "REFUTED"), family("X01", "SUPPORTED"), family("C07", "SUPPORTED", **measured),
        family("C02", None, (0, 0, 0, 3), **measured), family("C24", None, (0, 0, 1, 2), **measured),
        family("C10a", "REFUTED", role="sanity", **measured),
    ]  # fmt: skip
    text = render(record([case()], claims))
    assert headline_counts(text) == {
        "The paper's claims, on published evidence": {
            "SUPPORTED": (1, ["C02"]), "REFUTED": (2, ["C07", "C10a"]), "INCONCLUSIVE": (1, ["C24"]),
        },
        "The paper's claims, on measured evidence": {
            "SUPPORTED": (1, ["C07"]), "REFUTED": (0, []), "INCONCLUSIVE": (0, []),
            "incomplete": (1, ["C24"]), "not run": (1, ["C02"]),
        },
        "Claims asked by us, on published evidence": {"SUPPORTED": (1, ["X01"])},
    }  # fmt: skip
    assert text.count("1 on single runs only") == 1
    assert text.index('class="headline"') < text.index('class="totals"')


def test_measured_claims_are_no_headline_before_one_has_a_verdict():
    measured = {"evidence": "measured", "level": "bios"}
    sanity = family("C02", "SUPPORTED", role="sanity", **measured)
    claims = [family("C02"), family("C07", None, (1, 0, 0, 1), **measured), sanity]
    assert list(headline_counts(render(record([case()], claims)))) == ["The paper's claims, on published evidence"]


@pytest.mark.parametrize(("own", "said"), [("X01", True), ("C02", False)])
def test_the_lead_names_our_own_claims_as_ours(own, said):
    text = render(record([case(), case("own", own)], []))
    assert (f"and a few of our own ({own}), to the test" in text) is said
    assert ("asked by us" in text) is said


def matrix_rows(text):
    body = re.search(r'<table class="matrix">.*?</table>', text, re.S)[0]
    return re.findall(r"<tr>(.*?)</tr>", body, re.S)


@pytest.mark.parametrize("judged", [False, True])
def test_the_matrix_shows_the_verdict_on_each_claim_and_ours_last(judged):
    measured = family("C07", None, (1, 0, 0, 2) if judged else (0, 0, 0, 3), evidence="measured", level="bios")
    claims = [family("C07", "REFUTED", basis="point"), measured, family("X01", "SUPPORTED")]
    rows = matrix_rows(render(record([case("a", "C07"), case("b", "X01")], claims)))
    names = [re.search(r">(C07|X01|asked by us)<", row) for row in rows]
    assert [name[1] for name in names if name] == ["C07", "asked by us", "X01"]
    (paper,) = (row for row in rows if ">C07<" in row)
    cells = re.findall(r'<td class="side-verdict[^>]*>(.*?)</td>', paper)
    assert len(cells) == 1 + judged
    assert "REFUTED" in cells[0]
    assert ">point<" in cells[0]
    assert all("incomplete" in cell for cell in cells[1:])
    widths = {row.count("<td") + row.count("<th") for row in rows if 'scope="row"' in row}
    assert widths == {2 + judged + 1}


def test_family_rows_say_not_judged_and_on_what_a_verdict_rests():
    claims = [
        family(verdict="REFUTED", counts=(0, 1, 0, 4), basis="point"),
        family(verdict=None, counts=(1, 0, 0, 2), evidence="measured", level="bios"),
    ]
    text = render(record([case()], claims))
    table = re.search(r'<table class="families.*?</table>', text, re.S)[0]
    assert "1 refuted, 4 not judged" in table
    assert "1 supported, 2 not judged" in table
    assert "incomplete" in table
    assert table.count('title="rests on comparisons of single runs"') == 1
