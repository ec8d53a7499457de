"""An oracle of the audit without any code of it: CSV files by pandas, intervals by scipy, the rule as plain ifs."""

import math

import pandas as pd
import pytest
from scipy import stats

from itl_bench.record import CaseRecord
from tests.helpers.shipped_catalog import CASES, grid

ASPECTS = ["helpfulness", "clarity", "factuality", "depth", "engagement"]
TASKS = ["coding", "info-seek", "math", "procedure", "reasoning", "role-play", "writing"]
COPY = "duplicate-of-another-row"
LN2, LN12 = math.log(2), math.log(1.2)
CHAT = {f"{model}-chat": model for model in ("llama7b", "llama13b", "llama70b")}


# What the paper prints, and what the product makes of it.
def table(name: str) -> pd.DataFrame:
    data = pd.read_csv(CASES / "published" / f"{name}.csv", dtype={"size": str})
    return data.fillna({"flag": "", "dataset": "", "size": ""}) if "flag" in data else data


def rows_of(size: str) -> int:
    return 1000 * int(size.removesuffix("k"))


def published_ids(*claims: str, units: tuple[str, ...]) -> set[str]:
    found = {key for key, case in grid().items() if case.evidence == "published" and case.claim.id in claims}
    return {key for key in found if grid()[key].published.unit in units}


# Intervals: functions of the confidence.
def of_units(values):
    def interval(confidence):
        return stats.t.interval(confidence, len(values) - 1, loc=values.mean(), scale=stats.sem(values))

    return interval


def of_answers(difference: float, answers: int):
    """Two means of `answers` answers each, with the spread of the judge's least settled aspect."""
    scores = table("judge_scores")[ASPECTS]
    widest = scores.std(ddof=1).idxmax()
    freedom = scores[widest].count() - 1
    error = math.sqrt(2 * scores[widest].var(ddof=1) / answers)

    def interval(confidence):
        half = stats.t.ppf((1 + confidence) / 2, freedom) * error
        return difference - half, difference + half

    return interval


def verdict(expect: str, low: float, high: float, margin: float) -> str:
    if expect in ("greater", "rising"):
        supported, refuted = low > margin, high < margin
    elif expect == "at-least":
        supported, refuted = low > -margin, high < -margin
    elif expect == "no-gain":
        supported, refuted = high < margin, low > margin
    elif expect == "falling":
        supported, refuted = high < -margin, low > -margin
    else:
        supported, refuted = -margin < low and high < margin, low > margin or high < -margin
    return "SUPPORTED" if supported else "REFUTED" if refuted else "INCONCLUSIVE"


def case_verdict(expect: str, columns: dict) -> str:
    """Every column must support; one refutes if it does at a level divided by the number of columns."""
    error = 0.10 if expect == "no-change" else 0.05
    at_alpha = {verdict(expect, *interval(1 - error), margin) for interval, margin in columns.values()}
    if at_alpha == {"SUPPORTED"}:
        return "SUPPORTED"
    strict = {verdict(expect, *interval(1 - error / len(columns)), margin) for interval, margin in columns.values()}
    return "REFUTED" if "REFUTED" in strict else "INCONCLUSIVE"


def assert_agrees(record: CaseRecord, expect: str, columns: dict) -> None:
    """Every number and every verdict of a record against the oracle's columns (name -> interval function, margin)."""
    assert record.expect == expect
    assert [column.name for column in record.columns] == list(columns)
    confidence = 0.90 if expect == "no-change" else 0.95
    for column in record.columns:
        interval, margin = columns[column.name]
        low, high = interval(confidence)
        assert (column.ci_low, column.ci_high) == pytest.approx((low, high), abs=1e-9), column.name
        assert column.effect == pytest.approx((low + high) / 2, abs=1e-9), column.name
        assert column.smallest_effect == pytest.approx(margin, abs=1e-6)
        assert column.verdict == verdict(expect, low, high, margin), column.name
    assert record.verdict == case_verdict(expect, columns)
    decided = next(column for column in record.columns if column.name == record.deciding_column)
    assert (record.effect, record.ci_low, record.ci_high) == (decided.effect, decided.ci_low, decided.ci_high)
