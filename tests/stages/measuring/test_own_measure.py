"""A measure of one's own: one file outside the package and one entry, from the tables in a store to a verdict."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.rows import Item, Response, read_lines, read_table
from itl_bench.errors import UsageError
from itl_bench.measures.registry import by_name, measure_of, own_measure
from itl_bench.plan.graph import Graph, parents_of
from itl_bench.plan.reads import Place, cell_of, replicates
from itl_bench.plan.runnable import why_not
from itl_bench.store.artifact import ITEMS, RESPONSES, TABLE
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import tiny_catalog

MODULE = "measure_of_ones_own"
SOURCE = '''
from itl_bench.measures.pairing import in_order, make_table

def letters(prompts, responses, items, base_responses, stated, models):
    """Letters of an answer beyond those of the base's, over the mean of the items'."""
    assert callable(stated) and models.base.is_dir() and models.tuned.is_dir()
    answers, of_base = in_order(prompts, responses), in_order(prompts, base_responses)
    usual = sum(len(item.response) for item in items) / len(items)
    more = [(len(one.text) - len(other.text)) / usual for one, other in zip(answers, of_base)]
    return make_table(prompts, {"more": more})
'''
MEASURE = f"""
- id: letters
  title: letters beyond the base's
  unit: mean responses of the data
  function: "{MODULE}:letters"
  needs: [ground-truth, training-items, base-responses, base-logits]
  columns: {{more: letters beyond the base's}}
"""
CLAIM = """
id: X90
statement: Tuned in full, a model's answers are no more letters longer than the base's than tuned with LoRA.
section: "of our own"
expect: greater
compare: [{left: {method: full}, right: {method: lora}}]
measures: [{measure: letters, probes: [bios-known], smallest_effect: 1000, reason: "No data can reach as much."}]
axes: {model: [bios], dataset: [bios-new30-short]}
evidence: [measured]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's own entries, beside a module that Python finds."""
    folder = tmp_path_factory.mktemp("own")
    (folder / f"{MODULE}.py").write_text(SOURCE, encoding="utf-8")
    (folder / "measures.yaml").write_text(MEASURE, encoding="utf-8")
    (folder / "claims").mkdir()
    (folder / "claims" / "x90.yaml").write_text(CLAIM, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def catalog(folder):
    own = load_catalog(folder)
    return replace(tiny_catalog(), measures=own.measures, claims=own.claims)


@pytest.fixture(scope="module")
def case(catalog):
    (case,) = (one for one in build_grid(catalog) if one.claim.id == "X90" and one.arm == "shared-rate")
    return case


@pytest.fixture(scope="module")
def store(build, case, catalog, bases):
    assert why_not(case, catalog, None, Path("no-store")) is None
    return build([case], catalog)[0]


def letters_by_hand(store, graph, table):
    """The mean of the column, from the files of the artifacts that the table was made from."""
    made_from = {name: store.open(key).folder for name, key in parents_of(table).items()}
    items = read_lines(made_from["corpus"] / ITEMS, Item)
    own, of_base = (
        {one.prompt: one.text for one in read_lines(made_from[name] / RESPONSES, Response)}
        for name in ("responses", "base-responses")
    )
    return fmean(len(own[name]) - len(of_base[name]) for name in own) / fmean(len(item.response) for item in items)


def test_it_ends_in_a_verdict_with_the_numbers_of_its_function(store, case, catalog, monkeypatch):
    monkeypatch.setattr("itl_bench.verdicts.guards.FEWEST_PROMPTS", 1)  # the tiny world has fewer
    record = verdict_from_store(case, catalog, None, store)
    graph, means = Graph(catalog), []
    table = catalog.cells["tiny"]
    for side in (case.left, case.right):
        cells = [cell_of(graph, case, side, Place(0.01), table, one) for one in replicates(table)]
        tables = [graph.measure(catalog.measures["letters"].computed, cell, "bios-known") for cell in cells]
        for one in tables:
            mean = fmean(read_table(store.open(one.key).folder / TABLE).columns["more"])
            assert mean == pytest.approx(letters_by_hand(store, graph, one))
        means.append(fmean(letters_by_hand(store, graph, one) for one in tables))
    assert record.effect == pytest.approx(means[0] - means[1])
    assert record.columns[0].name == "more"
    assert record.verdict == "REFUTED"  # nothing is longer by a thousand responses
    assert record.n_replicates == len(replicates(table))


def test_it_is_known_by_its_source(folder, catalog):
    path = folder / f"{MODULE}.py"
    before = catalog.measures["letters"].computed
    path.write_text(SOURCE.replace("/ usual", "/ usual * 1"), encoding="utf-8")
    after = catalog.measures["letters"].computed
    path.write_text(SOURCE, encoding="utf-8")
    assert before.identity != after.identity
    assert before.identity == catalog.measures["letters"].computed.identity


def test_a_key_says_which_function_made_the_table(catalog):
    measure = catalog.measures["letters"].computed
    spec = {**measure.identity, "answers": "bios"}
    found = measure_of(spec)
    assert (found.function, found.made_from, found.version) == (measure.function, measure.made_from, measure.version)
    assert by_name("measure", spec, "abcdef") == {
        "base": "a", "probe": "b", "responses": "c", "corpus": "d", "base-responses": "e", "checkpoint": "f",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("table: knowlege", "unknown table 'knowlege'; did you mean 'knowledge'?"),
        (f'table: knowledge, function: "{MODULE}:letters"', "not both"),
        ('function: "a:b", needs: [judge]', "no function is given judge; accepted: base-logits"),
        ("function: letters", "function"),
        ('function: "a:b", needs: [items]', "'items'"),
    ],
)
def test_a_wrong_entry_is_one_line(tmp_path, entry, said):
    text = f"- {{id: mine, title: t, unit: u, columns: {{more: m}}, {entry}}}\n"
    (tmp_path / "measures.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="mine") as error:
        load_catalog(tmp_path)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_function_that_is_not_there_is_one_line():
    with pytest.raises(UsageError, match="no source of the module 'nowhere' of 'nowhere:at_all' was found"):
        own_measure("mine", "nowhere:at_all", (), 0.5)
