import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.record import MechanismRecord
from itl_bench.report.html import anchor, filter_link, filters, render
from tests.helpers.html_page import NASTY, Page
from tests.helpers.sample_record import case, column, family, not_run_cases, record, run, sample


def test_every_case_and_claim_is_on_the_page_with_a_unique_anchor():
    sampled = sample()
    page = Page(render(sampled))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {anchor("case", one.id) for one in sampled.cases} <= set(ids)
    assert {anchor("claim", one.claim) for one in sampled.cases} <= set(ids)
    assert page.open == []


def test_links_inside_the_page_lead_somewhere():
    page = Page(render(sample()))
    ids = {attributes.get("id") for _, attributes in page.elements}
    targets = [link["href"] for link in page.all("a")]
    assert all(target.startswith("#") for target in targets)
    assert {target[1:] for target in targets if "=" not in target} <= ids


def test_nothing_comes_from_outside():
    text = render(sample())
    page = Page(text)
    assert not {"link", "img", "iframe", "object", "embed"} & {tag for tag, _ in page.elements}
    assert all(attributes.get(name, "#").startswith("#") for _, attributes in page.elements for name in ("src", "href"))
    assert "@import" not in text
    assert "url(" not in text
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'")


def nasty_record(text):
    names = ("statement", "reason", "model", "dataset", "compared", "section", "unit", "judge")
    columns = (column(text, "REFUTED"),)
    judged = case(text, text, "REFUTED", columns=columns, artifacts=(text,), **dict.fromkeys(names, text))
    idle = case(text + "2", text, None, reason=text, model=text)
    mechanism = MechanismRecord(id=text, statement=text, breaks_if=text, cases=(text, text + "3"))
    shown = run(id=text, crashed=(text,), packages={text: text}, options={text: [text, text]})
    return record([judged, idle], [family(text, statement=text, note=text)], run=shown, mechanisms=(mechanism,))


def assert_safe(text):
    page = Page(render(nasty_record(text)))
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.open == []
    return page


def test_foreign_text_stays_text():
    page = assert_safe(NASTY)
    assert page.texts.count(NASTY) >= 8


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(lambda text: f"a{text}z"))
def test_any_text_round_trips(text):
    assert text in assert_safe(text).texts


@given(st.text(), st.text())
def test_anchors_are_safe_and_tell_texts_apart(one, other):
    assert anchor("case", one).replace("-", "").isalnum()
    assert anchor("case", one).isascii()
    assert (anchor("case", one) == anchor("case", other)) == (one == other)


def test_summary_counts_leave_out_sanity_cases():
    text = render(sample())
    page = Page(text)
    totals = re.search(r'<ul class="totals">.*?</ul>', text, re.S)[0]
    assert re.findall(r"<b>(\d+)</b>", totals) == ["4", "2", "2", "14"]
    marked = [attributes for _, attributes in page.elements if attributes.get("data-role") == "sanity"]
    assert [attributes["id"] for attributes in marked] == [anchor("case", "C02-bios1m-noop")]


@pytest.mark.parametrize("status", ["drift", "changed", "as-recorded", "new", None])
def test_a_verdict_that_is_not_the_recorded_one_is_tagged_with_its_status(status):
    text = render(record([case(recorded_verdict="REFUTED", recorded_status=status)], []))
    tagged = status in ("drift", "changed")
    assert (f'<span class="tag {status}">{status}, was REFUTED</span>' in text) is tagged
    assert ("was REFUTED" in text) is tagged


@pytest.mark.parametrize("evidence", ["published", "measured"])
def test_the_limits_of_the_published_audit_are_told_where_it_is_part_of_the_record(evidence):
    text = render(record([case(evidence=evidence)], []))
    assert ("What the published audit cannot tell" in text) is (evidence == "published")
    assert (text.count("<li>", text.find('<ul class="limits">')) >= 5) or evidence == "measured"


def test_the_totals_say_what_counts_in_no_claim():
    pooled = [
        case("a", model="all-models"),
        case("b", model="all-models"),
        case("c", model="all-models", role="sanity"),
    ]
    assert "2 of them pool all models and count in no claim." in render(record([case(), *pooled], []))
    assert "in no claim" not in render(record([case()], []))


def test_how_to_read_explains_refuted_once():
    assert render(sample()).count("not better by 0.1") == 1


def test_filters_offer_what_is_there():
    offered = {one.name: [value for value, _ in one.options] for one in filters(sample())}
    assert offered["verdict"] == ["SUPPORTED", "REFUTED", "INCONCLUSIVE", "not-run"]
    assert offered["level"] == ["published", "bios", "paper"]
    assert offered["arm"] == ["shared-rate", "fair", "none"]
    assert offered["model"] == ["all", "bios1m", "llama7b", "llama13b", "llama70b", "mistral7b"]
    assert [one.name for one in filters(record([case()], []))] == ["verdict"]


def test_filter_links_quote_foreign_text():
    assert filter_link(model="a&b=#c d") == "#model=a%26b%3D%23c+d"


@pytest.mark.parametrize("changes", [{"effect": None, "ci_low": None, "ci_high": None}, {"basis": "text"}])
def test_a_case_without_numbers_has_no_plot(changes):
    bare = case(columns=(), **{"smallest_effect": None, **changes})
    assert 'class="plot"' not in render(record([bare], []))


def test_an_empty_record_renders():
    assert "</html>" in render(record([], []))


def test_4000_cases_that_were_not_run_stay_small_and_quick():
    started = time.perf_counter()
    text = render(record(not_run_cases(4000), [family("C02", None, (0, 0, 0, 4000))]))
    assert len(text.encode()) < 3_000_000
    assert text.count("data-case ") == 4000
    assert time.perf_counter() - started < 10
