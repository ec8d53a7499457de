import math

import numpy as np
import pytest
from scipy.stats import binomtest

from itl_bench.errors import UsageError
from itl_bench.record import Record
from itl_bench.run.recording.expectations import Recorded, compare, from_record, load, save
from tests.helpers.shipped_catalog import catalog, grid, records

RUN = {
    "id": "20260101-000000-abcdef", "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:01+00:00",
    "version": "0.1.0", "catalog": "0" * 64, "python": "3.11", "packages": {}, "hardware": {}, "options": {},
}  # fmt: skip
PUBLISHED = next(record for key, record in records().items() if key.startswith("C08-published-llama13b"))
SOME = PUBLISHED.model_copy(update={"evidence": "measured"})  # published tables are fixed, and never drift


def recorded(verdict, **values):
    return Recorded(verdict=verdict, **({"expect": "greater", "smallest_effect": 0.1} | values))


OLD = recorded("SUPPORTED", effect=1.0, ci_low=0.0, ci_high=2.0)


def new(verdict, effect):
    return SOME.model_copy(update={"verdict": verdict, "effect": effect})


@pytest.mark.parametrize(
    ("case", "old", "status"),
    [
        (new("SUPPORTED", 9.0), OLD, "as-recorded"),
        (new("REFUTED", 1 + 0.999 * math.sqrt(2)), OLD, "drift"),
        (new("REFUTED", 1 - 0.999 * math.sqrt(2)), OLD, "drift"),
        (new("INCONCLUSIVE", 1 + 1.001 * math.sqrt(2)), OLD, "changed"),
        (new("REFUTED", 1 - 1.001 * math.sqrt(2)), OLD, "changed"),
        (new("REFUTED", None), OLD, "changed"),
        (new("REFUTED", 1.0), recorded("SUPPORTED"), "changed"),
        (new("REFUTED", 1.0), recorded("SUPPORTED", effect=1.0), "changed"),
        (new("INCONCLUSIVE", None), recorded("INCONCLUSIVE"), "as-recorded"),
        (new("SUPPORTED", 1.0), recorded("INCONCLUSIVE"), "changed"),
    ],
)
def test_how_a_verdict_relates_to_the_recorded_one(case, old, status):
    assert compare(case, {case.id: old}) == status


@pytest.mark.parametrize(
    ("case", "old"),
    [
        (PUBLISHED.model_copy(update={"verdict": "REFUTED", "effect": 1.1}), OLD),
        (new("REFUTED", 1.1), OLD.model_copy(update={"smallest_effect": 0.2})),
        (new("REFUTED", 1.1), OLD.model_copy(update={"expect": "at-least"})),
    ],
    ids=["fixed tables", "another margin", "another expectation"],
)
def test_what_is_no_chance_is_a_change(case, old):
    assert compare(case, {case.id: old}) == "changed"
    assert compare(case.model_copy(update={"evidence": "measured"}), {case.id: OLD}) == "drift"


def test_a_case_that_was_not_recorded_is_new():
    assert compare(SOME, {"another": OLD}) == "new"


def test_a_repetition_counts_as_changed_by_chance_in_one_of_twenty():
    """Two measurements of one effect with one standard error, their verdicts forced apart."""
    generator = np.random.default_rng(7)
    runs, error = 4000, 0.3
    first, second = generator.normal(0.2, error, (2, runs))
    half = 1.959964 * error
    changed = sum(
        compare(new("REFUTED", b), {SOME.id: recorded("SUPPORTED", effect=a, ci_low=a - half, ci_high=a + half)})
        == "changed"
        for a, b in zip(first, second, strict=True)
    )
    assert binomtest(changed, runs, 0.05).pvalue > 0.001


def test_a_moved_effect_is_found():
    generator = np.random.default_rng(8)
    first, second = generator.normal(0.0, 1.0, 200), generator.normal(6.0, 1.0, 200)
    statuses = [
        compare(new("REFUTED", b), {SOME.id: recorded("SUPPORTED", effect=a, ci_low=a - 1.96, ci_high=a + 1.96)})
        for a, b in zip(first, second, strict=True)
    ]
    assert statuses.count("changed") >= 190


def test_a_no_change_case_counts_as_changed_by_chance_in_one_of_twenty():
    """Its recorded interval is a 90% one; the prediction interval is 95% all the same."""
    generator, n, half = np.random.default_rng(1), 4000, 1.644854
    some = next(record for key, record in records().items() if key.startswith("C03-published-llama7b-alpaca"))
    assert some.confidence == pytest.approx(0.9)
    first, second = generator.normal(0, 1, (2, n))
    changed = sum(
        compare(
            some.model_copy(update={"verdict": "REFUTED", "effect": y, "columns": (), "evidence": "measured"}),
            {
                some.id: recorded(
                    "SUPPORTED",
                    effect=x,
                    ci_low=x - half,
                    ci_high=x + half,
                    confidence=0.9,
                    expect=some.expect,
                    smallest_effect=some.smallest_effect,
                )
            },
        )
        == "changed"
        for x, y in zip(first, second, strict=True)
    )
    assert binomtest(changed, n, 0.05).pvalue > 0.001


def test_the_column_that_decided_then_is_the_one_compared():
    columns = {column.name: column for column in SOME.columns}
    first, second = columns.values()
    old = recorded("REFUTED", effect=second.effect, ci_low=second.effect - 0.01, ci_high=second.effect + 0.01)
    case = SOME.model_copy(update={"effect": first.effect, "deciding_column": first.name})
    assert abs(first.effect - second.effect) > 0.02
    assert compare(case, {case.id: old.model_copy(update={"column": second.name})}) == "drift"
    assert compare(case, {case.id: old.model_copy(update={"column": first.name})}) == "changed"
    assert from_record(whole()).cases[SOME.id].column == SOME.deciding_column


def whole():
    from itl_bench.verdicts.facts import not_run_record

    skipped = next(case for case in grid().values() if case.evidence == "measured")
    cases = (*records().values(), not_run_record(skipped, catalog(), "no weights"))
    return Record.model_validate({"run": RUN, "cases": [case.model_dump() for case in cases], "claims": []})


def test_only_decided_cases_become_expectations():
    made = from_record(whole())
    assert set(made.cases) == set(records())
    assert made.recorded_from.run == RUN["id"]


def test_what_is_saved_is_loaded_again_and_agrees_with_its_record(tmp_path):
    made = from_record(whole())
    save(made, tmp_path / "expected.yaml")
    loaded = load(tmp_path / "expected.yaml")
    assert loaded == made
    assert {compare(record, loaded.cases) for record in records().values()} == {"as-recorded"}


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "cases: {}\n", "recorded_from: {run: a}\ncases: {}\n", "{"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "expected.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"expected\.yaml"):
        load(path)


def test_a_missing_file_says_what_writes_one(tmp_path):
    with pytest.raises(UsageError, match="baseline accept"):
        load(tmp_path / "expected.yaml")
