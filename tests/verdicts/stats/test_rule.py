"""Every branch of the verdict rule, from tables written by hand from DESIGN.md's rule."""

import math
import subprocess
import sys

import pytest
import scipy.stats

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import BoundedEstimate, SampledEstimate
from itl_bench.verdicts.stats.rule import confidence, decide, decide_column, verdict_of_interval
from itl_bench.vocabulary import EXPECTATIONS

# With d = 1: where the interval lies, and the verdict per expectation (S, R, I) in the order of the header.
RULE = """
low   high   greater at-least no-gain no-change rising falling
 1.1   1.5   S       S        R       R         S      R
 1.0   1.5   I       S        I       I         I      R
 0.5   1.5   I       S        I       I         I      R
 0.5   1.0   I       S        I       I         I      R
-0.5   0.5   R       S        S       S         R      R
-1.0   0.5   R       I        S       I         R      I
-1.5   0.5   R       I        S       I         R      I
-1.5  -1.0   R       I        S       I         R      I
-1.5  -1.1   R       R        S       R         R      S
-1.5   1.5   I       I        I       I         I      I
-1.0   1.0   I       I        I       I         I      I
 1.0   1.0   I       S        I       I         I      R
 1.2   1.2   S       S        R       R         S      R
"""
WORDS = {"S": "SUPPORTED", "R": "REFUTED", "I": "INCONCLUSIVE"}
HEADER, *ROWS = [line.split() for line in RULE.strip().splitlines()]
CASES = [
    (expect, float(row[0]), float(row[1]), WORDS[letter])
    for row in ROWS
    for expect, letter in zip(HEADER[2:], row[2:], strict=True)
]


@pytest.mark.parametrize(("expect", "low", "high", "verdict"), CASES)
def test_rule_table(expect, low, high, verdict):
    assert verdict_of_interval(expect, low, high, 1.0) == verdict


def test_table_covers_the_vocabulary():
    assert set(HEADER[2:]) == set(EXPECTATIONS)


def test_without_a_smallest_effect_the_sign_decides():
    assert verdict_of_interval("at-least", 0.1, 0.2, 0.0) == "SUPPORTED"
    assert verdict_of_interval("no-gain", -0.2, -0.1, 0.0) == "SUPPORTED"
    assert verdict_of_interval("falling", 0.1, 0.2, 0.0) == "REFUTED"
    assert verdict_of_interval("no-change", 0.0, 0.0, 0.0) == "INCONCLUSIVE"
    assert verdict_of_interval("no-change", -0.2, -0.1, 0.0) == "REFUTED"


@pytest.mark.parametrize("expect", EXPECTATIONS)
@pytest.mark.parametrize(
    "numbers",
    [(math.nan, 1, 1), (0, math.nan, 1), (-math.inf, 1, 1), (0, math.inf, 1), (2, 1, 1), (0, 1, -1), (0, 1, math.nan),
     (0, 1, math.inf)],
)  # fmt: skip
def test_numbers_that_carry_no_verdict(expect, numbers):
    with pytest.raises(EvidenceError):
        verdict_of_interval(expect, *numbers)


@pytest.mark.parametrize("expect", EXPECTATIONS)
def test_confidence(expect):
    assert confidence(expect, 0.05) == pytest.approx(0.90 if expect == "no-change" else 0.95)


@pytest.mark.parametrize("alpha", [0.0, 0.5, -1.0, math.nan])
def test_confidence_refuses_other_alphas(alpha):
    with pytest.raises(EvidenceError):
        confidence("greater", alpha)


Z = 1.959963984540054  # normal tables
Z90 = 1.6448536269514722


def normal(effect, standard_error=1.0):
    return SampledEstimate(effect, standard_error, math.inf, 100)


def test_two_sided_p_at_the_margin():
    assert decide_column("greater", normal(1 + Z), 1.0).p_value == pytest.approx(0.05)
    assert decide_column("greater", normal(1 - Z), 1.0).p_value == pytest.approx(0.05)
    assert decide_column("falling", normal(-1 - Z), 1.0).p_value == pytest.approx(0.05)
    assert decide_column("at-least", normal(-1), 1.0).p_value == 1.0


def test_no_change_p():
    inside = decide_column("no-change", normal(2 - Z90), 2.0)  # the test against +2 is the larger of the two
    assert inside.p_value == pytest.approx(0.05)
    assert decide_column("no-change", normal(2 + Z90), 2.0).p_value == pytest.approx(0.05)
    assert decide_column("no-change", normal(-2 - Z90), 2.0).p_value == pytest.approx(0.05)
    assert decide_column("no-change", normal(-Z90), 0.0).p_value == pytest.approx(0.05)


def test_shortfall_of_a_normal_estimate_is_the_squared_ratio_of_half_width_and_distance():
    expected = pytest.approx((0.14 / 0.05) ** 2, rel=2e-3)
    assert decide_column("greater", normal(0.05, 0.14 / Z), 0.10).shortfall == expected
    assert decide_column("no-change", normal(-0.05, 0.14 / Z90), 0.10).shortfall == expected
    assert decide_column("no-change", normal(-0.15, 0.14 / Z90), 0.10).shortfall == expected
    assert decide_column("greater", normal(0.10), 0.10).shortfall == math.inf
    assert decide_column("greater", SampledEstimate(0.10, 0.0, 3, 4), 0.10).shortfall == math.inf
    assert decide_column("greater", normal(9.0), 0.10).shortfall is None
    assert decide_column("greater", BoundedEstimate(0.1, 0.0, 0.2, 3), 0.10).shortfall is None


@pytest.mark.parametrize(("n", "deviation"), [(3, 0.1), (3, 0.5), (5, 0.3), (24, 1.0)])
def test_shortfall_of_few_units_counts_the_degrees_of_freedom_they_add(n, deviation):
    """Plain loop: the first number of units whose t interval around the same effect clears the margin."""
    effect, margin = 0.2, 0.1
    column = decide_column("greater", SampledEstimate(effect, deviation / math.sqrt(n), n - 1, n), margin)
    units = n
    while effect - scipy.stats.t.ppf(0.975, units - 1) * deviation / math.sqrt(units) <= margin:
        units += 1
    if column.verdict == "SUPPORTED":
        assert units == n
    else:
        assert math.ceil(column.shortfall * n - 0.01 * units) <= units
        assert column.shortfall * n > units - 1.01


class Broken:
    """An estimate from elsewhere whose effect is not inside its own interval."""

    n_units = 3
    effect = math.nan

    def interval(self, confidence):
        return 0.0, 1.0

    def p_above(self, boundary):
        return None

    p_below = p_above


def test_decide_refuses_what_carries_no_verdict():
    with pytest.raises(EvidenceError):
        decide("greater", {})
    with pytest.raises(EvidenceError):
        decide_column("greater", Broken(), 1.0)
    with pytest.raises(EvidenceError):
        decide("greater", {"good": (normal(5), 1.0), "bad": (normal(5), math.nan)})


def between(low, high, confidence_half=Z):
    return normal((low + high) / 2, (high - low) / 2 / confidence_half)


def test_all_columns_supported():
    case = decide("greater", {"depth": (between(0.61, 1.13), 0.1), "clarity": (between(0.2, 0.4), 0.1)})
    assert (case.verdict, case.deciding) == ("SUPPORTED", "clarity")  # 0.2 against 0.77 away, in half-widths 2 and 3
    assert case.p_value == max(column.p_value for column in case.columns.values())
    assert case.reason == "clarity: +0.30 [+0.20, +0.40] lies above +0.10; 2 of 2 columns supported"


def test_any_column_refuted():
    columns = {f"c{i}": (between(-0.38, -0.12), 0.1) for i in range(4)} | {"engagement": (between(-0.48, -0.22), 0.1)}
    case = decide("greater", columns)
    assert (case.verdict, case.deciding) == ("REFUTED", "engagement")
    assert case.p_value == pytest.approx(5 * case.columns["engagement"].p_value)
    assert case.reason == "engagement: -0.35 [-0.48, -0.22] lies below the margin +0.10; 5 of 5 columns refuted"


def test_refuted_at_alpha_but_not_at_alpha_over_columns():
    almost = normal(-2.1)  # two-sided p = .036, above .05 / 2
    case = decide("greater", {"a": (almost, 0.0), "b": (normal(9), 0.0)})
    assert (case.verdict, case.deciding) == ("INCONCLUSIVE", "a")
    assert case.columns["a"].verdict == "REFUTED"
    assert case.p_value == pytest.approx(2 * case.columns["a"].p_value)
    assert case.reason.endswith("lies below the margin +0.00 at alpha but not at alpha / columns")
    case = decide("greater", {"a": (almost, 0.0), "b": (normal(1.0), 0.0)})
    assert case.deciding == "a"
    assert case.reason.endswith("lies below the margin +0.00 at alpha but not at alpha / columns")
    assert case.p_value == pytest.approx(2 * case.columns["a"].p_value)
    assert decide("greater", {"a": (almost, 0.0)}).verdict == "REFUTED"


def test_the_largest_shortfall_decides_nothing_conclusive():
    case = decide("greater", {"a": (normal(1.0), 0.0), "b": (normal(0.5), 0.0), "c": (normal(9), 0.0)})
    assert (case.verdict, case.deciding) == ("INCONCLUSIVE", "b")
    assert case.p_value == case.columns["b"].p_value


@pytest.mark.parametrize(
    ("expect", "estimate", "smallest", "reason"),
    [
        ("greater", between(0.61, 1.13), 0.1, "x: +0.87 [+0.61, +1.13] lies above +0.10"),
        ("greater", between(-0.09, 0.19), 0.1,
         "x: +0.05 [-0.09, +0.19] straddles the margin +0.10; n is too small by a factor of 7.8"),
        ("greater", between(-0.1, 0.1), 0.0,
         "x: +0.00 [-0.10, +0.10] straddles the margin +0.00; it sits on the margin itself, where no n decides"),
        ("at-least", between(-0.5, -0.3), 0.1, "x: -0.40 [-0.50, -0.30] lies below the margin -0.10"),
        ("no-gain", between(-0.5, -0.3), 0.1, "x: -0.40 [-0.50, -0.30] lies below +0.10"),
        ("no-change", between(-0.05, 0.05, Z90), 0.1, "x: +0.00 [-0.05, +0.05] lies inside ±0.10"),
        ("no-change", between(0.2, 0.3, Z90), 0.1, "x: +0.25 [+0.20, +0.30] lies outside the margin ±0.10"),
        ("falling", between(-0.005, -0.003), 0.001, "x: -0.004 [-0.005, -0.003] lies below -0.001"),
        ("greater", BoundedEstimate(0.1, 0.05, 0.15, 5), 0.1,
         "x: +0.10 [+0.05, +0.15] straddles the margin +0.10; the reading error covers the margin"),
    ],
)  # fmt: skip
def test_reason(expect, estimate, smallest, reason):
    assert decide(expect, {"x": (estimate, smallest)}).reason == reason


def test_without_a_sampling_spread_there_is_a_verdict_but_no_p():
    case = decide("greater", {"a": (BoundedEstimate(0.5, 0.4, 0.6, 1), 0.1), "b": (normal(9), 0.1)})
    assert (case.verdict, case.p_value) == ("SUPPORTED", None)
    case = decide("greater", {"a": (BoundedEstimate(-0.5, -0.6, -0.4, 1), 0.1), "b": (normal(-9), 0.1)})
    assert (case.verdict, case.deciding, case.p_value) == ("REFUTED", "a", None)


def test_the_rule_loads_neither_numpy_nor_scipy():
    code = (
        "import sys, itl_bench.verdicts.stats.rule; sys.exit(any(name in sys.modules for name in ('numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
