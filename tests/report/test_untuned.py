"""What untuned models score stands beside the sides of a case."""

import re

from itl_bench.record import UntunedRecord
from itl_bench.report.html import render
from itl_bench.report.markdown import render as markdown
from itl_bench.report.untuned import untuned_in_words
from tests.helpers.sample_record import case, column, record

ROWS = (UntunedRecord(method="base", value=0.4249), UntunedRecord(method="in-context", value=0.5))


def asked(**changes):
    sides = column("accuracy").model_copy(update={"left": 0.6114, "right": 0.2073})
    return case(columns=(sides,), deciding_column="accuracy", untuned=ROWS, **changes)


def test_every_untuned_model_is_named_with_as_many_decimals_as_the_sides():
    found = untuned_in_words(asked())
    assert re.fullmatch("the base 0.42[5]?, the base with worked examples in its prompt 0.50[0]?", found)
    assert untuned_in_words(case()) == ""


def test_both_reports_have_it():
    refuted = record([asked(verdict="REFUTED")], [])
    assert f"Untuned: {untuned_in_words(asked())}." in markdown(refuted)
    assert re.search(rf"<dt>Untuned</dt>\s*<dd[^>]*>{untuned_in_words(asked())}", render(refuted))
    assert "Untuned" not in render(record([case(verdict="REFUTED")], []))
