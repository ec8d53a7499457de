"""The bases that ship: their files, their world, what they know; and, slowly, that they can be made again."""

import pytest

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.bios.gates import OFTEN, RARELY, gates
from itl_bench.data.bios.shipped import folder_of, shipped_bases
from itl_bench.data.bios.tokens import make_tokenizer, vocabulary
from itl_bench.data.bios.world import build_world
from itl_bench.errors import UsageError
from itl_bench.files import sha256
from itl_bench.stages.loading import load_model, load_tokenizer
from itl_bench.stages.training.bases import make_base, measure_recall

NUMBERS = [base.number for base in shipped_bases().bases]
WORLD = build_world(shipped_bases().world)


def test_the_bases_are_of_one_world_with_different_seeds():
    declared = {number for table in load_catalog().cells.values() for number in table.bases}
    assert declared == set(NUMBERS)
    recipes = [base.recipe for base in shipped_bases().bases]
    assert len({recipe.seed for recipe in recipes}) == len(NUMBERS) == len(set(NUMBERS))
    assert len({recipe.model_copy(update={"seed": 0}) for recipe in recipes}) == 1
    with pytest.raises(UsageError, match="no base number 99"):
        shipped_bases().base(99)


@pytest.mark.parametrize("number", NUMBERS)
def test_files_are_those_of_the_manifest(number):
    base = shipped_bases().base(number)
    files = {path.name: sha256(path) for path in folder_of(number).iterdir()}
    assert files == base.files


@pytest.mark.parametrize("number", NUMBERS)
def test_gates_were_passed(number):
    base = shipped_bases().base(number)
    assert base.passed
    assert base.recall["known"] >= OFTEN
    assert RARELY[0] <= base.recall["rarely"] <= RARELY[1]
    assert all(gate.passed for gate in gates(WORLD, base.recall, {"new": 600}))


@pytest.mark.parametrize("number", NUMBERS)
def test_the_tokenizer_is_that_of_the_world_as_it_is_generated_today(number):
    """Were the generator to move, prompts would no longer be about what the bases have read."""
    assert load_tokenizer(folder_of(number)).get_vocab() == make_tokenizer(WORLD).get_vocab()


@pytest.mark.parametrize("number", NUMBERS)
def test_about_a_million_parameters(number):
    model = load_model(folder_of(number))
    assert model.num_parameters() == pytest.approx(1e6, rel=0.2)
    assert model.config.vocab_size == len(vocabulary(WORLD))
    assert model.config.tie_word_embeddings


@pytest.mark.parametrize("number", NUMBERS)
def test_embeddings_are_as_large_as_the_documents_say(number):
    weights = load_model(folder_of(number)).get_input_embeddings().weight
    assert float(weights.detach().square().mean().sqrt()) == pytest.approx(0.10, abs=0.01)


@pytest.mark.slow
def test_recall_is_what_the_manifest_says():
    number = NUMBERS[0]
    recall, _ = measure_recall(WORLD, folder_of(number), load_tokenizer(folder_of(number)))
    assert recall == pytest.approx(shipped_bases().base(number).recall, abs=0.01)  # other machines round otherwise


@pytest.mark.slow
def test_a_base_made_again_knows_as_much(tmp_path):
    base = shipped_bases().base(NUMBERS[0])
    again, _ = make_base(
        shipped_bases().world, base.recipe, 1, tmp_path / "base", tmp_path / "state", lambda step, loss: None
    )
    assert again.recall["known"] == pytest.approx(base.recall["known"], abs=0.03)
    assert again.recall["new"] == pytest.approx(base.recall["new"], abs=0.03)
    assert again.recall["skill"] == pytest.approx(base.recall["skill"], abs=0.05)
