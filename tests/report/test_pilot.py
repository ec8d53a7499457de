"""A pilot says so where it is read first: in the terminal, in Markdown and in HTML."""

import io

import pytest
from rich.console import Console

from itl_bench.report.html import render as html
from itl_bench.report.markdown import render as markdown
from itl_bench.report.terminal import print_claims
from itl_bench.report.wording import PILOT, pilot_in_words
from tests.helpers.measured_record import swept
from tests.helpers.sample_record import case, record

OF_A_PILOT = swept(pilot=True)


def printed(some):
    console = Console(file=io.StringIO(), width=200)
    print_claims(some, console)
    return console.file.getvalue()


@pytest.mark.parametrize("show", [markdown, html, printed])
def test_a_pilot_is_marked(show):
    assert PILOT in show(record([OF_A_PILOT, case()], []))
    assert PILOT not in show(record([OF_A_PILOT, swept("C10a-31")], []))


def test_a_run_without_measured_cases_is_no_pilot():
    assert pilot_in_words(record([case()], [])) == ""
    assert pilot_in_words(record([OF_A_PILOT.model_copy(update={"verdict": None})], [])) == ""
