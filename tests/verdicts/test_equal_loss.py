"""Where both sides have one training loss: curves, readings, and the cases of the grid that ask there."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from itl_bench.verdicts.equal_loss import common_replicates, falling_curve, match_losses, sides_by_rate

from itl_bench.catalog.grid.words import compared
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.summary import families
from tests.helpers.broken_catalog import C01, C03, C18, assert_says, change, copied, the_complaint
from tests.helpers.measured_tables import ENDS, ONE, SHIFT, START, as_table
from tests.helpers.shipped_catalog import grid

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


def with_ends(ends):
    """Cells of one replicate that have losses and no table."""
    return {rate: Sample({}, {ONE: (START, end)}) for rate, end in zip(RATES, ends, strict=False)}


@given(ENDS, ENDS)
def test_a_reading_has_the_matched_loss_in_one_cell_or_between_two_neighbours(left_ends, right_ends):
    n = min(len(left_ends), len(right_ends))
    rates, sides = list(RATES[:n]), (with_ends(left_ends[:n]), with_ends(right_ends[:n]))
    lowest = max(min(left_ends[:n]), min(right_ends[:n]))
    try:
        readings = match_losses(*sides, ONE)
    except EvidenceError:
        assert any(falling_curve(cells, ONE)[0][1] < lowest for cells in sides)
        return
    for reading, cells in zip(readings, sides, strict=True):
        assert (reading.replicate, reading.loss) == (ONE, lowest)
        assert all(0 <= weight <= 1 for weight in reading.weights.values())
        assert math.fsum(reading.weights.values()) == pytest.approx(1)
        mean = sum(weight * math.log(cells[rate].losses[ONE][1]) for rate, weight in reading.weights.items())
        assert mean == pytest.approx(math.log(lowest), abs=1e-9)
        assert tuple(reading.weights) in {*((rate,) for rate in rates), *pairwise(rates)}
    assert any(list(reading.weights.values()) == [1.0] for reading in readings)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([2.0, 1.0, 0.5], [2.0, 1.0, 0.5]),
        ([2.0, 0.5, 1.0, 0.6], [2.0, 0.5]),  # beyond the lowest a higher rate trains worse
        ([1.9, 2.0, 2.0, 1.0, 0.5], [2.0, 1.0, 0.5]),  # it falls strictly from the second 2.0 alone
        ([0.5, 2.0], [0.5]),
        ([2.0, 1.0, math.nan, 0.5, math.inf], [0.5]),
        ([2.0, 1.0, math.nan], [2.0, 1.0]),
        ([1.0, 1.0], [1.0]),
    ],
)
def test_a_curve_falls_strictly_to_its_lowest_loss(ends, expected):
    curve = falling_curve(with_ends(ends), ONE)
    assert [end for _, end in curve] == expected
    last = ends.index(expected[-1]) + 1
    assert [rate for rate, _ in curve] == list(RATES)[last - len(expected) : last]


@pytest.mark.parametrize(("ends", "shown"), [([1.0, 0.0], "0"), ([math.nan, math.inf], "inf")])
def test_a_loss_without_a_logarithm_is_refused(ends, shown):
    with pytest.raises(EvidenceError, match=f"base 0, seed 0: a lowest training loss of {shown} has no logarithm"):
        falling_curve(with_ends(ends), ONE)


def test_losses_that_do_not_meet_are_no_match():
    why = "base 0, seed 0: no training loss that both sides reach: left falls from 0.2 to 0.1, right from 2 to 0.5"
    with pytest.raises(EvidenceError, match=f"^{why}$"):
        match_losses(with_ends([0.2, 0.1]), with_ends([2.0, 0.5]), ONE)


@pytest.mark.parametrize("rates", [(1e-3, 1e-3), (None, 1e-3)])
def test_points_without_a_rate_of_their_own_are_refused(rates):
    some = Sample({}, {})
    with pytest.raises(EvidenceError, match="learning rates that differ"):
        sides_by_rate([RatePoint(rate, some, some) for rate in rates])


def test_replicates_are_those_of_every_rate_and_side():
    a, b, c = Replicate(0, 0), Replicate(0, 1), Replicate(1, 0)
    table = as_table({"kl": [1.0, 2.0, 3.0]}, n_units=1)

    def cells(*found):
        return Sample(dict.fromkeys(found, table), {one: (START, 1.0 + one.base + one.seed / 7) for one in found})

    everywhere = dict.fromkeys((1e-3, 3e-3), cells(a, c, b))
    assert common_replicates({1e-3: cells(c, b, a), 3e-3: cells(b, c)}, everywhere) == (b, c)
    with pytest.raises(EvidenceError, match="no replicate has both sides at every learning rate"):
        common_replicates({1e-3: cells(a), 3e-3: cells(b)}, everywhere)


def test_the_grid_has_c01_at_equal_loss_at_shared_rates_alone():
    plain = {key: case for key, case in grid().items() if case.at == "rate"}
    matched = {key: case for key, case in grid().items() if case.at != "rate"}
    assert SHIFT.replace("-shared-rate", "-at-equal-loss-shared-rate") in matched
    shared = [key for key, case in plain.items() if case.claim.id == "C01" and case.arm == "shared-rate"]
    assert sorted(matched) == sorted(key.replace("-shared-rate", "-at-equal-loss-shared-rate") for key in shared)
    assert {case.evidence for case in matched.values()} == {"measured"}
    for key, case in matched.items():
        twin = plain[key.replace("-at-equal-loss", "")]
        assert (case.cells, case.left, case.right) == (twin.cells, twin.left, twin.right)
        assert compared(case) == f"{compared(twin)}, at equal training loss"


def test_both_questions_stand_in_one_family():
    found = families([case for case in grid().values() if case.claim.id == "C01" and case.level == "bios"])
    asked = {family.arm: [case.at for case in members] for family, members in found.items()}
    assert set(asked["fair"]) == {"rate"}
    assert asked["shared-rate"].count("training-loss") == asked["shared-rate"].count("rate") > 0


AT = ", at: training-loss}"
TUNED = "at 'training-loss' is for a difference whose sides fix a tuned method and nothing else"


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        (C03, "{method: lora}}", "{method: lora}" + AT, TUNED),
        (C18, "{method: base}}", "{method: base}" + AT, TUNED),
        (C01, "{method: full}, right: {method: lora}" + AT, "{model: llama7b}, right: {model: llama13b}" + AT, TUNED),
        (C01, "{method: lora}" + AT, "{method: lora, dataset: lima-1k}" + AT, TUNED),
        (C01, "at: training-loss", "at: training-los", "compare.1.at: unknown value 'training-los'; did you mean"),
        (C01, ", at: training-loss", "", "several cases share the id"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, file, old, new, part):
    folder = copied(tmp_path)
    change(folder, file, old, new)
    assert_says(the_complaint(folder), str(folder / file), part)
