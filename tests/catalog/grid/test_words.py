import pytest

from itl_bench.catalog.grid.words import compared, unit_of
from itl_bench.verdicts.facts import not_run_record
from tests.helpers.shipped_catalog import catalog, grid, records

TEXTS = {
    "C09-published-llama7b": "lora on tulu-1k minus full on medinstruct-52k; llama7b, medinstruct-test",
    "C07-published-llama7b-tulu": "lora on tulu-326k minus lora on tulu-1k; llama7b, just-eval",
    "C07-measured-llama7b-tulu-326k-vs-1k-lora-just-eval-aspects-fair":
        "lora on tulu-326k minus lora on tulu-1k; llama7b, just-eval",
    "C11-published-llama7b-chat-vs-best-just-eval": "chat minus best; llama7b, just-eval",
    "C03-published-llama7b-tulu": "trend over size of tulu with lora; llama7b, just-eval",
    "C27-measured-bios1m-bios-new30-short-lora-bios-known-vs-bios-taught-knowledge-fair":
        "lora on bios-new30-short, asked bios-known minus lora on bios-new30-short, asked bios-taught",
}  # fmt: skip


@pytest.mark.parametrize(("start", "text"), TEXTS.items())
def test_a_case_reads_as_a_sentence(start, text):
    (case,) = [case for key, case in grid().items() if key.startswith(start)]
    assert compared(case).startswith(text)


def test_both_sides_read_differently():
    for case in grid().values():
        if " minus " in (text := compared(case)):
            left, right = text.split(";")[0].split(" minus ")
            assert left != right, case.id


@pytest.mark.parametrize("claim", sorted({case.claim.id for case in grid().values()}))
def test_no_text_has_holes(claim):
    for case in grid().values():
        if case.claim.id == claim:
            text = compared(case)
            assert text == text.strip()
            assert not [bad for bad in ("  ", " ;", "on minus", "None", "minus ;", ", ,") if bad in text], case.id


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        ("C10a-published-llama7b", "points on the 1-5 scale"),
        ("C01-published-llama7b", "logarithm of the KL divergence"),
        ("C03-published-llama7b-tulu", "logarithm of the KL divergence, per tenfold data"),
        ("X02-published-llama7b-all-datasets-1k", "first minus last, nats"),
        ("C12-measured-bios1m-bios-new30-short-ranks-lora-bios-known-knowledge", "share of answers, per tenfold rank"),
    ],
)  # fmt: skip
def test_the_effect_has_a_unit(start, unit):
    case = next(case for key, case in grid().items() if key.startswith(start))
    assert unit_of(case, catalog()) == unit


def test_a_record_of_a_case_that_did_not_run_has_no_verdict():
    case = next(case for case in grid().values() if case.evidence == "measured")
    record = not_run_record(case, catalog(), "no weights")
    assert (record.verdict, record.basis, record.effect, record.reason) == (None, None, None, "no weights")
    assert (record.id, record.arm, record.model) == (case.id, case.arm, case.model)


@pytest.mark.parametrize("key", [key for key, record in records().items() if record.probe])
def test_a_published_case_names_the_judge_exactly_if_scores_are_judged(key):
    record = records()[key]
    assert (record.judge is not None) == (record.measure in ("aspects", "tasks"))
