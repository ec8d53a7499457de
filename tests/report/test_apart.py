"""Marks where arms or texts of one claim have other verdicts, and where both sides did not learn as much."""

import io
import re

import pytest
from rich.console import Console

from itl_bench.report import html, markdown
from itl_bench.report.apart import cases_apart, claims_apart
from itl_bench.report.readme import verdict_table
from itl_bench.report.terminal import print_claims
from itl_bench.report.verdicts import claim_verdicts, measured_kinds
from tests.helpers.html_page import Page
from tests.helpers.sample_record import case, family, record
from tests.helpers.story_record import learning, measured, told_record

BIOS = {"evidence": "measured", "level": "bios"}


def said(*claims):
    return {claim: [one.words for one in some] for claim, some in claims_apart(record([], claims)).items()}


def test_arms_that_contradict_are_said():
    families = [family("C10a", verdict, arm=arm, **BIOS) for arm, verdict in
                (("fair", "REFUTED"), ("shared-rate", "SUPPORTED"))]  # fmt: skip
    assert said(*families) == {"C10a": ["arms contradict: shared-rate SUPPORTED, fair REFUTED"]}


@pytest.mark.parametrize("other", ["SUPPORTED", None])
def test_arms_that_agree_or_have_no_verdict_are_not(other):
    assert said(family("C10a", arm="fair", **BIOS), family("C10a", other, arm="shared-rate", **BIOS)) == {}


def test_sanity_and_published_families_are_not_compared():
    sanity = family("C10a", "REFUTED", role="sanity", arm="fair", **BIOS)
    assert said(family("C10a", arm="shared-rate", **BIOS), sanity, family("C10a", "REFUTED")) == {}


def test_texts_that_disagree_are_said_and_the_own_text_heads():
    found = claims_apart(told_record())["C01"]
    assert [one.words for one in found] == [
        "arms differ: shared-rate REFUTED, fair INCONCLUSIVE, equal-loss INCONCLUSIVE",
        "texts contradict: shared-rate, on the base's answers: SUPPORTED; on its own answers: REFUTED",
    ]
    assert [one.contradict for one in found] == [False, True]
    assert [one.arm for one in measured_kinds(told_record())] == ["shared-rate", "fair", "equal-loss", "equal-learning"]
    assert [one.word for one in claim_verdicts(told_record())["C01"].by_kind][:2] == ["REFUTED", "INCONCLUSIVE"]


def test_the_common_text_is_in_no_summary_of_its_claim():
    own = family("C10a", "REFUTED", text="own", arm="shared-rate", **BIOS)
    common = family("C10a", "SUPPORTED", text="common", arm="shared-rate", **BIOS)
    assert claim_verdicts(record([], [own, common]))["C10a"].measured.word == "REFUTED"


def test_a_case_names_the_other_verdicts_on_its_comparison():
    cases = [
        measured("C10b", "shared-rate", "SUPPORTED"), measured("C10b", "fair", "REFUTED"),
        measured("C10b", "equal-learning", "REFUTED", within=True), measured("C10b", "fair", dataset="other"),
        case("p", "C10b", "REFUTED"),
    ]  # fmt: skip
    found = cases_apart(record(cases, []))
    assert set(found) == {one.id for one in cases[:3]}
    assert found[cases[0].id] == "fair: REFUTED; equal-learning, within a run: REFUTED"


def test_every_report_has_the_marks():
    shown, stream = told_record(), io.StringIO()
    print_claims(shown, Console(file=stream, width=200))
    page, text = html.render(shown), markdown.render(shown)
    words = "texts contradict: shared-rate, on the base's answers: SUPPORTED"
    assert f"≠ C01: {words}" in stream.getvalue()
    assert f"- ≠ `C01` {words}" in text
    assert "| `C01` ≠ |" in text
    assert "| C01 ≠ |" in verdict_table(shown)
    seen = "".join(Page(page).texts)
    assert f"≠ {words}" in seen
    assert "≠ arms contradict: shared-rate SUPPORTED, fair REFUTED" in seen
    assert "measured, bios, shared-rate, on the base's answers" in seen


def test_a_card_says_how_much_both_sides_learned():
    text = "".join(Page(html.render(told_record())).texts)
    assert "learned unequal: 0.32 against 0.72, difference −0.40 [−0.45, −0.35]" in text
    assert "learned unknown: 0.72 against 0.60" in text
    assert "learned not defined" in text
    refuted = markdown.render(told_record()).partition("## Contradictions")[2]
    assert "Learned unequal: 0.59 against 0.76." in refuted
    assert "The same asked elsewhere: shared-rate: SUPPORTED;" in refuted


def test_without_shares_there_is_no_mark():
    one = measured("C10b", "shared-rate", "SUPPORTED", learning=learning("not defined"))
    page = html.render(record([one], []))
    assert not re.search(r'class="tag[^"]*">learned', page)


def test_statements_are_whole():
    statement = "A claim that says a lot about models, data and methods, " * 6
    page = html.render(record([], [family("C10a", statement=statement)]))
    assert statement in page
    assert "line-clamp" not in page
