"""What must hold for every interval, not only for those in the table."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from itl_bench.errors import EvidenceError
from itl_bench.verdicts.stats.estimate import SampledEstimate
from itl_bench.verdicts.stats.rule import decide, decide_column, verdict_of_interval
from itl_bench.vocabulary import EXPECTATIONS, VERDICTS

# Swapping left and right turns the expectation into this one. Greater and rising have the same inequalities.
MIRROR = {
    "greater": "falling",
    "rising": "falling",
    "falling": "rising",
    "at-least": "no-gain",
    "no-gain": "at-least",
    "no-change": "no-change",
}
OPPOSITE = {"greater": "no-gain", "no-gain": "greater", "rising": "no-gain"}  # one's support refutes the other

expectations = st.sampled_from(EXPECTATIONS)
numbers = st.floats(-1e6, 1e6)
margins = st.floats(0, 1e6)
intervals = st.tuples(numbers, numbers).map(sorted)
estimates = st.builds(
    SampledEstimate, st.floats(-10, 10), st.floats(1e-3, 10), st.floats(1, 1e4) | st.just(math.inf), st.integers(1, 999)
)


@given(expectations, intervals, margins)
def test_mirror(expect, interval, smallest):
    low, high = interval
    assert verdict_of_interval(expect, low, high, smallest) == verdict_of_interval(
        MIRROR[expect], -high, -low, smallest
    )


@given(expectations, intervals, margins, st.integers(-20, 20))
def test_the_unit_changes_nothing(expect, interval, smallest, exponent):
    low, high = interval
    assume(all(x == 0 or abs(x) > 1e-290 for x in (low, high, smallest)))  # a power of two is exact, but not below that
    scale = 2.0**exponent
    assert verdict_of_interval(expect, low, high, smallest) == verdict_of_interval(
        expect, scale * low, scale * high, scale * smallest
    )


@given(expectations, estimates, st.floats(0, 5), st.integers(-20, 20))
def test_the_unit_changes_no_verdict(expect, estimate, smallest, exponent):
    scale = 2.0**exponent
    scaled = SampledEstimate(
        scale * estimate.effect, scale * estimate.standard_error, estimate.degrees_of_freedom, estimate.n_units
    )
    assume(smallest == 0 or smallest > 1e-290)
    assume(estimate.effect == 0 or abs(estimate.effect) > 1e-290)
    one, other = decide_column(expect, estimate, smallest), decide_column(expect, scaled, scale * smallest)
    assert (one.verdict, one.p_value) == (other.verdict, other.p_value)
    assert one.shortfall == (None if other.shortfall is None else pytest.approx(other.shortfall, rel=0.01))


@given(expectations, intervals, margins, margins, margins)
def test_widening_never_flips(expect, interval, smallest, left, right):
    low, high = interval
    narrow = verdict_of_interval(expect, low, high, smallest)
    assert verdict_of_interval(expect, low - left, high + right, smallest) in (narrow, "INCONCLUSIVE")


@given(st.sampled_from(sorted(OPPOSITE)), intervals, margins)
def test_support_of_one_refutes_its_opposite(expect, interval, smallest):
    one = verdict_of_interval(expect, *interval, smallest)
    other = verdict_of_interval(OPPOSITE[expect], *interval, smallest)
    assert {one, other} in ({"SUPPORTED", "REFUTED"}, {"INCONCLUSIVE"})


@given(expectations, estimates, st.floats(0, 5))
def test_p_is_below_alpha_exactly_if_the_verdict_is_directional(expect, estimate, smallest):
    column = decide_column(expect, estimate, smallest)
    assert column.verdict in VERDICTS
    assume(abs(column.p_value - 0.05) > 1e-9)
    assert (column.p_value < 0.05) == (column.verdict != "INCONCLUSIVE")
    assert (column.shortfall is None) == (column.verdict != "INCONCLUSIVE")
    assert column.shortfall is None or column.shortfall >= 1 - 1e-9


@given(expectations, st.lists(st.tuples(estimates, st.floats(0, 5)), min_size=1, max_size=5), st.randoms())
def test_the_order_of_columns_changes_nothing(expect, columns, random):
    named = {f"c{i}": column for i, column in enumerate(columns)}
    shuffled = random.sample(sorted(named), len(named))
    assert decide(expect, {name: named[name] for name in shuffled}) == decide(expect, named)


@given(expectations, st.lists(st.tuples(estimates, st.floats(0, 5)), min_size=1, max_size=5))
def test_case_verdict_agrees_with_its_columns_and_its_p(expect, columns):
    case = decide(expect, {f"c{i}": column for i, column in enumerate(columns)})
    verdicts = [column.verdict for column in case.columns.values()]
    assert (case.verdict == "SUPPORTED") == all(verdict == "SUPPORTED" for verdict in verdicts)
    assert case.verdict != "REFUTED" or case.columns[case.deciding].verdict == "REFUTED"
    assert case.verdict == "INCONCLUSIVE" or case.p_value <= 0.05 + 1e-9
    assert case.reason.startswith(f"{case.deciding}: ")


@given(
    expectations,
    st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.integers(0, 2),
)
def test_nan_and_inf_are_never_a_verdict(expect, good, bad, place):
    given_numbers = [*sorted(good), 1.0]
    given_numbers[place] = bad
    with pytest.raises(EvidenceError):
        verdict_of_interval(expect, *given_numbers)
    with pytest.raises(EvidenceError):
        decide(expect, {"x": (SampledEstimate(bad, 1.0, 5, 6), 1.0)})
