"""Where both sides have one training loss, or learned as much: curves, readings, and the cases that ask there."""

import math
from itertools import pairwise

import pytest
from hypothesis import given

from itl_bench.catalog.grid.words import compared
from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError
from itl_bench.plan.cells import Replicate
from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.equal_arms import common_replicates, sides_by_position
from itl_bench.verdicts.levels import LEVELS, falling_curve, match_levels
from itl_bench.verdicts.summary import families
from itl_bench.vocabulary import ARMS
from tests.helpers.broken_catalog import C01, C03, C18, assert_says, change, copied, the_complaint
from tests.helpers.measured_tables import ENDS, ONE, SHIFT, START, as_table
from tests.helpers.shipped_catalog import grid

LOSS = LEVELS["equal-loss"]
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
        readings = match_levels(*sides, ONE, LOSS)
    except EvidenceError:
        assert any(falling_curve(cells, ONE, LOSS)[0][1] < math.log(lowest) for cells in sides)
        return
    for reading, cells in zip(readings, sides, strict=True):
        assert (reading.replicate, reading.level) == (ONE, math.log(lowest))
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
    curve = falling_curve(with_ends(ends), ONE, LOSS)
    assert [level for _, level in curve] == [math.log(end) for end in expected]
    last = ends.index(expected[-1]) + 1
    assert [rate for rate, _ in curve] == list(RATES)[last - len(expected) : last]


@pytest.mark.parametrize(
    ("ends", "why"),
    [([1.0, 0.0], "a training loss of 0 has no logarithm"), ([math.nan, math.inf], "no training loss is known")],
)
def test_a_loss_without_a_logarithm_is_refused(ends, why):
    with pytest.raises(EvidenceError, match=f"base 0, seed 0: {why}"):
        falling_curve(with_ends(ends), ONE, LOSS)


def test_losses_that_do_not_meet_are_no_match():
    why = "base 0, seed 0: no training loss that both sides reach: left goes from 0.2 to 0.1, right from 2 to 0.5"
    with pytest.raises(EvidenceError, match=f"^{why}$"):
        match_levels(with_ends([0.2, 0.1]), with_ends([2.0, 0.5]), ONE, LOSS)


@pytest.mark.parametrize("rates", [(1e-3, 1e-3), (None, 1e-3)])
def test_points_without_a_rate_of_their_own_are_refused(rates):
    some = Sample({}, {})
    with pytest.raises(EvidenceError, match="positions that differ"):
        sides_by_position([RatePoint(rate, some, some) for rate in rates], "rates")


def test_replicates_are_those_of_every_rate_and_side():
    a, b, c = Replicate(0, 0), Replicate(0, 1), Replicate(1, 0)
    table = as_table({"kl": [1.0, 2.0, 3.0]}, n_units=1)

    def cells(*found):
        return Sample(dict.fromkeys(found, table), {one: (START, 1.0 + one.base + one.seed / 7) for one in found})

    everywhere = dict.fromkeys((1e-3, 3e-3), cells(a, c, b))
    assert common_replicates({1e-3: cells(c, b, a), 3e-3: cells(b, c)}, everywhere) == (b, c)
    with pytest.raises(EvidenceError, match="no replicate has both sides at every position"):
        common_replicates({1e-3: cells(a), 3e-3: cells(b)}, everywhere)


def of_taught(share, untaught=0.04):
    """Right answers about new facts, with these means over 100 prompts of 50 people."""
    right = [float(number < round(share * 100)) for number in range(100)]
    known = [float(number < round(untaught * 100)) for number in range(100)]
    prompts, units = tuple(str(number) for number in range(100)), tuple(str(number // 2) for number in range(100))
    tables = [Table(prompts=prompts, units=units, columns={"accuracy": tuple(some)}) for some in (right, known)]
    return Sample({}, {ONE: (START, 1.0)}, taught={ONE: tables[0]}, untaught={ONE: tables[1]})


def test_a_side_that_learned_more_is_read_where_it_had_learned_as_much():
    slow = {rate: of_taught(share) for rate, share in zip(RATES, (0.04, 0.10, 0.20, 0.40, 0.52), strict=True)}
    fast = {rate: of_taught(share) for rate, share in zip(RATES, (0.10, 0.28, 0.76, 0.88, 0.16), strict=True)}
    one, other = match_levels(slow, fast, ONE, LEVELS["equal-learning"])
    assert one.level == other.level == pytest.approx(-(0.52 - 0.04) / (1 - 0.04))
    assert one.weights == {1e-2: 1.0}
    assert other.weights == pytest.approx({3e-4: 0.5, 1e-3: 0.5})  # 0.52 lies halfway between 0.28 and 0.76


def test_a_side_that_always_learned_more_has_no_match():
    slow, fast = {1e-4: of_taught(0.1), 1e-3: of_taught(0.2)}, {1e-4: of_taught(0.5), 1e-3: of_taught(0.9)}
    why = r"no share of new facts learned that both sides reach: left goes from 0.0625 to 0.167, right from 0.479 to"
    with pytest.raises(EvidenceError, match=why):
        match_levels(slow, fast, ONE, LEVELS["equal-learning"])


def test_a_diverged_cell_ends_a_curve():
    cells = {1e-4: of_taught(0.2), 1e-3: of_taught(0.6), 1e-2: Sample({}, {}, {ONE: "NaN"})}
    assert [rate for rate, _ in falling_curve(cells, ONE, LEVELS["equal-learning"])] == [1e-4, 1e-3]


def test_equal_arms_have_families_of_their_own_and_the_cells_of_shared_rate():
    cases = [case for case in grid().values() if case.claim.id == "C01" and case.level == "bios"]
    found = families(cases)
    assert {family.arm for family in found} == set(ARMS)
    assert {family.text for family in found} == {"own", "common"}
    for family, members in found.items():
        assert {(case.arm, case.text) for case in members} == {(family.arm, family.text)}
    shared = {case.dataset: case for case in cases if (case.arm, case.text) == ("shared-rate", "own")}
    for case in cases:
        twin = shared[case.dataset]
        assert (case.cells, case.left, case.right) == (twin.cells, twin.left, twin.right)


def test_the_way_of_asking_is_said_in_words():
    key = SHIFT.replace("token-shift-shared-rate", "token-shift-on-common-text-within-a-run-equal-learning")
    words = "at equal shares of new facts learned within a run, on the base's answers"
    assert compared(grid()[key]) == f"{compared(grid()[SHIFT])}, {words}"


def test_equal_learning_is_asked_where_new_facts_are_taught():
    asked = {case.dataset for case in grid().values() if case.arm == "equal-learning"}
    assert {"bios-new10-short", "bios-new30-simple-vs-bios-new30-long", "atlas-new50-short"} <= asked
    assert not [dataset for dataset in asked if "new0" in dataset or not dataset.startswith(("bios", "atlas"))]


EQUAL = ", arms: [equal-loss]}"
TUNED = "the arms equal-loss and equal-learning are for a difference whose sides are both tuned"
PLAIN = "the arm 'equal-loss' is for sides that fix a method and nothing else"


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        (C03, "{method: lora}}", "{method: lora}" + EQUAL, TUNED),
        (C18, "{method: base}}", "{method: base}" + EQUAL, TUNED),
        (C01, "{method: full}, right: {method: lora}", "{model: llama7b}, right: {model: llama13b}", PLAIN),
        (C01, "{method: lora},", "{method: lora, dataset: lima-1k},", PLAIN),
        (C01, "equal-loss", "equal-los", "compare.0.arms.2: unknown value 'equal-los'; did you mean"),
        (C01, ", equal-learning]", "]", "'along' says where equal learning is looked for"),
        (
            C18,
            "axes:",
            "texts: [own]\naxes:",
            "'texts' goes with the measures token-shift and sentence-start",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, file, old, new, part):
    folder = copied(tmp_path)
    change(folder, file, old, new)
    assert_says(the_complaint(folder), str(folder / file), part)
