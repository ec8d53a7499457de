"""The oracle of the audit itself, on cases that can be checked by eye."""

import math

import pandas as pd
import pytest

from tests.helpers.oracle import of_units, verdict


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
