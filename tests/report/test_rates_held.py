"""At how many rates verdicts hold, and where the reports say so."""

import io
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from itl_bench.report import html, markdown, terminal
from itl_bench.report.grouping import RATES_HELD, rates_held
from itl_bench.vocabulary import VERDICTS
from tests.helpers.measured_record import point, swept, swept_record
from tests.helpers.sample_record import case, record


def of(*verdicts, **changes):
    """A case whose first verdict is the headline."""
    points = tuple(point(10**-index, verdict) for index, verdict in enumerate(verdicts, 1))
    return swept(f"C10a-{verdicts}-{sorted(changes.items())}", 0, points, **changes)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([of("SUPPORTED", "REFUTED")], "holds at 1 of 2 rates"),
        ([of("REFUTED", "REFUTED", "INCONCLUSIVE")], "holds at 2 of 3 rates"),
        ([of("SUPPORTED", "SUPPORTED"), of("REFUTED", "SUPPORTED")], "hold at 3 of 4 rates in all"),
        ([of("SUPPORTED", "SUPPORTED"), of("REFUTED")], "holds at 2 of 2 rates"),
        ([of("SUPPORTED", "SUPPORTED"), of("INCONCLUSIVE", "SUPPORTED")], "holds at 2 of 2 rates"),
        ([of("SUPPORTED", "SUPPORTED"), of("REFUTED", "REFUTED", role="sanity")], "holds at 2 of 2 rates"),
    ],
)
def test_by_hand(cases, said):
    assert rates_held(cases).in_words() == said


@pytest.mark.parametrize(
    "cases",
    [
        [],
        [case()],
        [of("SUPPORTED")],
        [of("INCONCLUSIVE", "SUPPORTED")],
        [of("SUPPORTED", "REFUTED", role="sanity")],
        [swept(points=(point(None), point(None)), headline=0)],
    ],
)
def test_nothing_is_said_where_no_decided_case_has_several_rates(cases):
    assert rates_held(cases) is None


@given(st.lists(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4), max_size=5))
def test_against_a_plain_loop(swept_verdicts):
    cases = held = points = 0
    for verdicts in swept_verdicts:
        if verdicts[0] == "INCONCLUSIVE" or len(verdicts) == 1:
            continue
        cases += 1
        for verdict in verdicts:
            points += 1
            held += verdict == verdicts[0]
    found = rates_held([of(*verdicts) for verdicts in swept_verdicts])
    assert ((found.cases, found.held, found.points) if found else (0, 0, 0)) == (cases, held, points)


def printed(shown, width=100):
    stream = io.StringIO()
    terminal.print_claims(shown, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_terminal_has_a_column_of_rates():
    text = printed(swept_record(), 80)
    head, *lines = text.splitlines()
    assert head.split()[-1] == "rates"
    assert max(map(len, text.splitlines())) <= 80
    (line,) = (line for line in lines if line.startswith("C10a"))
    assert line.split()[-1] == "1/3"
    assert f"rates: {RATES_HELD}" in " ".join(printed(swept_record(), 200).split())


def test_the_page_says_it_behind_the_counts_and_the_verdict():
    text = html.render(swept_record())
    said = "holds at 1 of 3 rates"
    families = re.findall(r'<table class="families.*?</table>', text, re.S)
    assert [table.count(said) for table in families if "C10a" in table or "shared-rate" in table].count(1) == 1
    assert f"1 supported, 1 refuted, 4 not judged; {said}</td>" in text
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", text, re.S) if "claim-name" in row and ">C10a<" in row)
    assert f' title="{RATES_HELD}">decided cases: 1 of 3 rates</span>' in unescape(row)
    assert text.count(said) == 1


def test_markdown_says_what_the_words_behind_the_counts_mean():
    text = markdown.render(swept_record())
    assert "1 supported, 1 refuted, 4 not judged; holds at 1 of 3 rates |" in text
    assert RATES_HELD[1:] in text
    assert RATES_HELD[1:] not in markdown.render(record([of("SUPPORTED")]))


def test_records_without_several_rates_say_nothing():
    shown = record([case(), of("SUPPORTED")])
    for text in (printed(shown), html.render(shown), markdown.render(shown)):
        assert not re.search(r"holds? at \d|^rates:", text, re.M)
