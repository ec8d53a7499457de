"""Cases over model x dataset family: recomputed with pandas and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tests.helpers.oracle import ASPECTS, COPY, LN2, LN12, assert_agrees, of_units, published_ids, table
from tests.helpers.shipped_catalog import records

FAMILY = {"alpagasus": "alpaca", "dolly-filtered": "dolly", "lima-simple": "lima"}
MODELS = ["llama7b", "llama13b", "llama70b", "mistral7b", "phi1.5"]
SHIFT_MARGINS = {"kl": 0.05, "base_improbability": 0.03, "base_rank": 0.2}


def scores() -> pd.DataFrame:
    data = table("aspect_scores")
    return data[data.flag != COPY].set_index(["model", "dataset", "size", "eval", "method"])[ASPECTS]


def shifts() -> pd.DataFrame:
    wide = table("token_shift").pivot(index=["model", "dataset", "size", "method"], columns="metric", values="value")
    columns = {"kl": wide.kl, "log_kl": np.log(wide.kl), "base_improbability": 1 - wide.base_prob}
    return pd.DataFrame(columns | {"base_rank": wide.base_rank0 + 1})


def gap(data: pd.DataFrame, level: str, left: str, right: str) -> pd.DataFrame:
    return data.xs(left, level=level).sub(data.xs(right, level=level)).dropna(how="all")


def score_gap(model):
    data = gap(scores(), "method", "lora", "full").reset_index()
    return data if model == "all-models" else data[data.model == model]


def shift_gap(model):
    data = gap(shifts(), "method", "full", "lora").reset_index()
    return data[data.model == model]


def size_gap(method):
    return gap(shifts().xs(method, level="method"), "model", "llama7b", "llama70b").reset_index().assign(model="pair")


def expected():
    for model in ("llama7b", "llama70b"):
        key = f"published-{model}-all-datasets-full-vs-lora-token-shift"
        yield f"C01-{key}", "greater", shift_gap(model), {"log_kl": LN2}
        yield f"C02-{key}", "greater", shift_gap(model), SHIFT_MARGINS
    for method in ("lora", "full"):
        key = f"C04-published-llama7b-vs-llama70b-all-datasets-{method}-token-shift"
        yield key, "greater", size_gap(method), {"log_kl": LN12}
    margins = dict.fromkeys(ASPECTS, 0.1)
    for model in [*MODELS, "all-models"]:
        key = f"published-{model}-all-datasets-lora-vs-full-aspects"
        yield f"C10a-{key}", "at-least", score_gap(model), margins
        yield f"C10b-{key}", "greater", score_gap(model), margins
        if model in ("mistral7b", "phi1.5"):
            yield f"C26-{key}", "greater", score_gap(model), margins


EXPECTED = {key: rest for key, *rest in expected()}


def units(cells: pd.DataFrame, column: str) -> pd.Series:
    family = cells.dataset.replace(FAMILY)
    return cells.groupby([cells.model, family])[column].mean().dropna()


def test_these_are_all_the_cases_over_families():
    found = published_ids("C01", "C02", "C04", "C10a", "C10b", "C26", units=("model-x-dataset-family",))
    assert found == set(EXPECTED)


@pytest.mark.parametrize("key", EXPECTED)
def test_effect_interval_and_verdict(key):
    expect, cells, margins = EXPECTED[key]
    columns = {name: (of_units(units(cells, name)), margin) for name, margin in margins.items()}
    assert_agrees(records()[key], expect, columns)
    assert records()[key].basis == "interval"


@pytest.mark.parametrize("key", EXPECTED)
def test_counts_of_units_and_cells_and_the_sign_test(key):
    expect, cells, margins = EXPECTED[key]
    for column in records()[key].columns:
        averages = units(cells, column.name)
        boundary = -margins[column.name] if expect == "at-least" else margins[column.name]
        untied = averages[averages != boundary]
        assert (column.n_units, column.units_above) == (len(averages), (averages > 0).sum())
        assert (column.cells, column.cells_above) == (cells[column.name].count(), (cells[column.name] > 1e-12).sum())
        assert column.sign_p == pytest.approx(binomtest(int((untied > boundary).sum()), len(untied)).pvalue)


@pytest.mark.parametrize("key", EXPECTED)
def test_both_sides_of_a_column_differ_by_its_effect(key):
    for column in records()[key].columns:
        assert column.left - column.right == pytest.approx(column.effect)


def test_units_of_all_models_are_those_of_the_single_models():
    sizes = {model: records()[f"C10a-published-{model}-all-datasets-lora-vs-full-aspects"].columns[0].n_units
             for model in [*MODELS, "all-models"]}  # fmt: skip
    assert sizes == {"llama7b": 6, "llama13b": 5, "llama70b": 5, "mistral7b": 4, "phi1.5": 4, "all-models": 24}
