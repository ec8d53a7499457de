"""From a folder with a tiny model to its table, and the command."""

import hashlib
import string
import sys

import pytest

from itl_bench.cli import main
from itl_bench.data.atlas import facts
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.familiarity_table import read_familiarity
from itl_bench.data.atlas.few_shots import PROMPTS, FewShot
from itl_bench.errors import UsageError
from itl_bench.stages.familiarity.scoring import score
from itl_bench.stages.familiarity.stage import all_prompts, check_table, fingerprint, hashes, make_table, matcher
from itl_bench.stages.loading import load_model, load_tokenizer
from tests.helpers.tiny_reader import letters_tokenizer, llama

LETTERS = "".join(sorted({*string.printable.replace("\r", "").replace("\x0b", "").replace("\x0c", "")}))


@pytest.fixture(scope="module")
def atlas():
    """Some elements and capitals of the shipped facts."""
    whole = load_atlas()
    relations = tuple(relation for relation in whole.relations if relation.id in ("capital", "symbol"))
    some = [fact for one in relations for fact in [fact for fact in whole.facts if fact.relation == one.id][:20]]
    return whole.model_copy(update={"relations": relations, "facts": tuple(some)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a tiny random model."""
    folder, tokenizer = tmp_path_factory.mktemp("model"), letters_tokenizer(LETTERS)
    llama(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def table(folder, atlas):
    return make_table(folder, atlas, seed=3)


def test_table(table, atlas, folder):
    assert [row.fact for row in table.rows] == [fact.id for fact in atlas.facts]
    assert {row.familiarity for row in table.rows} == {"unknown"}  # a random model writes no names
    assert all(len(row.sampled) == PROMPTS for row in table.rows)
    assert (table.provenance.seed, table.provenance.atlas) == (3, atlas.version)
    assert {"torch", "transformers"} <= {*table.provenance.made_with}
    expected = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert table.provenance.files["model.safetensors"] == expected
    assert {*table.provenance.files} == {"model.safetensors", "tokenizer.json"}


def test_scores_are_those_of_the_fact(table, atlas, folder):
    prompts = all_prompts(atlas, seed=3)["symbol/H"]
    scores = score(load_model(folder), load_tokenizer(folder), prompts, matcher(atlas))
    [row] = [row for row in table.rows if row.fact == "symbol/H"]
    assert row.relation == "symbol"
    assert row.sampled == pytest.approx([one.sampled for one in scores], rel=1e-3)
    assert min(row.sampled) > 0


def test_check(table, atlas, folder):
    found = check_table(folder, atlas, table, facts=3)
    assert found.facts == 3
    assert found.absolute < 0.01
    with pytest.raises(UsageError, match="41 facts are to be checked; the table has 40"):
        check_table(folder, atlas, table, facts=41)


def test_fingerprint_knows_facts_and_seed(atlas):
    def of(some, seed):
        return fingerprint([prompt for prompts in all_prompts(some, seed).values() for prompt in prompts])

    renamed = atlas.facts[0].model_copy(update={"answers": ("Elsewhere",)})
    other = atlas.model_copy(update={"facts": (renamed, *atlas.facts[1:])})
    assert of(atlas, 1) == of(atlas, 1)
    assert len({of(atlas, 1), of(atlas, 2), of(other, 1)}) == 3


@pytest.mark.parametrize(
    ("fact", "text", "right"),
    [
        ("capital/FR", " Paris", True), ("capital/FR", " paris.", True), ("capital/FR", " Lyon", False),
        ("capital/FR", "", False), ("capital/FR", " Paris or Rome", False), ("symbol/He", " He", True),
        ("symbol/He", " Ne", False),
    ],
)  # fmt: skip
def test_matcher(fact, text, right):
    whole = load_atlas()
    known = {one.id: one for one in whole.facts}
    assert matcher(whole)(FewShot(fact, "", "", known[fact].answers), text) is right


def test_no_weights(tmp_path):
    with pytest.raises(UsageError, match=r"holds no \*.safetensors"):
        hashes(tmp_path)


def run_command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["itl-bench", "atlas", "familiarity", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_command(folder, atlas, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(facts, "load_atlas", lambda: atlas)
    assert not run_command(monkeypatch, folder, "--to", tmp_path / "table.jsonl", "--check", 2)
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["relation", "highly-known", "maybe-known", "weakly-known", "unknown", "all"]
    assert out[3].split() == ["all", "0", "0", "0", "40", "40"]
    assert out[4].startswith("40 facts in ")
    assert out[5].startswith("2 facts: correlation ")
    assert len(read_familiarity(tmp_path / "table.jsonl").rows) == 40


def test_command_with_a_folder_that_holds_no_model(tmp_path, monkeypatch, capsys):
    assert run_command(monkeypatch, tmp_path, "--to", tmp_path / "table.jsonl") == 2
    assert capsys.readouterr().err.startswith(f"ERROR: {tmp_path} holds no *.safetensors")
    assert not (tmp_path / "table.jsonl").exists()
