import io

import pytest
from rich.console import Console

from itl_bench.report.terminal import print_claims
from tests.helpers.sample_record import case, family, record, run, sample


def printed(shown, width=80, **options):
    stream = io.StringIO()
    print_claims(shown, Console(file=stream, width=width, **options))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_claim_is_one_line_that_fits(width):
    lines = printed(sample(), width).splitlines()
    assert max(map(len, lines)) <= width
    for claim in ("C02", "C07", "C10a", "C24", "X01"):
        assert sum(line.startswith(claim + " ") for line in lines) == 1


def test_published_and_measured_stand_side_by_side():
    (line,) = (line for line in printed(sample(), 160).splitlines() if line.startswith("C10a"))
    assert "Tuned with LoRA, a model answers at least as well as tuned in full." in line
    assert line.split()[-6:] == ["REFUTED", "2S", "1R", "SUPPORTED", "1S", "5n"]


def test_families_that_disagree_say_so():
    measured = {"evidence": "measured", "level": "bios"}
    claims = [
        family(arm="fair", **measured),
        family(verdict="REFUTED", counts=(0, 1, 0, 2), arm="shared-rate", **measured),
    ]
    verdicts = ("SUPPORTED", "REFUTED", None, None)
    cases = [case(f"id-{index}", verdict=verdict, **measured) for index, verdict in enumerate(verdicts)]
    (line,) = (line for line in printed(record(cases, claims)).splitlines() if line.startswith("C10a"))
    assert line.split()[-4:] == ["differ", "1S", "1R", "2n"]


def test_sanity_cases_are_in_no_count():
    text = printed(sample())
    assert "All cases: 4 supported, 2 refuted, 2 inconclusive, 14 not run" in text
    assert "Sanity cases, in no count above: 1 supported." in text


def test_foreign_markup_and_escape_codes_are_text():
    nasty = "[red]x[/red] \x1b[31m"
    text = printed(record([case()], [family(statement=nasty)], run=run(crashed=("t",))), 160)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "1 crashed" in text


def test_a_claim_without_selected_case_is_left_out():
    text = printed(record([case()], [family(), family(claim="C24")]))
    assert "C10a" in text
    assert "C24" not in text
