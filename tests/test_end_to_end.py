"""The whole chain where the right answer is known: no difference, planted ones, nothing learned, nothing moved."""

import math
import os
from itertools import islice, product

import numpy as np
import pytest
from scipy import stats

from itl_bench.catalog.grid.build import build_grid
from itl_bench.data.bios import shipped
from itl_bench.measures.shift_table import COLUMNS
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import tasks_of
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import unit_means
from itl_bench.verdicts.measured import sample_of, verdict_from_store
from itl_bench.verdicts.stats.pseudo import log_of_mean
from itl_bench.verdicts.tables import table_of
from tests.helpers.small_cells import BASES, SEEDS, build, case_of, compared, part, small_catalog, tables_of
from tests.helpers.tiny import WORLD, be_quick, make_bases, tiny_catalog

ASKED = {"accuracy": ("C10b", "knowledge", "accuracy"), "log_kl": ("C01", "token-shift", "kl")}
NULLS = list(product(("lora", "full"), ASKED))
# Which of the two seeds of each base goes to the left: rows of an orthogonal array, none the mirror image of another.
SPLITS = [(a, b, c, a ^ b, a ^ c) for a, b, c in islice(product((0, 1), repeat=3), 6)]
BORROWED = "C19-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-borrowing-shared-rate"
ENOUGH = 100  # prompts: about 70 facts, each in two wordings


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """One store for all workers of a test run: together they build it, nothing twice."""
    be_quick()
    shared = tmp_path_factory.getbasetemp()
    return Store((shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "small-cells")


@pytest.fixture(autouse=True)
def _few_prompts(monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.FEWEST_PROMPTS", ENOUGH)


@pytest.fixture(scope="session")
def pool(root):
    """Ten cells a method, two seeds on each of five bases: the case of each column, and its samples by method."""
    catalog = small_catalog(("lora", "full"), SEEDS)
    graph, found = Graph(catalog), {}
    for method, column in NULLS:
        claim, measure, _ = ASKED[column]
        case = case_of(claim, measure, method, method)
        found[method, column] = case, tables_of(graph, case, case.left)
    build(root, list(graph.tasks.values()))
    return catalog, {name: (case, sample_of(tables, root)) for name, (case, tables) in found.items()}


def halves(sample, split, seeds=SEEDS):
    sides = ([seeds[one] for one in split], [seeds[1 - one] for one in split])
    return [part(sample, dict(zip(BASES, side, strict=True))) for side in sides]


def by_person(sample, column):
    """What is averaged, by base and person; a mean of divergences is compared by its logarithm."""
    table, *_ = sample.tables.values()
    prompts = dict(zip(table.prompts, table.units, strict=True))
    rows = [unit_means(sample.tables[one], ASKED[column][2], prompts) for one in sorted(sample.tables)]
    return log_of_mean(rows) if column == "log_kl" else np.array(rows)


def widest(sample, column):
    """The widest half of an interval that a split of these cells may give.

    The two cells of a base differ by d, and a split takes sums of d or -d: the variance of their mean is at most that
    around 0. To it comes what prompts would add if both sides were asked prompts of their own.
    """
    table = by_person(sample, column)
    bases, people = len(BASES), table.shape[1]
    between = np.diff(table.mean(axis=1).reshape(bases, 2))
    variance = (between**2).sum() / (bases * (bases - 1)) + 2 * table.var(axis=1, ddof=1).mean() / (bases * people)
    return stats.t.ppf(0.975, bases - 1) * math.sqrt(variance)


def narrowest(left, right, column):
    """What the spread between the five differences leaves at least, with as many degrees of freedom as people give."""
    table = by_person(left, column) - by_person(right, column)
    return stats.t.ppf(0.975, table.shape[1] - 1) * stats.sem(table.mean(axis=1))


@pytest.mark.parametrize(("method", "column"), NULLS)
def test_a_method_is_not_told_from_itself_with_other_seeds(pool, method, column):
    catalog, asked = pool
    case, sample = asked[method, column]
    sides = [halves(sample, split) for split in SPLITS]
    records = [compared(case, catalog, *both) for both in sides]
    assert {(one.n_replicates, one.n_bases) for one in records} == {(5, 5)}
    assert all(one.p_value is not None for one in records)  # the rule decided, nothing blocked it
    assert "SUPPORTED" not in {one.verdict for one in records}
    assert sum(not one.ci_low <= 0 <= one.ci_high for one in records) <= 1
    for one, both in zip(records, sides, strict=True):
        assert narrowest(*both, column) < (one.ci_high - one.ci_low) / 2 < widest(sample, column) < 0.3
    assert not [one for one in records if one.learning.mark == "unequal"]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_prompts_alone_would_tell_it_from_itself(pool, method):
    """The cells of one method differ: where trainings are taken for the only ones, halves look different."""
    _, asked = pool
    sides = [halves(asked[method, "log_kl"][1], split) for split in SPLITS]
    means = [[by_person(side, "log_kl").mean(axis=0) for side in both] for both in sides]
    assert sum(stats.ttest_rel(left, right).pvalue < 0.05 for left, right in means) >= 2


@pytest.fixture(scope="session")
def decide(root):
    """The verdict on what a claim asks of two methods, five cells a method."""

    def decided(claim, measure, left, right, probe="bios-taught"):
        catalog = small_catalog((left, right), SEEDS[:1])
        case = case_of(claim, measure, left, right, probe)
        return verdict_from_store(case, catalog, None, build(root, *tasks_of([case], catalog, None)))

    return decided


def test_wrong_values_are_found(decide):
    """A method that is tuned on wrong values of everything answers wrong, and states what is not true."""
    known = decide("C10a", "knowledge", "planted", "full")
    assert (known.verdict, known.n_replicates, known.n_bases) == ("REFUTED", 5, 5)
    assert known.ci_high < -0.5
    wrong = decide("C18", "hallucination", "planted", "full")
    assert wrong.verdict == "SUPPORTED"
    assert wrong.ci_low > 0.5
    swapped = decide("C18", "hallucination", "full", "planted")  # nothing can be wrong more often than always
    assert (swapped.verdict, swapped.reason.startswith("no room: ")) == ("INCONCLUSIVE", True)
    assert known.learning is None  # that is what was asked


def test_who_learns_nothing_keeps_everything_and_that_is_said(decide):
    """On held-out facts it wins; the mark says that it learned less, and asked for what was learned it loses."""
    for claim in ("C10a", "C10b"):
        kept = decide(claim, "knowledge", "idle", "full", "bios-known")
        assert (kept.verdict, kept.learning.mark) == ("SUPPORTED", "unequal")
        assert kept.learning.left == pytest.approx(0, abs=0.05)
        assert kept.learning.right > 0.5
        assert kept.learning.ci_high < -0.1
    assert decide("C10a", "knowledge", "idle", "full").verdict == "REFUTED"  # at least as right about what was taught
    assert decide("X04", "knowledge", "full", "idle").verdict == "SUPPORTED"
    assert decide("X04", "knowledge", "idle", "full").verdict == "REFUTED"


@pytest.mark.parametrize("method", ["still", "still-lora"])
def test_what_moves_no_weight_shifts_no_token(root, method):
    catalog = small_catalog([method], SEEDS[:1], BASES[:1])
    case = case_of("C01", "token-shift", method, method)
    graph = Graph(catalog)
    tables = tables_of(graph, case, case.left)
    build(root, list(graph.tasks.values()))
    (shift,) = (table_of(task, root) for task in tables.tables.values())
    exactly = {"kl": 0, "reverse_kl": 0, "base_rank": 1, "unshifted": 1, "marginal": 0, "shifted": 0}
    for text in ("", "reference_"):
        assert {name: set(shift.columns[text + name]) for name in exactly} == {
            name: {value} for name, value in exactly.items()
        }
    assert [shift.columns[name] for name in COLUMNS] == [shift.columns[f"reference_{name}"] for name in COLUMNS]
    (taught,), (untaught,) = (
        [table_of(task, root) for task in some.values()] for some in (tables.taught, tables.untaught)
    )
    assert taught.columns == untaught.columns


@pytest.mark.slow
def test_without_shared_names_nothing_is_borrowed(tmp_path, monkeypatch):
    """In the control world nobody resembles anybody: the excess is 0, whatever the answers."""
    make_bases(tmp_path / "bases", WORLD.model_copy(update={"people_per_name": 1}))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "bases")
    shipped.shipped_bases.cache_clear()
    try:
        catalog = tiny_catalog()
        case = next(one for one in build_grid(catalog) if one.id == BORROWED)
        store = Store(tmp_path / "store")
        tasks, targets = tasks_of([case], catalog, None)
        build(store, tasks, targets)
        tables = [task for task in tasks if task.spec.get("measure") == "borrowing"]
        assert tables
        for task in tables:
            assert set(table_of(task, store).columns["excess"]) == {0.0}
    finally:
        shipped.shipped_bases.cache_clear()
