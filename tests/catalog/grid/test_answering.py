"""Which engine a case is answered by: the run's wish, then the recipe's, then the profile's; one for both sides."""

from dataclasses import replace
from functools import cache

import pytest

from itl_bench.catalog.grid.answering import answering, resolved
from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid, find_profile, in_profile
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.serving import TRANSFORMERS, Answering, Serving
from itl_bench.run.serving import decided

HERE = Serving(auto="vllm", batch_invariant=True)


@cache
def shipped():
    return load_catalog()


def a_case(profile, level):
    """The first measured case of a profile and level, with its table."""
    spec = find_profile(shipped(), profile)
    chosen = (case for case in build_grid(shipped()) if (case.evidence, case.level) == ("measured", level))
    found = ((case, cell_table(case, shipped(), spec)) for case in chosen if in_profile(case, spec, shipped()))
    return next((case, table) for case, table in found if table)


def with_backends(profile=None, recipe=None, **serving):
    catalog = shipped()
    profiles = {
        name: one.model_copy(update={"backend": profile or one.backend}) for name, one in catalog.profiles.items()
    }
    recipes = {name: one.model_copy(update={"backend": recipe}) for name, one in catalog.recipes.items()}
    return replace(catalog, profiles=profiles, recipes=recipes, serving=HERE.model_copy(update=serving))


@pytest.mark.parametrize(
    ("asked", "recipe", "profile", "engine"),
    [
        (None, None, None, "hf"),
        (None, None, "vllm", "vllm"),
        (None, "hf", "vllm", "hf"),
        (None, "vllm", "hf", "vllm"),
        ("hf", "vllm", "vllm", "hf"),
        ("vllm", "hf", "hf", "vllm"),
        ("auto", None, None, "vllm"),
    ],
)
def test_the_run_goes_before_the_recipe_and_that_before_the_profile(asked, recipe, profile, engine):
    case, table = a_case("small", "small")
    assert answering(case, table, with_backends(profile, recipe, asked=asked)).engine == engine


def test_the_paper_asks_for_what_the_machine_has():
    case, table = a_case("paper", "paper")
    assert answering(case, table, shipped()) == TRANSFORMERS
    there = replace(shipped(), serving=HERE)
    assert answering(case, table, there) == Answering(engine="vllm", precision="bf16", batch_invariant=True)


def test_a_world_is_answered_by_transformers_unless_vllm_is_asked_for():
    case, table = a_case("embedded", "bios")
    assert answering(case, table, with_backends(asked="auto")) == TRANSFORMERS
    assert answering(case, table, with_backends(asked="vllm")).engine == "vllm"


def test_a_case_that_is_left_is_answered_by_transformers():
    case, table = a_case("small", "small")
    catalog = with_backends(asked="vllm")
    assert answering(case, table, catalog.leaving({case.id: "answers differ"})) == TRANSFORMERS
    assert answering(case, table, catalog.leaving({"another": "answers differ"})).engine == "vllm"


def test_datasets_with_recipes_that_ask_for_different_things_are_left_to_transformers():
    case, table = a_case("small", "small")
    other = next(name for name in shipped().dataset_rows if name.startswith("dolly"))
    recipes = {
        **shipped().recipes,
        "other": shipped().recipes["facts"].model_copy(update={"id": "other", "backend": "vllm"}),
    }
    name = shipped().dataset_of(other).name
    datasets = {**shipped().datasets, name: shipped().datasets[name].model_copy(update={"recipe": "other"})}
    catalog = replace(shipped(), recipes=recipes, datasets=datasets, serving=HERE)
    assert resolved("vllm", table.model, "other", catalog).engine == "vllm"
    mixed = replace(case, right=case.right.model_copy(update={"dataset": other}))
    assert answering(mixed, table, catalog) == TRANSFORMERS


def test_answers_of_transformers_are_identified_as_they_always_were():
    assert TRANSFORMERS.spec() == {"engine": "hf"}
    assert Answering(engine="vllm", precision="bf16").spec() == {
        "engine": "vllm", "precision": "bf16", "batch_invariant": False,
    }  # fmt: skip


def test_a_plan_can_be_made_as_for_a_gpu():
    assert decided("auto", None, shipped(), for_gpu=True) == Serving(asked="auto", auto="vllm", batch_invariant=True)
    assert decided("hf", None, shipped()) == Serving(asked="hf")
