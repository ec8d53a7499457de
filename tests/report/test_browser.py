"""The page in a real browser: filters from the address, no sideways scrolling on a phone."""

import re
import shutil
import subprocess

import pytest

from itl_bench.report.html import anchor, render
from tests.helpers.made_record import cell, made_record, training
from tests.helpers.measured_record import swept_record
from tests.helpers.sample_record import case, column, family, record, sample
from tests.helpers.story_record import told_record

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no headless Chromium")]

OFFLINE = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
MEASURE = (
    "<script>addEventListener('load', () => parent.postMessage(document.documentElement.scrollWidth, '*'))</script>"
)
CLIPPED = """<script>addEventListener('load', () => requestAnimationFrame(() => setTimeout(() => {
  const wide = [...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth);
  const silent = wide.filter((one) => getComputedStyle(one, '::before').content === 'none').length;
  const stacks = wide.filter((one) => one.querySelector('.stacks')).length;
  parent.postMessage(`${silent} cut off, ${stacks} stacks wide`, '*');
}, 100)))</script>"""
OUT_OF_LINE = """<script>addEventListener('load', () => {
  const cells = [...document.querySelectorAll('table td, table th')];
  const odd = cells.filter((one) => getComputedStyle(one).display !== 'table-cell').map((one) => one.textContent);
  parent.postMessage(odd.join('; ') || `${cells.length} cells in line`, '*');
})</script>"""
FRAME = """<!DOCTYPE html><p></p><iframe src="page.html" style="width:360px;height:800px;border:0"></iframe>
<script>addEventListener('message', (event) => { document.querySelector('p').textContent = event.data })</script>"""


def document(tmp_path, path, fragment=""):
    """The DOM that the browser has after it ran the page's script."""
    command = [BROWSER, *OFFLINE, f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=1000", "--dump-dom"]
    address = path.as_uri() + fragment
    return subprocess.run([*command, address], capture_output=True, text=True, timeout=60, check=True).stdout


def wide_record():
    long = "long" * 60
    columns = (column(long, "REFUTED", 1e6),)
    judged = case(long, long, "REFUTED", reason=long, model=long, columns=columns, recorded_verdict="SUPPORTED")
    idle = case(long + "2", long, None, reason=long, model=long)
    return record([*sample().cases, judged, idle], [*sample().claims, family(long, note=long, statement=long)])


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [("", 23), ("#verdict=REFUTED", 2), ("#verdict=not-run&model=llama13b", 3), ("#search=neftune+7b&role=evidence", 1),
     ("#arm=fair", 1), ("#claim=C99", 0), ("#verdict=BOGUS", 0), ("#colour=red", 0), ("#verdict=REFUTED&model=x", 0)],
)  # fmt: skip
def test_the_address_sets_the_filters(tmp_path, fragment, shown):
    page = tmp_path / "page.html"
    page.write_text(render(sample()), encoding="utf-8")
    dom = document(tmp_path, page, fragment)
    assert f"showing {shown} of 23" in dom
    tags = re.findall(r"<(?:details|li)[^>]* data-case[^>]*>", dom)
    assert sum("hidden" not in tag for tag in tags) == shown


def test_an_unknown_value_in_the_address_is_named(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(render(sample()), encoding="utf-8")
    dom = document(tmp_path, page, "#verdict=BOGUS")
    assert re.search(r'<p id="nothing">No case matches: the address asks for verdict = BOGUS.</p>', dom)


def test_a_value_that_all_cases_share_needs_no_filter(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(render(record([case()], [])), encoding="utf-8")
    assert "showing 1 of 1" in document(tmp_path, page, "#model=llama7b&level=published")


def test_cases_without_a_model_can_be_shown(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(render(record([case(), case("bare", model="")], [])), encoding="utf-8")
    assert "#claim=C10a&amp;level=published&amp;model=none" in page.read_text(encoding="utf-8")
    assert "showing 1 of 2" in document(tmp_path, page, "#claim=C10a&level=published&model=none")


@pytest.mark.parametrize("width", [360, 1000])
def test_no_table_is_cut_off_without_a_hint(tmp_path, width):
    """Where a table is wider than its place it says so; the tables of a case are stacked on a phone."""
    text = render(sample()).replace("<details ", "<details open ").replace("</body>", f"{CLIPPED}</body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.replace("360px", f"{width}px"), encoding="utf-8")
    (found,) = re.findall(r"<p>([^<]*)</p>", document(tmp_path, tmp_path / "frame.html"))
    assert found.startswith("0 cut off")
    assert width != 360 or found.endswith(" 0 stacks wide")


def test_an_anchor_opens_its_case(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(render(sample()), encoding="utf-8")
    name = anchor("case", "C24-published-neftune-7b")
    (tag,) = re.findall(rf'<details[^>]*id="{name}"[^>]*>', document(tmp_path, page, f"#{name}"))
    assert "open" in tag


def test_a_phone_does_not_scroll_sideways(tmp_path):
    text = render(wide_record()).replace("<details ", "<details open ").replace("</body>", f"{MEASURE}</body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    (width,) = re.findall(r"<p>(\d+)</p>", document(tmp_path, tmp_path / "frame.html"))
    assert int(width) <= 360


@pytest.mark.parametrize("width", [360, 1000, 1280])
def test_maps_curves_and_answers_fit_their_page(tmp_path, width):
    text = render(swept_record()).replace("<details ", "<details open ").replace("</body>", f"{MEASURE}</body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.replace("360px", f"{width}px"), encoding="utf-8")
    (found,) = re.findall(r"<p>(\d+)</p>", document(tmp_path, tmp_path / "frame.html"))
    assert int(found) <= width


def long_told():
    """The first screen with words that cannot be broken and long reasons."""
    shown, long = told_record(), "long" * 40
    headlines = [one.headline.model_copy(update={"says": long, "asks": long}) for one in shown.mechanisms]
    mechanisms = [one.model_copy(update={"headline": headline})
                  for one, headline in zip(shown.mechanisms, headlines, strict=True)]  # fmt: skip
    cases = [one.model_copy(update={"reason": f"no room: {long}", "unit": long, "dataset": f"{one.dataset}{long}"})
             for one in shown.cases]  # fmt: skip
    return shown.model_copy(update={"mechanisms": tuple(mechanisms), "cases": tuple(cases)})


@pytest.mark.parametrize("width", [360, 390, 1000, 1280])
@pytest.mark.parametrize("shown", [told_record, long_told])
def test_the_first_screen_and_the_marks_fit_their_page(tmp_path, shown, width):
    text = render(shown()).replace("<details ", "<details open ").replace("</body>", f"{MEASURE}</body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.replace("360px", f"{width}px"), encoding="utf-8")
    (found,) = re.findall(r"<p>(\d+)</p>", document(tmp_path, tmp_path / "frame.html"))
    assert int(found) <= width


@pytest.mark.parametrize("width", [360, 1000, 1280])
def test_the_tables_of_cells_and_data_fit_their_page(tmp_path, width):
    """Also with many rates and long names; what is wider than its place says so."""
    rates = tuple(1e-5 * 3**power for power in range(8))
    many = cell(dataset="long-name-" * 4, rates=rates, training=tuple(map(training, rates)), model="m" * 90)
    for probe in (MEASURE, CLIPPED):
        text = render(made_record(many, cell())).replace("<details ", "<details open ")
        (tmp_path / "page.html").write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
        (tmp_path / "frame.html").write_text(FRAME.replace("360px", f"{width}px"), encoding="utf-8")
        (found,) = re.findall(r"<p>([^<]*)</p>", document(tmp_path, tmp_path / "frame.html"))
        assert int(found) <= width if probe == MEASURE else found.startswith("0 cut off")
        assert width != 360 or probe == MEASURE or found.endswith(" 0 stacks wide")


def test_the_cells_of_every_table_stand_in_their_row_where_there_is_room(tmp_path):
    text = (
        render(made_record(cell())).replace("<details ", "<details open ").replace("</body>", f"{OUT_OF_LINE}</body>")
    )
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.replace("360px", "1280px"), encoding="utf-8")
    (found,) = re.findall(r"<p>([^<]*)</p>", document(tmp_path, tmp_path / "frame.html"))
    assert found.endswith("cells in line")
