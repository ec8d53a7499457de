"""Verdicts at equal training loss: against closed forms, loops with numpy.interp, and the verdict at one rate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.equal_arms import verdict_when_equal
from tests.helpers.measured_tables import ENDS, ONE, REPLICATES, START, as_table, verdict
from tests.helpers.measured_tables import SHIFT as AT_RATE
from tests.helpers.shipped_catalog import catalog, grid

SHIFT = AT_RATE.replace("-shared-rate", "-equal-loss")
# The lowest that both reach is lora's at 0.01; full has it between 0.0003 and 0.001.
FULL = {1e-4: 2.0, 3e-4: 1.2, 1e-3: 0.4, 3e-3: 0.1, 1e-2: 0.3}
LORA = {1e-4: 3.0, 3e-4: 2.5, 1e-3: 1.5, 3e-3: 0.8, 1e-2: 0.5}


def factor(replicate):
    """Replicates end at losses of their own."""
    return 1 + 0.02 * (2 * replicate.base + replicate.seed)


def kl_table(mean, seed, n_units=150):
    """Divergences that differ between prompts, with exactly this mean."""
    values = np.random.default_rng(seed).gamma(2.0, 1.0, 3 * n_units)
    return as_table({"kl": mean * values / values.mean()}, n_units)


def side(ends, log_kl, replicates=REPLICATES, n_units=150):
    """One side: learning rate -> its cells, which end at `ends` and have `log_kl(loss, replicate)`."""
    made = {}
    for number, (rate, end) in enumerate(ends.items()):
        losses = {one: (START, end * factor(one)) for one in replicates}
        tables = {
            one: kl_table(math.exp(log_kl(losses[one][1], one)), [number, *one], n_units) for one in replicates
        }  # fmt: skip
        made[rate] = Sample(tables, losses)
    return made


def line(intercept, slope):
    return lambda loss, replicate: intercept + slope * math.log(loss)


def points_of(left, right):
    return [RatePoint(rate, left[rate], right[rate]) for rate in left]


def at_equal_loss(left, right, **options):
    return verdict_when_equal(grid()[SHIFT], catalog(), points_of(left, right), **options)


def scattered(seed):
    """Log divergences that follow no line: a number of its own for each cell."""
    generator = np.random.default_rng(seed)
    return lambda loss, replicate: float(generator.normal())


@pytest.mark.parametrize(
    ("full", "lora", "expected"), [((1, -0.5), (-1, -1.5), "SUPPORTED"), ((1, -1), (0.9, -1), "REFUTED")]
)
def test_where_log_kl_is_linear_in_log_loss_the_difference_is_exact(full, lora, expected):
    record = at_equal_loss(side(FULL, line(*full)), side(LORA, line(*lora)))
    logs = [math.log(0.5 * factor(one)) for one in REPLICATES]
    left, right = (np.mean([intercept + slope * log for log in logs]) for intercept, slope in (full, lora))
    assert (record.effect, record.columns[0].left, record.columns[0].right) == pytest.approx(
        (left - right, left, right)
    )
    assert (record.verdict, record.n_prompts, record.n_replicates, record.n_bases) == (expected, 450, 6, 3)
    assert (record.rates, record.points) == (tuple(FULL), ())
    assert (
        "; at equal training loss, 0.525 (0.5 to 0.55); full between rates 0.0003 and 0.001, lora at 0.01; "
        "at the cells on either side "
    ) in record.reason
    ends = [full[0] + full[1] * math.log(end) for end in (1.2, 0.4)]  # of full, at the two rates
    of_lora = lora[0] + lora[1] * math.log(0.5)
    scale = np.mean([math.log(factor(one)) for one in REPLICATES]) * (full[1] - lora[1])
    words = [f"{end - of_lora + scale:+.3g} (" for end in ends]
    assert all(word in record.reason.partition("either side ")[2] for word in words)
    assert record.reason.endswith("; 6 replicates on 3 bases")


def interpolated(cells, replicate, loss):
    """The logarithm of the mean divergence at a loss, by numpy, on the rates up to that of the lowest loss."""
    points = sorted((math.log(one.losses[replicate][1]), log_mean_kl(one.tables[replicate])) for one in cells)
    return np.interp(math.log(loss), *zip(*points, strict=True))


def log_mean_kl(table):
    return math.log(np.mean(table.columns["kl"]))


@pytest.mark.parametrize("seed", range(5))
def test_by_plain_loops_over_numpy_s_interpolation(seed):
    full, lora = side(FULL, scattered(seed)), side(LORA, scattered(seed + 100))
    effects = []
    for one in REPLICATES:
        loss = max(min(cell.losses[one][1] for cell in cells.values()) for cells in (full, lora))
        falling = [full[rate] for rate in (1e-4, 3e-4, 1e-3, 3e-3)]
        effects.append(interpolated(falling, one, loss) - interpolated(lora.values(), one, loss))
    record = at_equal_loss(full, lora)
    assert record.effect == pytest.approx(np.mean(effects))
    assert record.columns[0].cells_above == sum(effect > 0 for effect in effects)


@pytest.mark.parametrize("seed", range(3))
def test_where_both_reach_it_at_one_rate_all_numbers_are_those_of_that_rate(seed):
    left, right = side(LORA, scattered(seed)), side(LORA, scattered(seed + 50))
    record, there = at_equal_loss(left, right), verdict(points_of(left, right), AT_RATE, headline=1e-2)
    for name in ("effect", "ci_low", "ci_high", "p_value", "verdict", "columns", "minimal_detectable_effect"):
        assert getattr(record, name) == getattr(there, name), name


def test_prompts_are_those_with_a_value_in_every_table_that_is_read():
    full, lora = side(FULL, line(1, -1)), side(LORA, line(0, -1))
    gap = {"kl": (None, *kl_table(1.0, 0).columns["kl"][1:])}
    for cells, rate in ((full, 1e-4), (full, 3e-4)):  # the first is not read
        with_gap = cells[rate].tables[ONE].model_copy(update={"columns": gap})
        cells[rate] = Sample({**cells[rate].tables, ONE: with_gap}, cells[rate].losses)
        record = at_equal_loss(full, lora)
        assert (record.n_prompts, "1 prompt without a value left out" in record.reason) == (
            (450, False) if rate == 1e-4 else (449, True)
        )


@settings(max_examples=60, deadline=None)
@given(ENDS, ENDS, st.integers(0, 1000))
def test_swapping_the_sides_negates(left_ends, right_ends, seed):
    n = min(len(left_ends), len(right_ends))
    one, other = (
        side(dict(zip(FULL, ends[:n], strict=False)), scattered([seed, number]), REPLICATES[:3], n_units=4)
        for number, ends in enumerate((left_ends, right_ends))
    )
    record, swapped = at_equal_loss(one, other), at_equal_loss(other, one)
    if record.effect is None:
        assert swapped.effect is None
        assert "no training loss that both sides reach" in record.reason
    else:
        assert swapped.effect == pytest.approx(-record.effect)
        assert (swapped.ci_low, swapped.ci_high) == pytest.approx((-record.ci_high, -record.ci_low))


def test_cells_that_were_not_trained_decide_nothing():
    """Full has 0.5 between a cell that fell by half and one that was hardly trained: from 1.4 to 1.2."""
    full, lora = side(FULL, line(1, -0.5)), side(LORA, line(-1, -1.5))
    assert at_equal_loss(full, lora).verdict == "SUPPORTED"
    untrained = {one: (1.4, end) for one, (_, end) in full[3e-4].losses.items()}
    record = at_equal_loss({**full, 3e-4: Sample(full[3e-4].tables, untrained)}, lora)
    assert (record.verdict, record.columns[0].verdict, record.p_value) == ("INCONCLUSIVE", "INCONCLUSIVE", None)
    assert record.reason.startswith("not trained: full between rates 0.0003 and 0.001 (6 of 6 replicates); at equal")
    assert record.effect == pytest.approx(at_equal_loss(full, lora).effect)
    not_read = {one: (2.1, end) for one, (_, end) in full[1e-4].losses.items()}
    assert at_equal_loss({**full, 1e-4: Sample(full[1e-4].tables, not_read)}, lora).verdict == "SUPPORTED"


def test_one_replicate_has_an_effect_and_no_interval():
    record = at_equal_loss(*(side(ends, line(a, -1), REPLICATES[:1]) for ends, a in ((FULL, 2.0), (LORA, 0.5))))
    assert record.effect == pytest.approx(1.5)
    assert (record.verdict, record.ci_low, record.n_replicates) == ("INCONCLUSIVE", None, 1)
    assert record.reason.startswith("replicate variance poorly known: 1 replicate, a verdict needs 5; at equal")


def test_few_prompts_decide_nothing():
    record = at_equal_loss(*(side(ends, line(a, -1), n_units=100) for ends, a in ((FULL, 3.0), (LORA, 0.5))))
    assert (record.verdict, record.n_prompts) == ("INCONCLUSIVE", 300)
    assert record.reason.startswith("too few prompts: 300, a verdict needs 400; at equal")


def test_replicates_are_those_of_every_rate():
    full, lora = side(FULL, line(1, -1)), side(LORA, line(0, -1), REPLICATES[1:])
    lora[3e-3] = Sample({one: lora[3e-3].tables[one] for one in REPLICATES[2:]}, lora[3e-3].losses)
    assert at_equal_loss(full, lora).n_replicates == 4


def test_losses_that_do_not_meet_decide_nothing():
    record = at_equal_loss(side({1e-3: 0.2, 3e-3: 0.1}, line(0, 0)), side({1e-3: 2.0, 3e-3: 0.5}, line(0, 0)))
    assert (record.verdict, record.effect, record.rates, record.points) == ("INCONCLUSIVE", None, (1e-3, 3e-3), ())
    assert record.reason.startswith("no match at equal training loss: base 0, seed 0: no training loss that both sides")


def test_an_obstacle_blocks_a_verdict():
    sides = side(FULL, line(3, 0)), side(LORA, line(0, 0))
    free, blocked = at_equal_loss(*sides), at_equal_loss(*sides, obstacles=["pilot: no verdict"])
    assert (free.verdict, blocked.verdict) == ("SUPPORTED", "INCONCLUSIVE")
    assert blocked.effect == free.effect
    assert blocked.reason.startswith("pilot: no verdict; ")


KNOWN = "C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-equal-learning"
WITHIN = KNOWN.replace("-knowledge-", "-knowledge-within-a-run-")


def learner(shares, kept, replicates=REPLICATES):
    """One side: position -> cells that learned these shares of 300 new facts and keep these of 450 known ones."""
    made = {}
    for position, share in shares.items():
        right = {one: shared(kept[position] + 0.002 * one.seed, 450) for one in replicates}
        losses = dict.fromkeys(replicates, (START, 1.0))
        taught, untaught = ({one: shared(value, 300) for one in replicates} for value in (share, 0.0))
        made[position] = Sample(right, losses, taught=taught, untaught=untaught)
    return made


def shared(share, count):
    return as_table({"accuracy": [float(number < round(share * count)) for number in range(count)]}, count // 3)


@pytest.mark.parametrize("key", [KNOWN, WITHIN])
def test_sides_are_compared_where_they_learned_as_much(key):
    """LoRA ends at 0.4; full has it halfway between 0.2 and 0.6, where it keeps the mean of 0.9 and 0.7."""
    lora = learner({0.25: 0.1, 0.5: 0.2, 1.0: 0.4}, {0.25: 0.98, 0.5: 0.96, 1.0: 0.8})
    full = learner({0.25: 0.2, 0.5: 0.6, 1.0: 0.9}, {0.25: 0.9, 0.5: 0.7, 1.0: 0.3})
    along = {"stopped_after": None} if key == WITHIN else {}
    points = [
        RatePoint(0.003, lora[at], full[at], stopped_after=at) if along else RatePoint(at, lora[at], full[at])
        for at in lora
    ]
    record = verdict_when_equal(grid()[key], catalog(), points)
    assert record.effect == pytest.approx(0.0, abs=0.005)
    assert record.columns[0].right == pytest.approx(0.8, abs=0.005)
    assert (record.learning.mark, record.learning.left) == ("equal", pytest.approx(0.4))
    where = "lora after 1 of its updates, full after 0.25 to 0.5" if along else "lora at 1, full between rates 0.25 and"
    assert where in record.reason
    assert "at equal share of new facts learned, 0.4" in record.reason


def test_next_to_nothing_learned_decides_nothing():
    still = learner({1e-4: 0.0, 1e-3: 0.05, 1e-2: 0.1}, dict.fromkeys((1e-4, 1e-3, 1e-2), 0.9))
    record = verdict_when_equal(grid()[KNOWN], catalog(), points_of(still, still))
    assert record.verdict == "INCONCLUSIVE"
    assert record.reason.startswith("hardly anything was learned where both learned as much: 0.10")
