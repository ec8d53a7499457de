"""Sign test, power and multiplicity against statsmodels and counting."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.descriptivestats import sign_test as oracle_sign_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.power import minimal_detectable_effect
from itl_bench.verdicts.stats.units import holm, sign_test, too_few_for_sign_test


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(-2, 2))
def test_sign_test(values, boundary):
    result = sign_test(values, boundary)
    if result.n:
        assert result.p_value == pytest.approx(oracle_sign_test(values, boundary)[1])
    assert result.smallest_p - 1e-12 <= result.p_value <= 1


def test_sign_test_counts():
    assert sign_test([1, 2, 0, -1, 3, 4]) == (4, 5, pytest.approx(2 * (1 + 5) / 2**5), 1 / 16)
    assert sign_test([0.0, 0.0]) == (0, 0, 1.0, 1.0)
    assert [too_few_for_sign_test(n) for n in (0, 5, 6)] == [True, True, False]
    assert not too_few_for_sign_test(5, alpha=0.0625)


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf]])
def test_sign_test_refuses(values):
    with pytest.raises(EvidenceError):
        sign_test(values)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm(p_values):
    adjusted = holm({str(i): p for i, p in enumerate(p_values)})
    assert list(adjusted) == [str(i) for i in range(len(p_values))]
    assert list(adjusted.values()) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_holm_counts_a_missing_member():
    assert holm({"a": 0.01, "b": None, "c": 0.02}) == pytest.approx({"a": 0.03, "b": 1.0, "c": 0.04})
    assert holm({}) == {}
    for bad in (math.nan, -0.1, 1.1):
        with pytest.raises(EvidenceError):
            holm({"a": 0.5, "b": bad})


@pytest.mark.parametrize("n", [3, 5, 20, 400])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_minimal_detectable_effect_against_t_test_power(n, power):
    oracle = TTestPower().solve_power(nobs=n, alpha=0.025, power=power, alternative="larger") * math.sqrt(n)
    assert minimal_detectable_effect(1.0, n - 1, "greater", power=power) == pytest.approx(oracle, rel=1e-4)


@pytest.mark.parametrize("degrees", [2, 4.7, 60, 1e4])
def test_minimal_detectable_effect_against_noncentral_t(degrees):
    critical = stats.t.ppf(0.975, degrees)
    oracle = optimize.brentq(lambda shift: stats.nct.sf(critical, degrees, shift) - 0.8, 0, 50)
    assert minimal_detectable_effect(2.0, degrees, "falling") == pytest.approx(2 * oracle, rel=1e-4)


def test_minimal_detectable_effect_of_a_normal_estimate():
    assert minimal_detectable_effect(1.0, math.inf, "rising") == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert minimal_detectable_effect(1.0, math.inf, "no-change") == pytest.approx(1.644854 + 1.281552, abs=1e-5)
    assert minimal_detectable_effect(0.0, 5, "greater") == 0


@pytest.mark.parametrize(
    "arguments",
    [(math.nan, 5, "greater"), (-1, 5, "greater"), (1, 0, "greater"), (1, math.nan, "greater"),
     (1, 5, "greater", 0.0), (1, 5, "greater", 0.05, 0.4), (1, 5, "greater", 0.05, 1.0)],
)  # fmt: skip
def test_minimal_detectable_effect_refuses(arguments):
    with pytest.raises(EvidenceError):
        minimal_detectable_effect(*arguments)
