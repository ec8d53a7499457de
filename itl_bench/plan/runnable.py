"""Why a measured case cannot be run here, and what it would need; None where it can."""

from collections.abc import Collection, Iterable, Sequence
from importlib.util import find_spec

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.datasets import DatasetSpec, ProbeSpec
from itl_bench.catalog.grid.asked_cells import (
    DEFAULT_PROFILE,
    FEWEST_OF_A_CURVE,
    OVER_CELLS,
    OVER_DATASETS,
    cell_table,
    has_cells,
    recipe_of,
)
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.catalog.loading import Catalog
from itl_bench.catalog.models import ModelSpec
from itl_bench.data.bios.shipped import manifest_file, shipped_bases
from itl_bench.data.sources.loading import first_found
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.data.weights.places import why_no_weights
from itl_bench.errors import UsageError
from itl_bench.machine.memory import STORED
from itl_bench.machine.this_machine import free_gb, this_machine
from itl_bench.plan.disk import store_in_use, why_no_disk
from itl_bench.plan.graph import UNTUNED, Graph, TunedCell
from itl_bench.plan.price import (
    LEAST,
    Recipes,
    cost_of,
    missing,
    recipe_named,
    recipes_of,
    who_scores,
    why_no_memory,
    why_no_memory_to_answer,
)
from itl_bench.plan.rates import why_no_rate
from itl_bench.plan.reads import MEASURE_TABLES, read_by
from itl_bench.plan.task_costs import left_to_build, task_costs
from itl_bench.specs import ProfileSpec
from itl_bench.store.keys import Task
from itl_bench.store.store import MARK, Store

PACKAGES = ("torch", "transformers", "peft", "accelerate")


def why_not(case: Case, catalog: Catalog, profile: ProfileSpec | None) -> str | None:
    """One line that says why the case cannot run here, and what it would need."""
    if case.evidence != "measured":
        return missing(case, catalog)
    table = cell_table(case, catalog, profile)
    needs = lacking(case, catalog, table)
    unknown = _not_measured(case)
    if unknown:
        return "not run: " + "; ".join([f"this version does not measure {unknown}", *needs])
    if table is None or not has_cells(case, table):
        name = profile.id if profile else DEFAULT_PROFILE
        few = f"cells at {FEWEST_OF_A_CURVE} shared rates, which equal training loss needs" if case.at != "rate" else ""
        no_cells = f"profile {name} trains no {few or 'cells for it'}; {_elsewhere(case, catalog)}"
        return "not run: " + "; ".join([no_cells, *needs])
    if reason := "; ".join(needs) or why_no_cells() or lacking_base(table, catalog):
        return f"not run: {reason}"
    unfit = why_no_rate(case, catalog, table) or why_no_room(case, catalog, table)
    return f"not run: {unfit}" if unfit else None


def lacking(case: Case, catalog: Catalog, table: CellTable | None) -> list[str]:
    """What of memory, models, data and judges a case needs and this machine lacks, each with how to get it."""
    models = [side.model for side in (case.left, case.right) if side.model]
    probes = [side.probe or case.probe or "" for side in (case.left, case.right)]
    found = lacking_for(case.cells, catalog, recipes_of(table, catalog), models, probes)
    return [*found, *dict.fromkeys(who_scores(case, catalog))]


def lacking_for(
    cells: Collection[Cell],
    catalog: Catalog,
    recipe: Recipes | None,
    models: Iterable[str] = (),
    probes: Iterable[str] = (),
) -> list[str]:
    """What of memory, models and data cells need and this machine lacks, each with how to get it.

    Args:
        cells: That are to be tuned.
        catalog: What is declared.
        recipe: Says how each is tuned; None for the least that any recipe takes.
        models: That are asked beside those of the cells.
        probes: That they are asked.
    """
    datasets = sorted({catalog.dataset_of(cell.dataset).name for cell in cells})
    found = [
        why_no_memory(cells, catalog, recipe),
        *(why_no_model(catalog.models[name]) for name in dict.fromkeys([*models, *sorted(one.model for one in cells)])),
        *(why_no_data(catalog.datasets[name]) for name in datasets),
        *(why_no_prompts(catalog.probes[name]) for name in probes if name in catalog.probes),
    ]
    return list(dict.fromkeys(reason for reason in found if reason))


def lacking_for_table(table: CellTable, catalog: Catalog) -> str | None:
    """What a sweep over a table of one model needs and this machine lacks; None where it lacks nothing."""
    cells = {Cell(table.model, dataset, method) for dataset, method, _ in table.combinations()}
    needs = lacking_for(cells, catalog, recipes_of(table, catalog))
    return "; ".join(needs) or why_no_cells() or lacking_base(table, catalog)


def why_not_cell(cell: TunedCell, catalog: Catalog) -> str | None:
    """Why one cell, or the base where its method is `base`, cannot be had here, in one line; None where it can.

    Wrong names and numbers give None, too: whoever builds the cell says what is wrong with them.
    """
    model, data = catalog.models.get(cell.model), cell.dataset in catalog.dataset_rows
    methods, recipes = [*catalog.methods, UNTUNED], ["", *catalog.recipes]
    if not (model and data and cell.method in methods and cell.recipe in recipes):
        return None
    if model.level not in catalog.dataset_of(cell.dataset).levels:
        return None
    tuned = [] if cell.method == UNTUNED else [Cell(cell.model, cell.dataset, cell.method)]
    needs = lacking_for(tuned, catalog, lambda _: recipe_named(cell.recipe, catalog), [cell.model])
    data_needs = [] if tuned else [why_no_memory_to_answer(model), why_no_data(catalog.dataset_of(cell.dataset))]
    if lacks := [*needs, *filter(None, data_needs)]:
        return f"not run: {'; '.join(lacks)}"
    graph = Graph(catalog, {})
    try:
        wanted = graph.checkpoint(cell) if tuned else graph.base(cell.model, cell.replicate.base)
    except (UsageError, TypeError, ValueError):
        return None
    unfit = why_no_room_for(list(graph.tasks.values()), [wanted.key], catalog)
    return f"not run: {unfit}" if unfit else None


def recipe_for(model: str, dataset: str, catalog: Catalog) -> str:
    """The recipe of a dataset, or of the first cells that are declared for a model or for its level."""
    names = (model, catalog.models[model].level) if model in catalog.models else ()
    tables = (table for table in catalog.cells.values() if table.model in names)
    return next((recipe_of(catalog, table, dataset) for table in tables), "")


def why_no_room(case: Case, catalog: Catalog, table: CellTable) -> str | None:
    """Why what a case still lacks does not fit on the disk of the store; None where it does.

    The store drops nothing by itself, so all of its weights have to be there together.
    """
    asked = {(cell.dataset, cell.method): cell for cell in case.cells}
    cells = [asked[dataset, method] for dataset, method, _ in table.trained() if (dataset, method) in asked]
    each = sum(cost_of(cell, catalog, LEAST, this_machine()).disk_gb for cell in cells)
    most = len(table.bases) * (STORED * catalog.models[table.model].parameters / 1e9 + len(table.seeds) * each)
    if why_no_disk(most, free_gb(store_in_use())) is None:
        return None  # all of it fits, whatever of it is there already
    graph = Graph(catalog, {})
    targets = [task.key for task in read_by(graph, case, table)]
    return why_no_room_for(list(graph.tasks.values()), targets, catalog)


def why_no_room_for(tasks: Sequence[Task], targets: Iterable[str], catalog: Catalog) -> str | None:
    """Why what is not yet in the store of these tasks does not fit on its disk; None where it does."""
    root = store_in_use()
    has = Store(root).has if (root / MARK).exists() else lambda key: False
    left = left_to_build(tasks, targets, has)
    costs = task_costs(left, catalog, this_machine())
    return why_no_disk(sum(cost.disk_gb for cost in costs.values()), free_gb(root))


def why_no_model(model: ModelSpec) -> str | None:
    """What is missing of a model's weights, and the command that gets them."""
    return why_no_weights(model.weights)


def why_no_data(dataset: DatasetSpec) -> str | None:
    """What is missing of a dataset, and the command that gets it."""
    if dataset.bios or dataset.atlas:
        return None
    return _why_no_rows(dataset.name, dataset.rows_from) if dataset.rows_from else _undeclared(dataset.name)


def why_no_prompts(probe: ProbeSpec) -> str | None:
    """What is missing of a probe, and the command that gets it."""
    if probe.world:
        return None
    return _why_no_rows(probe.id, probe.rows_from) if probe.rows_from else _undeclared(probe.id)


def _undeclared(name: str) -> str:
    return f"{name}: no entry says where its rows come from; add 'rows_from' (docs/datasets.md)"


def _why_no_rows(name: str, sources: Sequence[SourceSpec]) -> str | None:
    try:
        _, found = first_found(name, sources, download=False)
    except UsageError as error:
        return "; ".join(str(error).splitlines())
    if any(path.suffix == ".parquet" for path in found.files) and find_spec("pyarrow") is None:
        return f"{name}: Parquet files need pyarrow; pip install 'itl_bench[data]'"
    return None


def why_no_cells() -> str | None:
    """Why no cell at all can be trained here: the installation lacks something; None where they can."""
    if not manifest_file().exists():
        return "this installation has no pre-trained bases; itl-bench bios pretrain makes them"
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        install = "pip install 'itl_bench[train]' (or make bench) installs it"
        return f"{', '.join(absent)} not installed; {install}"
    return None


def lacking_base(table: CellTable, catalog: Catalog) -> str | None:
    """Which bases of a table this installation does not have; None where it has all of them."""
    if not catalog.models[table.model].weights.shipped:
        return None
    there = {one.number for one in shipped_bases().bases}
    if absent := [str(number) for number in table.bases if number not in there]:
        return f"this installation has no base {' and '.join(absent)}; itl-bench bios pretrain makes bases"
    return None


def _not_measured(case: Case) -> str:
    measure = case.measure.measure
    if measure not in MEASURE_TABLES:
        return measure
    if any(side.method == "chat" for side in (case.left, case.right)):
        return "a vendor's chat model"
    controls = [side.control for side in (case.left, case.right) if side.control]
    if controls:
        return f"{measure} with the control {controls[0]}"
    if case.over not in (None, OVER_CELLS, *OVER_DATASETS):
        return f"a trend over {case.over}"
    return ""


def _elsewhere(case: Case, catalog: Catalog) -> str:
    """Which profiles have the cells, if any."""
    for name, profile in catalog.profiles.items():
        table = cell_table(case, catalog, profile)
        if table is not None and has_cells(case, table):
            return f"--itl-profile {name} does"
    return "no profile of this version does"
