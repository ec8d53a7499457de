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


def test_a_whole_dataset_holds_nothing_out(loaded):
    assert drawn(loaded, 295, seed=3) == loaded.items
    with pytest.raises(UsageError, match="holds none out at the size 295; sweep a smaller size"):
        held_out(loaded, 295, seed=3)
