"""What a size of a dataset leaves for the choice of learning rates."""

import json

import pytest

from itl_bench.data.sources.loading import drawn, load_items
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError
from itl_bench.stages.corpus import held_out


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"q": f"q{n}", "a": f"a{n}"}) + "\n" for n in range(300)), encoding="utf-8")
    return load_items("mine", SourceSpec(path=str(path), fields={"instruction": "q", "output": "a"}))


@pytest.mark.parametrize(("rows", "left"), [(50, 200), (250, 50)])
def test_held_out_items_are_none_that_are_tuned_on(loaded, rows, left):
    taken, rest = ({item.id for item in some(loaded, rows, seed=3)} for some in (drawn, held_out))
    assert (len(taken), len(rest)) == (rows, left)
    assert taken.isdisjoint(rest)
    assert rest <= {item.id for item in loaded.items}


def test_held_out_items_ask_nothing_that_is_tuned_on_whatever_their_ids_and_spelling(tmp_path):
    path = tmp_path / "rows.jsonl"
    spellings = ["Caf\u00e9 {}", "cafe\u0301  {}", "CAF\u00c9 {}"]
    rows = [{"q": spellings[n % 3].format(n // 3), "a": f"a{n}"} for n in range(300)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    loaded = load_items("mine", SourceSpec(path=str(path), fields={"instruction": "q", "output": "a"}))
    taken, rest = ([item.instruction.split()[1] for item in some(loaded, 20, seed=3)] for some in (drawn, held_out))
    assert len(rest) == len(set(rest)) == 100 - len(set(taken))
    assert set(rest).isdisjoint(taken)


def test_held_out_items_are_no_earlier_turn_of_what_is_tuned_on(tmp_path):
    path = tmp_path / "rows.jsonl"
    short = [[f"Question {n}", f"Answer {n}"] for n in range(60)]
    rows = [{"c": turns} for one in short for turns in (one, [*one, "And?", "More"])]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    loaded = load_items("mine", SourceSpec(path=str(path), fields={"messages": "c"}))
    trained = {one.instruction for item in drawn(loaded, 40, seed=3) for one in (*item.history, item)} - {"And?"}
    single = {item.instruction for item in held_out(loaded, 40, seed=3) if not item.history}
    assert single == {asked for asked, _ in short} - trained


def test_an_instruction_and_its_context_ask_the_same_in_one_field_or_in_two(tmp_path):
    path = tmp_path / "rows.jsonl"
    ways = [("Translate {}", ""), ("Translate", "{}"), ("Translate\n\n{}", ""), ("Translate\n{}", "")]
    rows = [{"q": q.format(n), "i": i.format(n), "a": "x"} for n in range(50) for q, i in ways]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    loaded = load_items("mine", SourceSpec(path=str(path), fields={"instruction": "q", "input": "i", "output": "a"}))
    taken, rest = (
        [f"{item.instruction} {item.context}".split()[1] for item in some(loaded, 20, seed=3)]
        for some in (drawn, held_out)
    )
    assert sorted(rest) == sorted({str(n) for n in range(50)} - set(taken))


def test_a_whole_dataset_holds_nothing_out(loaded):
    assert drawn(loaded, 295, seed=3) == loaded.items
    with pytest.raises(UsageError, match="holds none out at the size 295; sweep a smaller size"):
        held_out(loaded, 295, seed=3)
