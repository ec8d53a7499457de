"""What answers for a case: one engine for both sides and the base, so that no engine is compared with another."""

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import recipe_of
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.serving import TRANSFORMERS, Answering, Backend


def answering(case: Case, table: CellTable, catalog: Catalog) -> Answering:
    """What answers for both sides of a case, and for the base beside them.

    What the run asks for goes before the recipe, and that before the profile. Datasets of one case whose recipes ask
    for different things are left to transformers.

    Args:
        case: A measured case.
        table: Of the cells that it compares.
        catalog: With what the run has decided.
    """
    if case.id in catalog.serving.left:
        return TRANSFORMERS
    datasets = {side.dataset or case.dataset for side in (case.left, case.right)} | {one.dataset for one in case.cells}
    found = {_of_dataset(dataset, table, catalog) for dataset in datasets}
    return found.pop() if len(found) == 1 else TRANSFORMERS


def _of_dataset(dataset: str, table: CellTable, catalog: Catalog) -> Answering:
    name = recipe_of(catalog, table, dataset)
    recipe, profile = catalog.recipes.get(name), catalog.profiles.get(table.profile)
    asked = catalog.serving.asked or (recipe and recipe.backend) or (profile and profile.backend) or "hf"
    return resolved(asked, table.model, name, catalog)


def resolved(backend: Backend, model: str, recipe: str, catalog: Catalog) -> Answering:
    """What a backend stands for in this run.

    Args:
        backend: `auto` is vLLM where the run can have it; tiny models of a world answer faster without it.
        model: Its id.
        recipe: Id of a recipe, or nothing for the default one.
        catalog: With what the run has decided.
    """
    serving, declared = catalog.serving, catalog.recipes.get(recipe)
    own = serving.auto if backend == "auto" and not catalog.models[model].weights.shipped else backend
    if own != "vllm":
        return TRANSFORMERS
    precision = declared.precision if declared else "fp32"
    return Answering(engine="vllm", precision=precision, batch_invariant=serving.batch_invariant)
