"""What a run could not see ends its reports, and every word of the reports is explained."""

import re
from pathlib import Path

import pytest

from itl_bench.record_cells import CellRecord
from itl_bench.report import html, markdown
from itl_bench.report.legend import LEGEND
from itl_bench.report.unseen import TITLE, could_not_see
from itl_bench.vocabulary import ARMS, VERDICTS
from tests.helpers.html_page import Page
from tests.helpers.made_record import cell
from tests.helpers.sample_record import case, not_run_cases, record, run
from tests.helpers.story_record import fair_point, learning, measured, told_record


def seen(*cases, **changes):
    return " ".join(could_not_see(record(cases, [], **changes)))


def test_published_verdicts_alone_are_of_no_model():
    assert "nothing was measured" in seen(case())


def test_a_world_of_tiny_models_says_so():
    text = seen(measured("C10b", "fair"))
    assert "Models of the paper's size: everything measured is of tiny models in a closed world" in text
    assert "(bios1m)" in text


def test_cases_that_were_not_run_are_grouped_by_reason():
    text = seen(measured("C10b", "fair"), *not_run_cases(9), *not_run_cases(2, "C07", "needs a judge key"))
    assert "11 cases not run: 9 (needs 14 GB of GPU memory; this machine has none); 2 (needs a judge key)." in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no room: right at 0.99", "1 case without a verdict, no room:"),
        ("no match at equal training loss: base 1", "1 case without a verdict, no match:"),
        ("edge of sweep: full at 0.01", "1 case without a verdict, edge of sweep:"),
        ("too few prompts: 12, a verdict needs 400", "1 case without a verdict, too few prompts"),
        ("accuracy: +0.04 straddles", "On which side of the margin: 1 case with an interval too wide"),
        ("something else happened", "1 case without a verdict for another reason"),
    ],
)
def test_inconclusive_cases_are_told_by_their_reason(reason, words):
    text = seen(measured("C10b", "shared-rate", "INCONCLUSIVE", 0.04, 0.03, reason=reason))
    assert words in text
    assert "Of C10b." in text


def test_arms_that_were_not_asked_are_named():
    text = seen(measured("C10b", "shared-rate"), measured("C17", "shared-rate"), measured("C17", "fair"))
    assert "The arm fair for 1 of 2 measured claims: C10b." in text
    assert "The arm equal-learning: no claim has a verdict in it." in text
    assert "The arm shared-rate" not in text


def test_learning_that_is_unknown_is_counted():
    text = seen(measured("C10b", "fair", learning=learning("unknown", 0.5, 0.6, 0.1)), measured("C17", "fair"))
    assert "Whether both sides of 1 case learned as much: the interval straddles. Of C10b." in text


def test_shares_without_an_interval_are_told_of_records_without_marks_alone():
    bare = measured("C27", "fair", points=fair_point())
    told = "Whether both sides of 1 case learned as much: shares without an interval. Of C27."
    assert told in seen(bare)
    assert "without an interval" not in seen(bare, measured("C10b", "fair", learning=learning()))


def test_pilots_crashes_and_single_runs():
    text = seen(measured("C10b", "fair", "INCONCLUSIVE", pilot=True), case(basis="point"), run=run(crashed=("x",)))
    assert "A pilot: its measured cases show numbers and give no verdict." in text
    assert "in 1 case: one run a side. Of C10a." in text
    assert "1 cases that crashed" not in text
    assert "1 case that crashed: an error is no verdict." in text


def test_the_rank_of_lora_is_named_where_the_record_has_it():
    other = cell(parameters={"rank": 32}, model="bios1m")
    text = seen(measured("C10b", "fair"), cells=(cell(model="bios1m"), other))
    assert "on bios1m LoRA has rank 8, 32." in text
    assert isinstance(other, CellRecord)
    assert "rank" not in seen(measured("C10b", "fair"))


def test_it_ends_the_reports():
    shown = told_record()
    assert markdown.render(shown).rstrip().endswith(f"- {could_not_see(shown)[-1]}")
    page = html.render(shown)
    last = re.findall(r'<section id="([a-z]+)"', page)[-1]
    assert last == "unseen"
    assert TITLE in page


def test_every_word_is_explained_in_the_reports_and_in_the_documents():
    explained = " ".join(word for word, _ in LEGEND)
    marks = ("own text", "common text", "unequal", "unknown", "not defined", "kept", "learned", "no room")
    for word in (*VERDICTS, *ARMS, *marks, "sanity", "point", "pilot"):
        assert word in explained
    text, page = markdown.render(told_record()), "".join(Page(html.render(told_record())).texts)
    documents = Path(__file__).parents[2] / "docs" / "claims.md"
    claims = documents.read_text(encoding="utf-8") if documents.exists() else explained
    for word, meaning in LEGEND:
        assert meaning in page
        assert f"| {word} |" in text
    assert all(f"| {word} |" in claims.replace("`", "") for word in ("equal-learning", "own text", "no room", "kept"))
