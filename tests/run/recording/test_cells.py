"""How cells were made, read from a store: against hand-made logs and rows."""

import hashlib
import json
import math
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.rows import Item, Table, write_lines, write_table
from itl_bench.data.sources.overlap import EXACT, SHARE
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.record_cells import OverlapRecord
from itl_bench.run.recording.cells import cells_of, settings_of, training_record
from itl_bench.store.artifact import ITEMS, REPORT, TABLE, TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store

NEW30, NEW100 = "bios-new30-short", "bios-new100-short"
LOG = {
    "losses": [2.0, 1.0], "response_tokens": 10, "tokens_per_second": 5.0, "padding": 0.25,
    "truncated": 1, "dropped": 0, "peak_memory": 1000, "notes": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def tuned(method="lora", dataset=NEW30, rate=0.003, seed=11, base=1, recipe=""):
    return TunedCell("bios1m", dataset, method, rate, Replicate(base, seed), recipe)


def publish(store, task, name, text):
    with store.writing(task) as folder:
        (folder / name).write_text(text, encoding="utf-8")


def publish_log(store, graph, cell, **changes):
    publish(store, graph.training(cell), TRAINING, json.dumps({**LOG, **changes}))


def graph_of(catalog, *cells):
    graph = Graph(catalog)
    for cell in cells:
        graph.training(cell)
    return graph


def test_cells_that_differ_in_rate_and_replicate_are_one_kind(catalog, store):
    cells = [tuned(rate=rate, seed=seed) for rate in (0.01, 0.003) for seed in (12, 11)]
    graph = graph_of(catalog, tuned("full"), *cells, tuned(dataset=NEW100))
    for cell in cells:
        publish_log(store, graph, cell, losses=[2.0, cell.rate])
    found = cells_of(graph.tasks.values(), catalog, store)
    assert [(one.method, one.dataset, one.rates, one.cells) for one in found] == [
        ("lora", NEW30, (0.003, 0.01), 4), ("full", NEW30, (0.003,), 1), ("lora", NEW100, (0.003,), 1),
    ]  # fmt: skip
    assert [(one.rate, one.cells, one.updates) for one in found[0].training] == [(0.003, 2, 2), (0.01, 2, 2)]
    assert [one.loss_last for one in found[0].training] == [pytest.approx((2 + rate) / 2) for rate in (0.003, 0.01)]
    assert found[1].training == ()


def test_the_order_of_the_tasks_changes_nothing(catalog, store):
    cells = [tuned(method, dataset) for method in ("full", "lora") for dataset in (NEW100, NEW30)]
    graph = graph_of(catalog, *cells)
    for number, cell in enumerate(cells):
        publish_log(store, graph, cell, losses=[2.0, number])
    tasks = list(graph.tasks.values())
    assert cells_of(tasks, catalog, store) == cells_of(reversed(tasks), catalog, store)


def test_the_settings_are_those_of_the_recipe_and_the_method(catalog, store):
    graph = graph_of(catalog, tuned(), tuned("full", recipe="facts"))
    lora, full = cells_of(graph.tasks.values(), catalog, store)
    assert lora.parameters == {"rank": 8, "alpha": 16, "targets": "all-linear"}
    assert (lora.recipe, full.recipe, full.recipe_title) == ("default", "facts", "questions about facts")
    declared = catalog.recipes["facts"].tuning
    assert set(full.settings) | {"micro_batch", "micro_tokens"} == set(TuningRecipe.model_fields)
    assert all(getattr(declared, name) == value for name, value in full.settings.items())
    assert (full.settings["epochs"], full.settings["cutoff"], full.settings["weight_decay"]) == (3, 256, 0.0)


def test_settings_that_no_recipe_of_the_catalog_has_are_named_own(catalog, store):
    graph, tuning = Graph(catalog), TuningRecipe(epochs=7)
    checkpoint = graph.checkpoint(tuned())
    spec = {**checkpoint.spec, "recipe": tuning}
    other = Task("checkpoint", spec, checkpoint.parents, place=checkpoint.place.model_copy(update={"recipe": tuning}))
    (found,) = cells_of([graph.tasks[checkpoint.parents[1]], other], catalog, store)
    assert (found.recipe, found.settings["epochs"]) == ("own", 7)


def test_no_limit_is_left_out_of_the_settings():
    assert "cutoff" not in settings_of(TuningRecipe())
    assert settings_of(TuningRecipe(cutoff=5))["cutoff"] == 5


def test_without_cells_there_is_nothing(catalog, store):
    graph = Graph(catalog)
    graph.base("bios1m", 1)
    assert cells_of(graph.tasks.values(), catalog, store) is None


@given(
    st.lists(
        st.fixed_dictionaries({
            "losses": st.lists(st.floats(0, 10), min_size=1, max_size=25), "response_tokens": st.integers(0, 10**6),
            "tokens_per_second": st.floats(0, 1e5), "padding": st.floats(0, 1), "truncated": st.integers(0, 99),
            "dropped": st.integers(0, 99), "peak_memory": st.integers(0, 10**12),
            "notes": st.lists(st.sampled_from("ab"), max_size=2),
        }),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_logs_together_against_a_plain_computation(logs):
    found = training_record(0.1, logs)
    ends = [sum(log["losses"][-10:]) / len(log["losses"][-10:]) for log in logs]
    assert found.loss_first == pytest.approx(mean(log["losses"][0] for log in logs))
    assert found.loss_last == pytest.approx(mean(ends))
    assert found.updates == sorted(len(log["losses"]) for log in logs)[0]
    assert abs(found.target_tokens - mean(log["response_tokens"] for log in logs)) <= 0.5
    assert found.tokens_per_second == pytest.approx(median(log["tokens_per_second"] for log in logs))
    assert found.padding == pytest.approx(mean(log["padding"] for log in logs))
    for name in ("truncated", "dropped", "peak_memory"):
        assert getattr(found, name) == sorted(log[name] for log in logs)[-1]
    assert set(found.notes) == {note for log in logs for note in log["notes"]}
    assert (found.cells, found.not_finite) == (len(logs), 0)


def test_a_loss_that_is_no_number_is_counted_and_in_no_mean():
    logs = [LOG, {**LOG, "losses": [2.0, math.nan]}, {**LOG, "losses": [math.inf, 1.0]}]
    found = training_record(0.1, logs)
    assert (found.loss_first, found.loss_last, found.not_finite) == (2.0, 1.5, 2)
    found = training_record(0.1, logs[1:])
    assert (found.loss_first, found.loss_last, found.not_finite) == (None, None, 2)


def test_a_log_that_says_less_leaves_the_rest_unknown():
    found = training_record(0.1, [{"losses": [1.0]}])
    assert (found.updates, found.loss_first) == (1, 1.0)
    assert (found.target_tokens, found.padding, found.truncated, found.peak_memory) == (None,) * 4
    assert training_record(0.1, [{"losses": []}, {}]) is None
    assert training_record(0.1, []) is None


def test_what_is_missing_or_damaged_is_left_out(catalog, store):
    cells = [tuned(seed=seed) for seed in (11, 12, 13)]
    graph = graph_of(catalog, *cells)
    for cell in cells[:2]:
        publish_log(store, graph, cell)
    (store.folder(graph.training(cells[0]).key) / TRAINING).write_text("{", encoding="utf-8")
    publish(store, graph.training(cells[2]), TRAINING, "no JSON")
    (found,) = cells_of(graph.tasks.values(), catalog, Store(store.root))
    assert (found.cells, [one.cells for one in found.training]) == (3, [1])
    assert (found.data.draws, found.data.loaded, found.data.overlaps) == ((), {}, ())


def test_rows_are_counted_and_named_by_the_hash_of_their_file(catalog, store):
    graph = graph_of(catalog, tuned(seed=12), tuned(seed=11), tuned(seed=11, rate=0.01))
    for seed, rows in ((1011, 2), (1012, 3)):
        items = [Item(id=str(number), instruction="?", response=f"{seed}\n{number}") for number in range(rows)]
        with store.writing(graph.corpus(NEW30, seed, "bios1m")) as folder:
            write_lines(folder / ITEMS, items)
    (found,) = cells_of(graph.tasks.values(), catalog, store)
    assert [(one.seed, one.rows) for one in found.data.draws] == [(1011, 2), (1012, 3)]
    for one in found.data.draws:
        path = store.folder(graph.corpus(NEW30, one.seed, "bios1m").key) / ITEMS
        assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.data.files == ()


def from_files(catalog, store):
    """A cell on data from files, its corpus with a report, and what a probe shares with it."""
    graph = graph_of(catalog, tuned())
    checkpoint = graph.checkpoint(tuned())
    corpus = Task("corpus", {"dataset": NEW30, "seed": 1011, "files": ["ab" * 32], "rows": 1})
    of_files = Task("checkpoint", checkpoint.spec, (checkpoint.parents[0], corpus.key), place=checkpoint.place)
    probe = Task("probe", {"probe": "just-eval"})
    shared = Task("measure", {"measure": "overlap", "n": 13}, (corpus.key, probe.key))
    with store.writing(corpus) as folder:
        write_lines(folder / ITEMS, [Item(id="1", instruction="?", response="!")])
        (folder / REPORT).write_text('{"rows": 3, "kept": 1, "empty_responses": 2}', encoding="utf-8")
    columns = {EXACT: (1.0, 0.0, 0.0), SHARE: (1.0, 0.5, 0.0)}
    with store.writing(shared) as folder:
        write_table(folder / TABLE, Table(prompts=("a", "b", "c"), units=("a", "b", "c"), columns=columns))
    return [graph.tasks[checkpoint.parents[0]], corpus, of_files, probe, shared]


def test_data_from_files_say_what_was_found_and_what_a_probe_shares(catalog, store):
    (found,) = cells_of(from_files(catalog, store), catalog, store)
    assert found.data.files == ("ab" * 32,)
    assert found.data.loaded == {"rows": 3, "kept": 1, "empty_responses": 2}
    assert found.data.overlaps == (OverlapRecord(probe="just-eval", prompts=3, exact=1, shared=1, ngram=13),)
    assert [one.rows for one in found.data.draws] == [1]


def test_a_damaged_table_of_overlap_hides_nothing_else(catalog, store):
    tasks = from_files(catalog, store)
    (store.folder(tasks[-1].key) / TABLE).write_text("{", encoding="utf-8")
    (found,) = cells_of(tasks, catalog, Store(store.root))
    assert found.data.overlaps == ()
    assert found.data.loaded["rows"] == 3
