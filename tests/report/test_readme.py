"""The column of a pilot in the README's table: numbers, and no word of a verdict."""

import re

import pytest

from itl_bench.report.readme import END, START, pilot_effects, verdict_table, with_table
from itl_bench.vocabulary import VERDICTS
from tests.helpers.measured_record import swept_record
from tests.helpers.sample_record import case, column, record

MEASURED = {"evidence": "measured", "level": "small", "model": "gemma270m", "measure": "knowledge"}


def measured(name, effect, column_name="accuracy", **changes):
    shown = (column(column_name, "INCONCLUSIVE", effect),)
    return case(name, verdict="INCONCLUSIVE", columns=shown, **{**MEASURED, **changes})


def pilot():
    return record(
        [
            measured("a", -0.13), measured("b", 0.25), measured("c", 0.0031, "kl", measure="token-shift"),
            measured("d", 9.0, role="sanity"), case("published"), case("idle", verdict=None, **MEASURED),
        ],
        [],
    )  # fmt: skip


def last_cells(text):
    return [line[2:-2].split(" | ")[-1] for line in text.splitlines() if line.startswith("| ")]


def test_a_claim_has_the_range_of_its_effects_for_each_measure():
    assert pilot_effects(pilot(), "C10a") == "knowledge (accuracy) -0.13 to +0.25; token-shift (kl) +0.0031"
    assert pilot_effects(pilot(), "C24") == ""


def test_an_effect_without_a_column_has_the_name_of_its_measure():
    trend = case("t", verdict="INCONCLUSIVE", columns=(), effect=0.5, **MEASURED)
    assert pilot_effects(record([trend], []), "C10a") == "knowledge +0.50"


def test_the_last_column_says_that_it_is_a_pilot_and_has_no_verdict():
    head, _, *rows = last_cells(verdict_table(swept_record(), pilot()).split("\n\n")[0])
    assert head == "pilot, no verdict: gemma270m"
    assert any("accuracy" in row for row in rows)
    assert not any(verdict in row for row in rows for verdict in VERDICTS)


def test_without_a_pilot_there_is_no_such_column():
    assert "pilot" not in verdict_table(swept_record())


@pytest.mark.parametrize("field", ["measure", "model"])
def test_names_of_a_pilot_cannot_break_the_table(field):
    nasty = record([measured("a", 0.5, **{field: "x | <b>y</b>"})], [])
    plain = verdict_table(swept_record(), pilot()).splitlines()
    lines = verdict_table(swept_record(), nasty).splitlines()
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [line.count("|") for line in plain]
    assert not any("<b>" in line for line in lines)


def test_the_table_stands_between_its_marks():
    text = with_table(f"before\n{START}\nold\n{END}\nafter", swept_record(), pilot())
    assert text.startswith(f"before\n{START}\n\n| claim ")
    assert text.endswith(f"|\n\n{END}\nafter")
    assert "old" not in text
