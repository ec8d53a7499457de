"""Why a case cannot be run here, and what it would need; None where it can."""

from pathlib import Path

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.answering import resolved
from itl_bench.catalog.grid.asked_cells import (
    DEFAULT_PROFILE,
    FEWEST_OF_A_CURVE,
    OVER_CELLS,
    OVER_SETTINGS,
    cell_table,
    has_cells,
    recipe_of,
)
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.errors import UsageError
from itl_bench.plan.cells import TunedCell
from itl_bench.plan.disk import why_no_room, why_no_room_for
from itl_bench.plan.graph import Graph
from itl_bench.plan.judged import why_no_judge
from itl_bench.plan.lacking import (
    lacking,
    lacking_base,
    lacking_for,
    missing,
    why_no_cells,
    why_no_data,
    why_no_memory_to_answer,
)
from itl_bench.plan.price import recipe_named, who_scores
from itl_bench.plan.rates import why_no_rate
from itl_bench.vocabulary import EQUAL_ARMS, NOT_TUNED


def why_not(case: Case, catalog: Catalog, profile: ProfileSpec | None, root: Path) -> str | None:
    """One line that says why the case cannot run here, with a store in the folder `root`, and what it would need."""
    if case.evidence == "published":
        return None
    if case.evidence != "measured":
        return missing(case, catalog)
    table = cell_table(case, catalog, profile)
    needs = lacking(case, catalog, table)
    unknown = _not_measured(case, catalog)
    if unknown:
        return "not run: " + "; ".join([f"this version does not measure {unknown}", *needs, *who_scores(case, catalog)])
    if table is None or not has_cells(case, table):
        name = profile.id if profile else DEFAULT_PROFILE
        along = "points of a run" if case.along == "updates" else "shared rates"
        few = f"cells at {FEWEST_OF_A_CURVE} {along}, which the arm {case.arm} needs" if case.arm in EQUAL_ARMS else ""
        no_cells = f"profile {name} trains no {few or 'cells for it'}; {_elsewhere(case, catalog)}"
        return "not run: " + "; ".join([no_cells, *needs, *who_scores(case, catalog)])
    if reason := "; ".join(needs) or why_no_cells() or lacking_base(table, catalog):
        return f"not run: {reason}"
    unfit = (
        why_no_rate(case, catalog, table)
        or why_no_judge(case, catalog, table, root)
        or why_no_room(case, catalog, table, root)
    )
    return f"not run: {unfit}" if unfit else None


def why_not_cell(cell: TunedCell, catalog: Catalog, root: Path) -> str | None:
    """Why one cell, or the base where its method is `base`, cannot be had here, in one line; None where it can.

    Wrong names and numbers give None, too: whoever builds the cell says what is wrong with them.

    Args:
        cell: That is asked for.
        catalog: What is declared.
        root: Folder of the store; it need not be there yet.
    """
    model, data = catalog.models.get(cell.model), cell.dataset in catalog.dataset_rows
    methods, recipes = [*catalog.methods, *NOT_TUNED], ["", *catalog.recipes]
    if not (model and data and cell.method in methods and cell.recipe in recipes):
        return None
    if model.level not in catalog.dataset_of(cell.dataset).levels:
        return None
    tuned = [] if cell.method in NOT_TUNED else [Cell(cell.model, cell.dataset, cell.method)]
    needs = lacking_for(tuned, catalog, lambda _: recipe_named(cell.recipe, catalog), [cell.model])
    if not tuned:
        recipe = catalog.recipes.get(cell.recipe)
        asked = catalog.serving.asked or (recipe and recipe.backend) or "hf"
        memory = why_no_memory_to_answer(model, answering=resolved(asked, cell.model, cell.recipe, catalog))
        needs = [*needs, *filter(None, [memory, why_no_data(catalog.dataset_of(cell.dataset))])]
    if needs:
        return f"not run: {'; '.join(needs)}"
    graph = Graph(catalog)
    try:
        wanted = graph.checkpoint(cell) if tuned else graph.base(cell.model, cell.replicate.base)
    except (UsageError, TypeError, ValueError):
        return None
    unfit = why_no_room_for(list(graph.tasks.values()), [wanted.key], catalog, root)
    return f"not run: {unfit}" if unfit else None


def recipe_for(model: str, dataset: str, catalog: Catalog) -> str:
    """The recipe of a dataset, or of the first cells that are declared for a model or for its level."""
    names = (model, catalog.models[model].level) if model in catalog.models else ()
    tables = (table for table in catalog.cells.values() if table.model in names)
    return next((recipe_of(catalog, table, dataset) for table in tables), "")


def _not_measured(case: Case, catalog: Catalog) -> str:
    measure = case.measure.measure
    if not catalog.measures[measure].is_computed:
        return measure
    if any(side.method == "chat" for side in (case.left, case.right)):
        return "a vendor's chat model"
    controls = [side.control for side in (case.left, case.right) if side.control]
    if controls:
        return f"{measure} with the control {controls[0]}"
    if case.over not in (None, OVER_CELLS, *OVER_SETTINGS):
        return f"a trend over {case.over}"
    return ""


def _elsewhere(case: Case, catalog: Catalog) -> str:
    """Which profiles have the cells, if any."""
    for name, profile in catalog.profiles.items():
        table = cell_table(case, catalog, profile)
        if table is not None and has_cells(case, table):
            return f"--itl-profile {name} does"
    return "no profile of this version does"
