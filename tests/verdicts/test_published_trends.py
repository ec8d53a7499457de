"""Trends, readings of a figure, and proportions: recomputed with statsmodels, interval arithmetic and scipy."""

import math
from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm

from tests.helpers.oracle import LN12, assert_agrees, published_ids, rows_of, table, verdict
from tests.helpers.shipped_catalog import records

FIGURES = {(row["cell"], row["quantity"]): row["value"] for row in table("other_figures").to_dict("records")}
HALF_DIGIT = 0.005


def of_slope(x, y):
    fit = sm.OLS(np.asarray(y), sm.add_constant(np.asarray(x))).fit()
    return lambda confidence: tuple(fit.conf_int(1 - confidence)[1])


def curves():
    data = table("token_shift")
    data = data[(data.metric == "kl") & (data.method == "lora")]
    for (model, name), curve in data.groupby(["model", "dataset"]):
        x = [math.log10(rows_of(size)) for size in curve["size"]]
        yield f"C03-published-{model}-{name}-sizes-lora-token-shift", x, [math.log(value) for value in curve.value]


CURVES = {key: points for key, *points in curves()}


def test_these_are_all_the_trends():
    assert published_ids("C03", units=("size",)) == set(CURVES)
    assert published_ids("C15", units=("response-length",)) == {"C15-published-llama7b-style"}


@pytest.mark.parametrize("key", CURVES)
def test_the_slope_of_the_shift_over_size(key):
    x, y = CURVES[key]
    assert_agrees(records()[key], "no-change", {"log_kl": (of_slope(x, y), LN12)})
    assert records()[key].columns[0].n_units == len(x)


def test_the_slope_of_answer_length_over_data_length():
    cells = ["lima", "alpaca", "dolly", "lima-simple"]
    x, y = ([math.log(FIGURES[cell, f"{side}_length_chars"]) for cell in cells] for side in ("data", "output"))
    record = records()["C15-published-llama7b-style"]
    assert_agrees(record, "rising", {"log_length": (of_slope(x, y), 0.1)})
    assert record.verdict == "SUPPORTED"


def readings():
    for (model, size), both in table("sentence_start_kl").groupby(["model", "size"]):
        numbers = both.set_index("method")[["kl_first_5_percent", "kl_last_95_percent"]]
        yield model, size, (*numbers.loc["lora"], *numbers.loc["full"])


READINGS = list(readings())


def worst_case(effect, numbers):
    """Smallest and largest effect over all corners of what rounding leaves open (effects are monotone in each)."""
    corners = [
        effect(*(value + sign * HALF_DIGIT for value, sign in zip(numbers, signs, strict=True)))
        for signs in product((-1, 1), repeat=4)
    ]
    return min(corners), max(corners)


def ratio(first, last, other_first, other_last):
    return math.log(first / last) - math.log(other_first / other_last)


def drop(first, last, other_first, other_last):
    return (first - last) - (other_first - other_last)


def reading_id(claim, model, size):
    return f"{claim}-published-{model}-all-datasets-{size}-lora-vs-full-just-eval-sentence-start"


def test_these_are_all_the_readings_of_the_figure():
    expected = {reading_id(claim, model, size) for claim in ("C05", "X02") for model, size, _ in READINGS}
    assert published_ids("C05", "X02", units=("cell",)) == expected
    assert len(expected) == 8


@pytest.mark.parametrize(("model", "size", "numbers"), READINGS)
def test_the_drop_in_nats_holds_exactly_what_rounding_leaves_open(model, size, numbers):
    record = records()[reading_id("X02", model, size)]
    low, high = worst_case(drop, numbers)
    assert (record.effect, record.ci_low, record.ci_high) == pytest.approx((drop(*numbers), low, high))
    assert record.verdict == verdict("greater", low, high, 0.05) == "REFUTED"
    assert (record.basis, record.p_value) == ("point", None)


@pytest.mark.parametrize(("model", "size", "numbers"), READINGS)
def test_the_log_ratio_is_decided_as_the_worst_case_would_be(model, size, numbers):
    record = records()[reading_id("C05", model, size)]
    low, high = worst_case(ratio, numbers)
    assert record.effect == pytest.approx(ratio(*numbers))
    assert (record.ci_low, record.ci_high) == pytest.approx((low, high))
    assert record.verdict == verdict("greater", low, high, LN12) == "SUPPORTED"
    assert (record.basis, record.p_value) == ("point", None)


@pytest.mark.parametrize("data", ["lima", "dolly"])
def test_borrowed_spans_are_a_difference_of_two_adjusted_proportions(data):
    """Agresti and Caffo: one success and one failure more on each side; 500 and 250 spans."""
    shares = [FIGURES[f"{method}-{data}", "spans_causally_linked_percent"] / 100 for method in ("full", "lora")]
    variance = 0.0
    for share, spans in zip(shares, (500, 250), strict=True):
        adjusted = (share * spans + 1) / (spans + 2)
        variance += adjusted * (1 - adjusted) / (spans + 2)

    def interval(confidence):
        return norm.interval(confidence, loc=shares[0] - shares[1], scale=math.sqrt(variance))

    record = records()[f"C19-published-llama7b-{data}-full-vs-lora-attributed-spans"]
    assert_agrees(record, "greater", {"share": (interval, 0.1)})
    assert record.verdict == "SUPPORTED"
    assert (record.columns[0].left, record.columns[0].right) == pytest.approx(tuple(shares))
