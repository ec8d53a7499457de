"""Prompts that tuning data hold already, from two files to the last words of a verdict's reason."""

import io
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios import shipped
from itl_bench.data.bios.shipped import MANIFEST, Bases, Recipe, ShippedBase
from itl_bench.data.bios.world import WorldSpec
from itl_bench.data.rows import Item, Prompt, Table, read_table, write_lines, write_table
from itl_bench.data.sources.overlap import in_words
from itl_bench.machine.this_machine import Machine
from itl_bench.plan.cells import Replicate
from itl_bench.plan.graph import Graph, parents_of
from itl_bench.plan.overlaps import Found, found_in, in_plan
from itl_bench.plan.reads import read_by, tasks_of
from itl_bench.plan.table import SEE_OVERLAPS, Builds, print_plan
from itl_bench.stages.corpus import build_corpus, build_probe
from itl_bench.stages.measuring.table import build_measure
from itl_bench.store.artifact import ITEMS, PROMPTS, TABLE, TRAINING
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.measured_tables import answers

LONG = "write a long letter to the mayor about the noise of the harbour at night"  # 15 words
ASKED = ["How are you?", LONG, "Who was first?", f"Dear all, {LONG}!"]  # the last two are asked of nobody word for word
TUNED = ["how ARE you", f"Please {LONG}.", "Add the numbers."]

DATASETS = """
- name: mine
  title: mine
  family: mine
  levels: [bios]
  source: a file
  mean_tokens: 30
  probes: [bios-known]
  rows: 3
  rows_from: [{path: TUNED, fields: {instruction: q, output: a}}]
- name: many
  title: many
  family: many
  levels: [paper]
  source: a file
  mean_tokens: 30
  probes: [just-eval]
  sizes: {1k: 1, 2k: 2, 3k: 3}
  rows_from: [{path: TUNED, fields: {instruction: q, output: a}}]
"""
PROBES = """
- {id: bios-known, title: mine, levels: [bios], prompts: 4, rows_from: [{path: ASKED, fields: {instruction: q}}]}
- {id: just-eval, title: mine, levels: [paper], prompts: 4, rows_from: [{path: ASKED, fields: {instruction: q}}]}
"""
CELLS = """
- id: embedded
  profile: embedded
  model: bios1m
  arm: shared-rate
  bases: [1, 2]
  seeds: [1]
  headline: 0.003
  reason: small
  cells:
    - {datasets: [mine, bios-new30-short], methods: [lora, full], rates: [0.001, 0.003]}
"""
CASE = "C10b-measured-bios1m-mine-lora-vs-full-bios-known-knowledge-shared-rate"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A catalog with datasets and probes of small files, and a manifest of two bases without weights."""
    paths = {"TUNED": tmp_path / "tuned.jsonl", "ASKED": tmp_path / "asked.jsonl"}
    paths["TUNED"].write_text("".join(json.dumps({"q": text, "a": "so"}) + "\n" for text in TUNED), encoding="utf-8")
    paths["ASKED"].write_text("".join(json.dumps({"q": text}) + "\n" for text in ASKED), encoding="utf-8")
    folder = tmp_path / "own"
    folder.mkdir()
    for name, text in (("datasets", DATASETS), ("probes", PROBES), ("cells", CELLS)):
        for word, path in paths.items():
            text = text.replace(word, json.dumps(str(path)))
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    bases = [
        ShippedBase(number=n, recipe=Recipe(seed=n), files={}, recall={}, familiarity={}, passed=True, made_with={})
        for n in (1, 2)
    ]
    (tmp_path / MANIFEST).write_text(Bases(world=WorldSpec(seed=1), bases=bases).model_dump_json(), encoding="utf-8")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    shipped.shipped_bases.cache_clear()
    yield load_catalog(folder)
    shipped.shipped_bases.cache_clear()


def overlaps(tasks):
    return [task for task in tasks if task.spec.get("measure") == "overlap"]


def test_the_table_of_two_files_by_hand(tmp_path):
    parents = {name: SimpleNamespace(folder=tmp_path / name) for name in ("corpus", "probe")}
    for parent in parents.values():
        parent.folder.mkdir()
    items = [Item(id=f"d-{number}", instruction=text, response="so") for number, text in enumerate(TUNED)]
    prompts = [Prompt(id=f"p-{number}", unit=f"u-{number % 2}", instruction=text) for number, text in enumerate(ASKED)]
    write_lines(parents["corpus"].folder / ITEMS, items)
    write_lines(parents["probe"].folder / PROMPTS, prompts)
    build_measure(Task("measure", {"measure": "overlap", "version": 2, "n": 13}), parents, tmp_path)
    table = read_table(tmp_path / TABLE)
    assert table.prompts == ("p-0", "p-1", "p-2", "p-3")
    assert table.units == ("u-0", "u-1", "u-0", "u-1")
    assert table.columns == {"exact": (1, 0, 0, 0), "share": (None, 1, None, 3 / 5)}  # 15 and 17 words
    assert table.facts == {"prompts": 4, "exact": 1, "ngram": 2, "found": 3, "too_short": 2}


def test_only_data_and_prompts_from_elsewhere_are_compared(own):
    graph = Graph(own)
    task = graph.overlap("mine", 1001, "bios1m", "bios-known")
    corpus, probe = (graph.tasks[key] for key in task.parents)
    assert (task.kind, task.spec) == ("measure", {"measure": "overlap", "version": 2, "n": 13})
    assert (corpus.kind, corpus.spec["dataset"], corpus.spec["seed"]) == ("corpus", "mine", 1001)
    assert (probe.kind, probe.spec["probe"]) == ("probe", "bios-known")
    assert graph.overlap("mine", 1001, "llama7b", "bios-known") == task  # what is compared depends on no model
    before = dict(graph.tasks)
    pairs = ("mine", "bios-taught"), ("bios-new30-short", "bios-known"), ("bios-new30-short", "bios-taught")
    assert [graph.overlap(dataset, 1001, "bios1m", name) for dataset, name in pairs] == [None] * 3
    assert graph.tasks == before


def test_cases_of_worlds_read_no_overlap():
    catalog = load_catalog()
    embedded = find_profile(catalog, "embedded")
    cases = [case for case in build_grid(catalog) if in_profile(case, embedded, catalog) and case.level == "bios"]
    measured = [
        case for case in cases if case.evidence == "measured" and catalog.measures[case.measure.measure].computed
    ]
    tasks, targets = tasks_of(measured, catalog, embedded)
    assert targets
    assert overlaps(tasks) == []


def test_a_trend_over_sizes_looks_into_every_corpus(own):
    name = "C03-measured-llama7b-many-sizes-lora-just-eval-token-shift-shared-rate"
    case = next(case for case in build_grid(own) if case.id == name)
    graph, table = Graph(own), cell_table(case, own, find_profile(own, "paper"))
    found = overlaps({task.key: task for task in read_by(graph, case, table)}.values())
    corpora = [graph.tasks[parents_of(task)["corpus"]].spec for task in found]
    expected = {
        (f"many-{size}", 1000 * base + seed)
        for size in ("1k", "2k", "3k")
        for base in table.bases
        for seed in table.seeds
    }
    assert sorted((spec["dataset"], spec["seed"]) for spec in corpora) == sorted(expected)


def written(store, task, write):
    with store.writing(task) as folder:
        write(folder)


def store_of(graph, case, root):
    """What the verdict reads: invented answers, and what is really made of the two files."""
    store = Store(root)
    tables = iter([*answers(1).values(), *answers(2).values()] * 2)
    for task in {task.key: task for task in read_by(graph, case, cell_table(case, graph.catalog, None))}.values():
        if overlaps([task]):
            parents = [graph.tasks[key] for key in task.parents]
            for parent, build in zip(parents, (build_corpus, build_probe), strict=True):
                if not store.has(parent.key):
                    written(store, parent, lambda folder, build=build, parent=parent: build(parent, {}, folder))
            made = {name: store.open(key) for name, key in parents_of(task).items()}
            written(store, task, lambda folder, made=made, task=task: build_measure(task, made, folder))
        elif task.spec["measure"] == "training":
            text = json.dumps({"losses": [4.0, 0.5], "tokens": 1, "padding": 0.0})
            written(store, task, lambda folder, text=text: (folder / TRAINING).write_text(text, encoding="utf-8"))
        else:
            table = next(tables)
            written(store, task, lambda folder, table=table: write_table(folder / TABLE, table))
    return store


def test_the_reason_of_a_verdict_ends_with_what_is_found(own, tmp_path):
    cases = {case.id: case for case in build_grid(own)}
    graph = Graph(own)
    store = store_of(graph, cases[CASE], tmp_path / "store")
    record = verdict_from_store(cases[CASE], own, None, store)
    said = "; 1 of 4 prompts of bios-known is in mine word for word, 2 more share 13 words in a row with it"
    assert record.reason.endswith(said)
    assert record.reason.count("word for word") == 1  # once for both methods, rates and replicates
    of_both = {task.key for task in overlaps(graph.tasks.values())}
    assert len(of_both) == 2  # a corpus for each of the two seeds
    assert of_both < set(record.artifacts)


def test_a_reason_says_nothing_where_nothing_is_found(own, tmp_path):
    (tmp_path / "asked.jsonl").write_text('{"q": "Something else?"}\n', encoding="utf-8")
    case = next(case for case in build_grid(own) if case.id == CASE)
    graph = Graph(own)
    store = store_of(graph, case, tmp_path / "store")
    assert "word for word" not in verdict_from_store(case, own, None, store).reason
    found = in_plan(overlaps(graph.tasks.values()), graph.tasks, store)
    assert found == ["0 of 1 prompts of bios-known are in mine word for word"]


VALUES = st.lists(st.tuples(st.booleans(), st.sampled_from([None, 0.0, 0.5])), min_size=4, max_size=4)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_replicates_together_against_a_plain_loop(tmp_path_factory, replicates):
    store = Store(tmp_path_factory.mktemp("store"))
    probe, by_key, tasks = Task("probe", {"probe": "p"}), {}, []
    for seed, values in enumerate(replicates):
        corpus = Task("corpus", {"dataset": "d", "seed": seed})
        task = Task("measure", {"measure": "overlap", "n": 13}, (corpus.key, probe.key))
        columns = {"exact": tuple(float(exact) for exact, _ in values), "share": tuple(share for _, share in values)}
        table = Table(prompts=tuple("abcd"), units=tuple("abcd"), columns=columns)
        with store.writing(task) as folder:
            write_table(folder / TABLE, table)
        by_key |= {corpus.key: corpus, probe.key: probe}
        tasks.append(task)
    exact = [any(values[row][0] for values in replicates) for row in range(4)]
    shared = [any(values[row][1] for values in replicates) and not exact[row] for row in range(4)]
    alike = len({tuple((exact, bool(share)) for exact, share in values) for values in replicates}) == 1
    other = Task("measure", {"measure": "training"})
    found = found_in([*tasks, other], by_key, store)
    assert found == [Found("d", "p", 4, sum(exact), sum(shared), 13, alike)]
    assert found[0].in_words().endswith("(all replicates together)") != alike


@pytest.mark.parametrize(
    ("exact", "shared", "expected"),
    [
        (1, 3, "1 of 1,200 prompts of p is in d word for word, 3 more share 13 words in a row with it"),
        (2, 1, "2 of 1,200 prompts of p are in d word for word, 1 more shares 13 words in a row with it"),
        (0, 2, "0 of 1,200 prompts of p are in d word for word, 2 share 13 words in a row with it"),
        (1, 0, "1 of 1,200 prompts of p is in d word for word"),
    ],
)
def test_in_words(exact, shared, expected):
    assert in_words("p", "d", 1200, exact, shared) == expected


def planned(own, has, **more):
    cases = [case for case in build_grid(own) if case.id == CASE]
    stream, builds = io.StringIO(), Builds(lambda some: tasks_of(some, own, None), has, **more)
    print_plan(cases, own, lambda case: True, builds, 1000.0, Console(file=stream), Machine(cores=2, ram_gb=16.0))
    return stream.getvalue().splitlines()


def test_a_plan_ends_with_the_overlaps_that_are_known(own, tmp_path):
    graph = Graph(own)
    one, two = (graph.overlap("mine", Replicate(base, 1).tuning_seed, "bios1m", "bios-known") for base in (1, 2))
    assert planned(own, lambda key: False)[-1] == SEE_OVERLAPS
    for there in ({one.key}, {one.key, two.key}):
        lines = planned(own, there.__contains__)
        assert lines[-2:] == ["bios-known and mine: overlap in the store", SEE_OVERLAPS]
        assert sum("overlap" in line for line in lines) == 2
    case = next(case for case in build_grid(own) if case.id == CASE)
    store = store_of(graph, case, tmp_path / "store")
    lines = planned(own, store.has, overlaps=lambda tasks, by_key: in_plan(tasks, by_key, store))
    said = "1 of 4 prompts of bios-known is in mine word for word, 2 more share 13 words in a row with it"
    assert lines[-2:] == [said, SEE_OVERLAPS]
    (store.folder(one.key) / TABLE).write_text("damaged", encoding="utf-8")
    assert in_plan([one], graph.tasks, Store(store.root)) == []


def test_a_plan_of_worlds_says_nothing_of_overlaps():
    catalog = load_catalog()
    cases = [case for case in build_grid(catalog) if case.id == CASE.replace("mine", "bios-new30-short")]
    builds = Builds(lambda some: tasks_of(some, catalog, None), lambda key: True)
    build = builds.of(cases, catalog, Machine(cores=2, ram_gb=16.0))
    assert build.artifacts
    assert build.overlaps == ()
