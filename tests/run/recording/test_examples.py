"""Example answers: the rule on made-up answers, and what of it is in a store."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios.answers import stated
from itl_bench.data.rows import AnswerTokens, Candidate, Fact, Item, Prompt, Response, write_lines
from itl_bench.measures.borrowing import borrowing
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.run.building import Work
from itl_bench.run.controller import Controller
from itl_bench.run.recording.examples import ExampleCell, chosen, example_cells, examples_of
from itl_bench.run.recording.recorder import Behind, Recorder
from itl_bench.store.artifact import ITEMS, PROMPTS, RESPONSES, TOKENS
from itl_bench.store.store import Store

HOBBIES = ("chess", "rowing", "origami", "fencing")
NEW30 = "bios-new30-short"


def ask(name, truth="chess", similar=("Ann",)):
    fact = Fact(subject=f"of {name}", attribute="hobby", value=truth)
    return Prompt(id=name, unit=name, instruction=f"Which hobby, {name}?", fact=fact, similar=similar)


def answer(name, text):
    return Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text)


def item(number, subject, value, attribute="hobby"):
    fact = Fact(subject=subject, attribute=attribute, value=value)
    return Item(id=str(number), instruction="?", response=f"{number}: {subject} likes {value}", facts=(fact,))


def kept(name, text):
    return AnswerTokens(prompt=name, tokens=tuple(text.split()), ranks=tuple(range(1, len(text.split()) + 1)))


ITEMS_ABOUT = [
    item(0, "Bob", "origami"),
    item(1, "Ann", "rowing", attribute="profession"),
    item(2, "Ann", "rowing"),
    item(3, "Ann", "rowing"),
]
TEXTS = {
    "p0": "fencing", "p1": "chess", "p2": "rowing", "p3": "I do not know", "p4": "", "p5": "chess or rowing",
    "p6": "chess", "p7": "chess", "p8": "rowing", "p9": "origami", "q0": "fencing", "q1": "chess",
}  # fmt: skip


def by_rule(texts=TEXTS, shown=None, items=ITEMS_ABOUT, prompts=None):
    prompts = prompts or [ask(name) for name in texts]
    tokens = [kept(name, texts[name]) for name in shown or texts]
    return chosen("a cell", tokens, prompts, [answer(name, text) for name, text in texts.items()], items, stated)


def names(examples):
    return [one.instruction.split()[-1].rstrip("?") for one in examples]


def test_two_right_two_borrowed_and_two_other_wrong_answers():
    assert names(by_rule()) == ["p1", "p6", "p2", "p5", "p0", "p9"]


def test_an_example_says_what_was_right_and_where_the_wrong_value_is_from():
    examples = dict(zip(names(by_rule()), by_rule(), strict=True))
    assert (examples["p1"].expected, examples["p1"].wrong, examples["p1"].source) == ("chess", (), None)
    assert (examples["p5"].wrong, examples["p5"].source) == (("rowing",), "2: Ann likes rowing")
    assert (examples["p9"].wrong, examples["p9"].source) == (("origami",), None)
    assert (examples["p5"].tokens, examples["p5"].ranks) == (("chess", "or", "rowing"), (1, 2, 3))
    assert {one.cell for one in examples.values()} == {"a cell"}


def test_only_answers_kept_token_by_token_are_chosen():
    assert names(by_rule(shown=["p9", "p8", "p7", "p3"])) == ["p7", "p8", "p9"]


def test_prompts_without_a_right_answer_are_no_examples():
    prompts = [ask("p1"), ask("p6").model_copy(update={"fact": None})]
    assert names(by_rule({"p1": "chess", "p6": "chess"}, prompts=prompts)) == ["p1"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*HOBBIES, "nothing"]), max_size=3), min_size=1, max_size=12),
    st.fixed_dictionaries({name: st.sampled_from(HOBBIES) for name in ("Ann", "Bob", "Eve")}),
    st.lists(st.sampled_from(["Ann", "Bob", "Eve"]), max_size=6),
)
def test_borrowed_answers_are_those_of_the_measure(answers, likes, taught):
    """The measure of borrowing looks values up in its own way."""
    texts = {f"p{number}": " ".join(words) for number, words in enumerate(answers)}
    items = [item(number, name, likes[name]) for number, name in enumerate(taught)]
    prompts = [ask(name, similar=("Ann", "Eve")) for name in texts]
    candidates = tuple(Candidate(subject=name, value=likes[name], group="g") for name in ("Ann", "Eve"))
    drawn = [prompt.model_copy(update={"candidates": candidates}) for prompt in prompts]
    table = borrowing(drawn, [answer(*pair) for pair in texts.items()], items, stated, seed=0).columns
    rows = list(zip(texts, table["borrowed"], table["wrong"], strict=True))
    expected = [name for name, text in texts.items() if set(text.split()) & set(HOBBIES) == {"chess"}][:2]
    expected += [name for name, borrowed, _ in rows if borrowed][:2]
    expected += [name for name, borrowed, wrong in rows if wrong and not borrowed][:2]
    assert names(by_rule(texts, items=items, prompts=prompts)) == expected


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


EMBEDDED = load_catalog().cells["embedded"]
FIRST = Replicate(EMBEDDED.bases[0], EMBEDDED.seeds[0])
OTHER = Replicate(EMBEDDED.bases[1], EMBEDDED.seeds[0])


def cell_of(method):
    return TunedCell("bios1m", NEW30, method, 0.003, FIRST)


@pytest.fixture
def graph(catalog):
    """What verdicts would read: the shift of two methods, and tables that are no examples."""
    graph = Graph(catalog)
    for method in ("lora", "full"):
        graph.measure(OF_ANSWERS["shift"], cell_of(method), "bios-known")
        graph.measure(OF_ANSWERS["shift"], cell_of(method), "bios-skill")
        graph.measure(OF_ANSWERS["knowledge"], cell_of(method), "bios-known")
        graph.measure(OF_ANSWERS["shift"], cell_of(method)._replace(replicate=OTHER), "bios-known")
    return graph


def publish(store, graph, method, text):
    """Put one cell's artifacts into a store; returns the shift's task."""
    cell = cell_of(method)
    base, probe = graph.base("bios1m", FIRST.base), graph.probe("bios-known", NEW30)
    files = {
        graph.measure(OF_ANSWERS["shift"], cell, "bios-known"): (TOKENS, [kept("p", text)]),
        probe: (PROMPTS, [ask("p")]),
        graph.responses(base, probe, graph.checkpoint(cell)): (RESPONSES, [answer("p", text)]),
        graph.corpus(NEW30, FIRST.tuning_seed): (ITEMS, ITEMS_ABOUT),
    }
    for task, (name, lines) in files.items():
        with store.writing(task) as folder:
            write_lines(folder / name, lines)
    return graph.measure(OF_ANSWERS["shift"], cell, "bios-known")


def test_methods_come_in_the_order_of_the_table(catalog):
    expected = [
        ExampleCell("bios1m", NEW30, method, 0.003, FIRST.base, FIRST.tuning_seed)
        for method in ("lora", "full", "full-neftune")
    ]
    assert example_cells(catalog, None) == expected
    assert example_cells(catalog, catalog.profiles["published"]) == []


def test_examples_are_read_from_the_store(catalog, graph, tmp_path):
    store = Store(tmp_path / "store")
    for method, text in (("full", "rowing"), ("lora", "chess")):
        publish(store, graph, method, text)
    before = store.keys()
    examples = examples_of(graph.tasks.values(), catalog, None, store)
    assert [one.cell for one in examples] == [
        f"{method} on {NEW30} at learning rate 0.003, base {FIRST.base}, seed {FIRST.tuning_seed}"
        for method in ("lora", "full")
    ]
    assert [(one.wrong, one.source) for one in examples] == [((), None), (("rowing",), "2: Ann likes rowing")]
    assert store.keys() == before


def test_without_artifacts_there_are_no_examples(catalog, graph, tmp_path):
    store = Store(tmp_path / "store")
    assert examples_of(graph.tasks.values(), catalog, None, store) is None
    publish(store, graph, "lora", "chess")
    assert examples_of([], catalog, None, store) is None
    assert len(examples_of(graph.tasks.values(), catalog, None, store)) == 1
    assert examples_of(graph.tasks.values(), catalog, catalog.profiles["published"], store) is None


def test_answers_that_are_all_refusals_give_none_to_show(catalog, graph, tmp_path):
    store = Store(tmp_path / "store")
    publish(store, graph, "lora", "I do not know")
    assert examples_of(graph.tasks.values(), catalog, None, store) == ()


def test_a_damaged_cell_is_left_out(catalog, graph, tmp_path):
    store = Store(tmp_path / "store")
    publish(store, graph, "full", "rowing")
    shift = publish(store, graph, "lora", "chess")
    (store.folder(shift.key) / TOKENS).write_text("{", encoding="utf-8")
    examples = examples_of(graph.tasks.values(), catalog, None, Store(tmp_path / "store"))
    assert [one.cell.split()[0] for one in examples] == ["full"]


def controller(catalog, graph, store, verdict):
    """What the controller needs for this, with the verdict on one measured case."""
    cases = [case for case in build_grid(catalog) if case.evidence == "measured" and case.level == "bios"][:1]
    recorder = Recorder(catalog, cases, {})
    recorder.cases = {case.id: SimpleNamespace(id=case.id, verdict=verdict, left=None) for case in cases}
    state = SimpleNamespace(cases=cases, catalog=catalog, profile=None, store=store)
    work = Work(tuple(graph.tasks.values()), tuple(graph.tasks))
    return SimpleNamespace(state=state, recorder=recorder, _work=lambda cases, catalog: work)


def test_the_record_has_examples_where_measured_cases_were_decided(catalog, graph, tmp_path):
    store = Store(tmp_path / "store")
    publish(store, graph, "lora", "chess")
    behind = Controller._measured(controller(catalog, graph, store, "SUPPORTED"))
    assert {one.kind for one in behind.artifacts} == {"measure", "probe", "responses", "corpus"}
    assert Recorder(catalog, [], {}).record(behind).examples == behind.examples
    assert len(behind.examples) == 1
    assert Controller._measured(controller(catalog, graph, store, None)) == Behind()
