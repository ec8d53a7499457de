"""A cell whose training loss was no number, or did not fall, is no evidence: in no case of any claim."""

import math

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.plan.runnable import why_not
from itl_bench.verdicts import guards, tables
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import tiny_catalog

FELL = [4.0 * 0.9**update for update in range(60)]
NO_EVIDENCE = {
    "NaN at the end": [*FELL[:50], *[math.nan] * 10],
    "NaN once": [*FELL[:20], math.nan, *FELL[21:]],
    "infinite once": [*FELL[:20], math.inf, *FELL[21:]],
    "NaN at the start": [math.nan, *FELL[1:]],
    "infinite at the start": [math.inf, *FELL[1:]],
    "below all numbers": [*FELL[:50], *[-math.inf] * 10],
    "higher than it began": [4.0 + update for update in range(60)],
    "as it began": [4.0] * 60,
    "no update": [],
}


@pytest.fixture(scope="module")
def asked(bases, build, tiny_store):
    """Every measured case that the tiny cells answer, and the store."""
    catalog = tiny_catalog()
    measured = [one for one in build_grid(catalog) if one.evidence == "measured"]
    cases = [one for one in measured if why_not(one, catalog, None, tiny_store) is None]
    return catalog, cases, build(cases, catalog)[0]


@pytest.fixture
def judged(asked, monkeypatch):
    """The records of all cases where every training had the same losses."""
    catalog, cases, store = asked
    monkeypatch.setattr(guards, "FEWEST_UPDATES", 0)

    def judge(losses):
        monkeypatch.setattr(tables, "losses_of", lambda training, store: losses)
        return [verdict_from_store(case, catalog, None, store) for case in cases]

    return judge


def test_losses_that_fell_keep_no_case_from_a_verdict(judged):
    records = judged(FELL)
    assert {one.claim for one in records} >= {"C01", "C10a", "C10b", "C18", "C19", "C27", "X01", "X02"}
    assert not [one.reason for one in records if "not trained" in one.reason]


@pytest.mark.parametrize("losses", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_what_is_no_evidence_gives_no_claim_a_verdict(judged, losses):
    for record in judged(losses):
        assert (record.verdict, record.p_value) == ("INCONCLUSIVE", None), record.id
        assert "not trained" in record.reason, record.id
        assert {point.verdict for point in record.points or ()} <= {"INCONCLUSIVE"}, record.id


@pytest.mark.parametrize("losses", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_no_such_training_counts_as_trained(losses, monkeypatch):
    monkeypatch.setattr(tables, "losses_of", lambda training, store: losses)
    assert not guards.trained(*tables.training_loss(None, None))


@pytest.mark.parametrize(("first", "last"), [(math.inf, 0.5), (4.0, -math.inf), (math.nan, 0.5), (4.0, math.nan)])
def test_a_fall_from_or_to_no_number_is_none(first, last):
    assert not guards.trained(first, last)
