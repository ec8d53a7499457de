"""An oracle of the audit without any code of it: CSV files by pandas, intervals by scipy, the rule as plain ifs."""

import math
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.record import CaseRecord
from itl_bench.verdicts.published import published_verdict

CASES = Path(__file__).parents[1] / "cases"
ASPECTS = ["helpfulness", "clarity", "factuality", "depth", "engagement"]
TASKS = ["coding", "info-seek", "math", "procedure", "reasoning", "role-play", "writing"]
COPY = "duplicate-of-another-row"
LN2, LN12 = math.log(2), math.log(1.2)
CHAT = {f"{model}-chat": model for model in ("llama7b", "llama13b", "llama70b")}


# What the paper prints, and what the product makes of it.
def table(name: str) -> pd.DataFrame:
    data = pd.read_csv(CASES / "published" / f"{name}.csv", dtype={"size": str})
    return data.fillna({"flag": "", "dataset": "", "size": ""}) if "flag" in data else data


def listed(name: str) -> list[dict]:
    return yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))


def rows_of(size: str) -> int:
    return 1000 * int(size.removesuffix("k"))


@cache
def catalog() -> Catalog:
    return load_catalog()


@cache
def grid() -> dict:
    return {case.id: case for case in build_grid(catalog())}


@cache
def records() -> dict[str, CaseRecord]:
    return {key: published_verdict(case, catalog()) for key, case in grid().items() if case.evidence == "published"}


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


# The oracle itself, on cases that can be checked by eye.
@pytest.mark.parametrize(
    ("expect", "low", "high", "says"),
    [
        ("greater", 0.2, 1, "SUPPORTED"), ("greater", -1, 0, "REFUTED"), ("greater", 0, 1, "INCONCLUSIVE"),
        ("at-least", 0, 1, "SUPPORTED"), ("at-least", -1, -0.2, "REFUTED"), ("no-gain", -1, 0, "SUPPORTED"),
        ("no-gain", 0.2, 1, "REFUTED"), ("no-change", -0.05, 0.05, "SUPPORTED"), ("no-change", 0.2, 1, "REFUTED"),
        ("no-change", -0.2, 0.05, "INCONCLUSIVE"), ("falling", -1, -0.2, "SUPPORTED"), ("falling", 0, 1, "REFUTED"),
    ],
)  # fmt: skip
def test_the_rule_reads_as_designed(expect, low, high, says):
    assert verdict(expect, low, high, 0.1) == says


def test_the_interval_of_three_units_is_the_textbook_one():
    low, high = of_units(pd.Series([1.0, 2.0, 3.0]))(0.95)  # t = 4.3027 on 2 degrees, standard error 1 / sqrt(3)
    assert (low, high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), abs=1e-5)
