"""What of memory, models and data cells need and this machine lacks, each with how to get it."""

from collections.abc import Collection, Iterable, Sequence
from importlib.util import find_spec

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.probes import ProbeSpec
from itl_bench.catalog.serving import TRANSFORMERS, Answering
from itl_bench.data.bios.shipped import manifest_file, shipped_bases
from itl_bench.data.sources.loading import first_found
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.data.weights.places import why_no_weights
from itl_bench.errors import UsageError
from itl_bench.machine.cell_cost import CellCost
from itl_bench.machine.memory import FROZEN_ON_GPU, TRAINED, USABLE, answering_gb
from itl_bench.machine.this_machine import Machine, this_machine
from itl_bench.machine.vllm import gpus_for
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.plan.price import (
    LEAST,
    REFERENCE,
    Recipes,
    answers_judged,
    cost_of,
    price,
    recipes_of,
    rounded,
    what_trains,
    who_scores,
)

HOURS_PER_CELL = 24.0  # on a CPU; a cell that takes longer is not run
REFERENCE_SIZE = "80 GB"  # as GPUs are sold: of 2^30 bytes, and some more
GPUS_OF_A_NODE = 8
PACKAGES = ("torch", "transformers", "peft", "accelerate")


def why_no_memory(
    cells: Collection[Cell], catalog: Catalog, recipe: Recipes | None = None, machine: Machine | None = None
) -> str | None:
    """Why a machine has too little memory for cells, or too little speed without a GPU; None where it has not.

    Args:
        cells: That are to be trained.
        catalog: What is declared.
        recipe: Says how each is tuned; None for the least that any recipe takes.
        machine: None for this one.
    """
    machine, recipe = machine or this_machine(), recipe or (lambda cell: LEAST)
    found = [(cell, cost_of(cell, catalog, recipe(cell), machine)) for cell in sorted(cells, key=str)]
    if not found:
        return None
    if too_large := [one for one in found if not one[1].fits]:
        cell, cost = max(too_large, key=lambda one: one[1].memory_gb)
        return _too_large(cell, cost, catalog, recipe(cell), machine)
    cell, slowest = max(found, key=lambda one: one[1].seconds)
    if not machine.gpus and slowest.seconds > HOURS_PER_CELL * 3600:
        return (
            f"needs a GPU: {_work(cell, catalog)} on {cell.dataset} would take about {slowest.seconds / 3600:,.0f} "
            f"hours a cell without one, and at most {HOURS_PER_CELL:.0f} are accepted"
        )
    return None


def why_no_memory_to_answer(
    model: ModelSpec, machine: Machine | None = None, answering: Answering = TRANSFORMERS
) -> str | None:
    """Why a machine cannot hold a model that is not tuned; None where it can.

    Args:
        model: That is to answer.
        machine: None for this one.
        answering: What lets it answer: vLLM divides it among GPUs.
    """
    here, needed = machine or this_machine(), answering_gb(model, "adapter")
    if answering.engine == "vllm" and here.gpus:
        try:
            gpus_for(model.parameters, answering.precision, here)
        except UsageError as error:
            return str(error)
        return None
    if needed <= USABLE * min(here.gpus, default=here.ram_gb):
        return None
    return f"needs {needed:,.0f} GB of memory to answer with {model.id} in fp32; this machine has {here.in_words()}"


def _too_large(cell: Cell, here: CellCost, catalog: Catalog, recipe: TuningRecipe, machine: Machine) -> str:
    """What a cell needs of GPUs, and what there is."""
    needed, parameters = cost_of(cell, catalog, recipe, REFERENCE), catalog.models[cell.model].parameters
    whole = what_trains(cell.method, catalog) == "all"
    each, adapter = (TRAINED, "") if whole else (FROZEN_ON_GPU, " and the adapter")
    text = (
        f"needs {needed.state_gb:,.0f} GB of GPU memory before activations for {_work(cell, catalog)} "
        f"({each} bytes x {parameters / 1e9:.3g}e9 parameters{adapter}), about {needed.memory_gb:,.0f} GB with them"
        f"{_hardware(needed.gpus)}, and {rounded(needed.seconds * max(1, needed.gpus) / 3600)} GPU-hours a cell; "
        f"this machine has {machine.in_words()}"
    )
    if not machine.gpus:
        return f"{text}; a CPU takes {here.memory_gb:,.0f} GB, and {USABLE:.0%} of the memory may be filled"
    answers = answering_gb(catalog.models[cell.model], what_trains(cell.method, catalog))
    if answers > USABLE * min(machine.gpus):
        return f"{text}; measuring the tuned model takes one GPU with {answers / USABLE:,.0f} GB"
    return text


def _hardware(gpus: int) -> str:
    """What a cell takes of GPUs of 80 GB, where it is not one."""
    if gpus > GPUS_OF_A_NODE:
        return f" on {gpus // GPUS_OF_A_NODE} nodes of {GPUS_OF_A_NODE} x {REFERENCE_SIZE} (cells are trained on one)"
    if gpus == 0:
        return f", more than any number of GPUs of {REFERENCE_SIZE} hold without smaller micro-batches"
    return f" on {gpus} GPUs of {REFERENCE_SIZE}" if gpus > 1 else ""


def _work(cell: Cell, catalog: Catalog) -> str:
    return f"{catalog.methods[cell.method].title} of {cell.model}"


def missing(case: Case, catalog: Catalog) -> str:
    """What a case needs that no machine runs in this version, or that this one lacks: one line."""
    cost = price(case.cells, answers_judged(case, catalog), catalog)
    wanted = catalog.measures[case.measure.measure].needs
    absent = [word for need, word in (("judge", "judge"), ("experts", "human annotators")) if need in wanted]
    why = f"this version asks no {' and no '.join(absent)}; " if absent else ""
    needs = [f"{cost.cells} cells"]
    if case.level == "paper":
        needs.append(
            f"{cost.memory_gb:,.0f} GB of GPU memory before activations, about {rounded(cost.gpu_hours)} GPU-hours"
        )
    needs.append("weights " + ", ".join(_weights(case, catalog)))
    needs.append("data " + ", ".join(sorted({catalog.dataset_of(cell.dataset).source for cell in case.cells})))
    needs += who_scores(case, catalog)
    return f"not run: {why}needs {'; '.join(needs)}"


def _weights(case: Case, catalog: Catalog) -> list[str]:
    weights: dict[str, None] = {}
    for side in (case.left, case.right):
        model = catalog.models[side.model or ""]
        weights[model.weights.name] = None
        if side.method == "chat" and model.chat:
            weights[model.chat.weights] = None
    return list(weights)


def lacking(case: Case, catalog: Catalog, table: CellTable | None) -> list[str]:
    """What of memory, models and data a case needs and this machine lacks, each with how to get it."""
    models = [side.model for side in (case.left, case.right) if side.model]
    probes = [side.probe or case.probe or "" for side in (case.left, case.right)]
    return lacking_for(case.cells, catalog, recipes_of(table, catalog), models, probes)


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
