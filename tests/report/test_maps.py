"""The map of a claim: verdicts by dataset and learning rate."""

import pytest

from itl_bench.report.maps import (
    data_in_words,
    headline_point,
    rate_in_words,
    rate_map,
    rate_maps,
    rates_in_words,
    side_names,
)
from tests.helpers.measured_record import point, swept, swept_record
from tests.helpers.sample_record import case, record


def test_claims_without_points_have_no_map():
    assert list(rate_maps(swept_record())) == ["C10a"]
    assert (
        rate_maps(record([case(), swept("empty", points=(point(),), headline=0)], []))["C10a"].rows[0].case.id
        == "empty"
    )


def test_rows_are_datasets_and_columns_are_rates():
    found = rate_maps(swept_record())["C10a"]
    assert found.rates == (0.001, 0.003, 0.01)
    assert [row.case.dataset for row in found.rows] == ["bios-new30-short", "bios-new100-short"]
    letters = [[cell.point.verdict[0] if cell else "" for cell in row.cells] for row in found.rows]
    assert letters == [["R", "S", "I"], ["", "R", ""]]
    assert [[bool(cell and cell.headline) for cell in row.cells] for row in found.rows] == [[False, True, False]] * 2


def test_a_cell_says_its_effect_and_interval():
    cell = rate_map("C10a", [swept()]).rows[0].cells[0]
    assert cell.in_words("30%", 2) == "30% at 0.001: REFUTED, accuracy −0.20 [−0.24, −0.16]"
    headline = rate_map("C10a", [swept()]).rows[0].cells[1]
    assert headline.in_words("30%", 2) == "30% at 0.003, headline: SUPPORTED, accuracy +0.12 [0.08, 0.16]"
    bare = point(effect=0.1, verdict="INCONCLUSIVE").model_copy(
        update={"effect": None, "ci_low": None, "ci_high": None}
    )
    assert rate_map("C10a", [swept(points=(bare, point(0.01)))]).rows[0].cells[0].effect() == "no effect known"


def test_rows_on_one_dataset_are_told_apart():
    rows = rate_map("C18", [swept("a", measure="hallucination"), swept("b", measure="borrowing")]).rows
    assert [row.details for row in rows] == ["lora minus full, borrowing", "lora minus full, hallucination"]
    assert [row.details for row in rate_map("C18", [swept()]).rows] == ["lora minus full"]


def test_sides_that_share_no_rate_have_a_column_of_their_own():
    fair = swept("fair", 0, (point(None),), arm="fair")
    found = rate_map("C10a", [fair, swept()])
    assert found.rates == (0.001, 0.003, 0.01, None)
    assert rate_in_words(None) == "own rates"
    assert rates_in_words(point(None)) == "own rates"
    own = point(None).model_copy(update={"rate_left": 0.01, "rate_right": 0.001})
    assert rates_in_words(own) == "own rates 0.01 and 0.001"
    assert rates_in_words(own.model_copy(update={"rate_left": None})) == "own rates 0.001"
    assert rates_in_words(point(0.003)) == "0.003"
    assert [row.details for row in found.rows] == ["lora minus full, shared-rate", "lora minus full, fair"]


def test_the_headline_is_the_point_that_says_so():
    assert headline_point(swept()).rate == 0.003
    assert headline_point(swept(headline=0)).rate == 0.001
    assert headline_point(swept().model_copy(update={"points": None})) is None


@pytest.mark.parametrize(
    ("dataset", "words"),
    [("bios-new30-short", "30% new facts, short"), ("atlas-new100-long", "100% new facts, long"),
     ("bios-new20-sized-4k", "20% new facts, sized, 4k"), ("bios-new30-short-twice-more", ""), ("alpaca-52k", ""),
     ("bios-new30-short-vs-bios-new100-short", "")],
)  # fmt: skip
def test_names_of_worlds_are_read(dataset, words):
    assert data_in_words(dataset) == words


@pytest.mark.parametrize(
    ("compared", "names"),
    [
        ("lora on d minus full on d; bios1m, bios-known", ("lora", "full")),
        ("full on d minus base; bios1m", ("full", "base")),
        ("full on d, original minus full on d, paraphrased; bios1m", ("full, original", "full, paraphrased")),
        ("lora on a minus lora on b; llama7b", ("lora on a", "lora on b")),
        ("lora on d minus lora on d; x", ("lora on d", "lora on d")),
        ("trend over size of d with lora; llama7b", ("left", "right")),
    ],
)
def test_sides_are_named_by_what_differs(compared, names):
    assert side_names(swept(compared=compared, dataset="d")) == names
