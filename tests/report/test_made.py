"""How the cells were made, in both reports: numbers, absence, and foreign text."""

import html as escaping
import json
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from itl_bench.methods.recipe import SPEED_ONLY
from itl_bench.record import SCHEMA_FILE, Record, dump
from itl_bench.record_cells import DataRecord, DrawRecord, OverlapRecord
from itl_bench.report import html, markdown
from itl_bench.report.made import made, setting
from itl_bench.report.markdown_measured import made_section
from tests.helpers.html_page import NASTY, Page
from tests.helpers.made_record import SETTINGS, cell, made_record, training, world_cell
from tests.helpers.measured_record import swept_record

TITLE = "How the cells were made"


def row_of(one):
    return made(made_record(one)).cells[0]


@pytest.mark.parametrize("cells", [None, ()])
def test_a_record_that_says_nothing_of_cells_has_no_such_section(cells):
    record = swept_record(cells=cells)
    assert made_section(record) == ""
    assert markdown.render(record) == markdown.render(swept_record())
    assert html.render(record) == html.render(swept_record())
    assert TITLE not in html.render(record)


def test_an_old_record_is_written_as_it_was():
    assert '"cells": [' not in dump(swept_record(cases=(), examples=None))


def test_a_kind_of_cell_is_one_row_with_its_losses_in_the_order_of_the_rates():
    assert made_section(made_record(cell())).splitlines()[6] == (
        "| `llama7b` | `alpaca-52k` | `lora` | `paper` | 5e-05, 0.0002 | 4 | 4,873 | 9,876,543 | 12,346 | 2% | 61.4 GB "
        "| 1.412 → 0.973, 0.810 |"
    )


def test_what_differs_between_rates_is_a_range():
    row = row_of(cell(training=(training(updates=94, tokens_per_second=8.25), training(2e-4, updates=96))))
    assert (row.updates, row.speed) == ("94 to 96", "8.2 to 12,346")


def test_what_no_log_says_is_empty():
    nothing = dict.fromkeys(("target_tokens", "tokens_per_second", "padding", "peak_memory", "truncated", "dropped"))
    row = row_of(cell(cells=2, training=(training(**nothing),)))
    assert (row.tokens, row.speed, row.padding, row.memory) == ("", "", "", "")
    assert made(made_record(cell(training=()))).data[0].cutoff == ""
    row = row_of(cell(training=()))
    assert (row.updates, row.loss, row.notes) == ("", "", ("no training log of 4 of 4 cells",))


def test_a_diverged_cell_is_no_number():
    every = training(loss_first=None, loss_last=None, not_finite=2)
    assert row_of(cell(training=(every,))).loss == "not finite → not finite"
    assert row_of(cell(training=(training(), training(2e-4, not_finite=1)))).loss == (
        "1.412 → 0.973, 0.973 (1 of 2 not finite)"
    )


def test_a_recipe_has_one_block_with_all_settings_and_its_methods():
    blocks = made(
        made_record(cell(), cell(dataset="lima-1k"), cell(method="full", parameters={}), world_cell())
    ).recipes
    assert [one.id for one in blocks] == ["paper", "default"]
    assert {name for name, _ in blocks[0].settings + blocks[0].speed} == set(SETTINGS)
    assert {name for name, _ in blocks[0].speed} == set(SETTINGS) & set(SPEED_ONLY)
    assert blocks[0].methods == (("lora", "rank 8, alpha 16, targets all-linear"), ("full", ""))
    text = made_section(made_record(cell(method="full", parameters={})))
    assert "### Recipe `paper`: the paper's settings" in text
    assert "schedule cosine, warmup_steps 0, weight_decay 0, clip 1, warmup_ratio 0.03, template alpaca" in text
    assert "rank" not in text
    assert "`docs/paper-settings.md`" in text


def test_recipes_of_one_name_with_other_settings_are_two_blocks():
    blocks = made(made_record(cell(), cell(dataset="lima-1k", settings={**SETTINGS, "batch": 8}))).recipes
    assert [dict(one.settings)["batch"] for one in blocks] == ["32", "8"]


@pytest.mark.parametrize(
    ("value", "words"), [(True, "yes"), (False, "no"), (5e-5, "5e-05"), (1.0, "1"), (2048, "2048"), ("chat", "chat")]
)
def test_settings_in_words(value, words):
    assert setting(value) == words


def test_data_of_one_content_are_one_row_whatever_was_tuned_on_them():
    rows = made(
        made_record(cell(), cell(method="full"), cell(model="llama13b", training=(training(truncated=15),)))
    ).data
    assert len(rows) == 1
    assert (rows[0].models, rows[0].rows, rows[0].seeds) == (("llama7b", "llama13b"), "51,974", 2)
    assert (rows[0].sha256, rows[0].files) == ("0b0b0b0b0b0b and 1 more", "2e2e2e2e2e2e")
    assert rows[0].loaded == "52,002 rows, 51,974 kept, 22 duplicates, 28 empty responses"
    assert rows[0].cutoff == "12 to 15 truncated, 1 dropped"
    assert rows[0].overlaps == (
        "1 of 800 prompts of just-eval is in alpaca-52k word for word, 3 more share 13 words in a row with it",
    )


def test_data_of_a_world_need_no_columns_of_files():
    text = made_section(made_record(world_cell()))
    assert "| dataset | models | rows | seeds | sha256 of the rows | cut off |" in text
    assert "| `bios-new30-short` | `bios1m` | 1,000 | 1 | 7c7c7c7c7c7c | none |" in text
    page = html.render(made_record(world_cell()))
    assert "Found in the files" not in page
    assert "Found in the files" in html.render(made_record(cell()))


def test_the_page_has_the_section_its_link_and_every_number():
    record = made_record()
    page = html.render(record)
    assert '<a href="#made">Cells</a>' in page
    body = escaping.unescape(re.sub(r"<[^>]*>", "\n", page.split('<section id="made">')[1].split("</section>")[0]))
    lines = {line.strip() for line in body.splitlines()}
    found = made(record)
    for row in found.cells:
        assert {row.rates, row.updates, row.tokens, row.speed, row.padding, row.memory, row.loss, *row.notes} <= lines
    for block in found.recipes:
        assert {text for pair in block.settings + block.speed for text in pair} <= lines
    for data_row in found.data:
        named = {data_row.sha256, data_row.files, data_row.loaded, data_row.cutoff} - {""}
        assert named | {f"{text}." for text in data_row.overlaps} <= lines


ELEMENTS = {
    "h2", "h3", "p", "div", "table", "thead", "tbody", "tr", "th", "td", "span", "article", "dl", "dt", "dd",
    "details", "summary", "ul", "li",
}  # fmt: skip
ATTRIBUTES = {"class", "tabindex", "role", "aria-label", "scope", "data-label"}
foreign = st.one_of(st.sampled_from([NASTY, "<img src=x onerror=alert(1)>", "a | b\n# c", "{{ 7 * 7 }}"]), st.text())
values = st.one_of(foreign, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
mappings = st.dictionaries(foreign, values, max_size=2)
counts = st.integers(0, 10**9)
rows = st.builds(DrawRecord, seed=counts, rows=counts, sha256=foreign)
overlaps = st.builds(OverlapRecord, probe=foreign, prompts=counts, exact=counts, shared=counts, ngram=counts)
datas = st.builds(
    DataRecord, draws=st.lists(rows, max_size=2).map(tuple), files=st.lists(foreign, max_size=2).map(tuple),
    loaded=st.dictionaries(foreign, counts, max_size=2), overlaps=st.lists(overlaps, max_size=1).map(tuple),
)  # fmt: skip
NAMES = ("model", "dataset", "method", "recipe", "recipe_title")
cells = st.builds(
    lambda names, notes, parameters, values, data: cell(
        **dict(zip(NAMES, names, strict=True)), parameters=parameters, settings=values, data=data,
        training=(training(notes=tuple(notes)),),
    ),
    st.tuples(*[foreign] * len(NAMES)), st.lists(foreign, max_size=2), mappings, mappings, datas,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(cells, min_size=1, max_size=2))
def test_whatever_is_in_the_list_is_written_read_and_shown_as_text(found):
    record = made_record(*found)
    assert Record.model_validate_json(dump(record)) == record
    jsonschema.validate(json.loads(dump(record)), json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    body = html.render(record).split('<section id="made">')[1].split("</section>")[0]
    for one in found:
        for text in (one.model, one.dataset, one.method, one.recipe, *one.training[0].notes):
            assert str(escape(text)) in body
    page = Page(body)
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES
    lines = made_section(record).splitlines()
    assert not any(re.search(r"<(?=[a-z!])", line) for line in lines)
    assert all(re.match(r"$|## How|### (Recipe|Data)|\| |- |Cells of|What the paper", line) for line in lines)
