"""A method against itself, many times over on fresh cells: how often an interval misses 0."""

import pytest
from scipy import stats

from itl_bench.plan.graph import Graph
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import sample_of
from tests.helpers.small_cells import build, case_of, compared, part, small_catalog, tables_of

COMPARISONS = 40
BASES = (1, 2, 3)  # of the tiny world
ASKED = {"accuracy": ("C10b", "knowledge"), "log_kl": ("C01", "token-shift")}


@pytest.mark.slow
def test_intervals_miss_as_seldom_as_they_say(bases, tmp_path):
    """No cell is in two comparisons, so misses of a column are draws of a binomial distribution of at most 5%."""
    missed = dict.fromkeys(ASKED, 0)
    for number in range(COMPARISONS):
        for column, record in compare(("lora", "full")[number % 2], (2 * number + 1, 2 * number + 2), tmp_path):
            assert (record.n_replicates, record.n_bases) == (3, 3)
            missed[column] += not record.ci_low <= 0 <= record.ci_high
    most = stats.binom.ppf(0.999, COMPARISONS, 0.05)
    assert max(missed.values()) <= most, missed


def compare(method, seeds, folder):
    """A method with one seed against itself with another, on every base: by column."""
    catalog = small_catalog([method], seeds, BASES, rows=40, new_percent=90, rate=0.03, epochs=10, batch=8)
    graph = Graph(catalog)
    cases = {column: case_of(*asked, method, method) for column, asked in ASKED.items()}
    tables = {column: tables_of(graph, case, case.left) for column, case in cases.items()}
    store = build(Store(folder / "store"), list(graph.tasks.values()))
    for column, case in cases.items():
        sample = sample_of(tables[column], store)
        yield column, compared(case, catalog, *(part(sample, dict.fromkeys(BASES, seed)) for seed in seeds))
