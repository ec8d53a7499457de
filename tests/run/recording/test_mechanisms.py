"""The mechanisms of a record name the cases of its run that they are about."""

from itl_bench.run.commands.reference import asked_today
from itl_bench.run.recording.mechanisms import mechanism_records
from tests.helpers.sample_record import case, record
from tests.helpers.shipped_catalog import catalog

ASKED = "C19-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-borrowing-fair"
OTHER = "C19-measured-bios1m-bios-new100-short-full-vs-lora-bios-known-borrowing-fair"


def test_a_headline_has_the_cases_of_the_run_that_it_names():
    first, second, third = mechanism_records(catalog(), [OTHER, ASKED])
    assert second.cases == (OTHER, ASKED)
    assert second.headline.cases == (ASKED,)
    assert second.headline.says == catalog().mechanisms["M2"].headline.says
    assert first.headline.cases == third.headline.cases == ()


def test_a_record_of_another_day_is_asked_what_the_catalog_asks_now():
    shown = asked_today(record([case(ASKED, "C19")], []))
    assert [one.id for one in shown.mechanisms] == ["M1", "M2", "M3"]
    assert shown.mechanisms[1].headline.cases == (ASKED,)
