"""What cases need that this machine or this version does not have, and what it would roughly cost."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import recipe_of
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.catalog.loading import Catalog
from itl_bench.catalog.models import ModelSpec
from itl_bench.machine.cell_cost import CellCost, cell_cost
from itl_bench.machine.memory import FROZEN_ON_GPU, RANK, TRAINED, USABLE, Trains, answering_gb, state_gb
from itl_bench.machine.this_machine import Machine, this_machine
from itl_bench.methods.recipe import TuningRecipe

REPLICATES = 5  # the fewest for a verdict
HOURS_PER_CELL = 24.0  # on a CPU; a cell that takes longer is not run
REFERENCE = Machine(gpus=(85.5,), gpu="NVIDIA H100 80GB HBM3")  # what cells that cannot run here are priced on
REFERENCE_SIZE = "80 GB"  # as GPUs are sold: of 2^30 bytes, and some more
GPUS_OF_A_NODE = 8
LEAST = TuningRecipe(micro_batch=1, gradient_checkpointing=True)  # the paper's, in as little memory as it takes
Recipes = Callable[[Cell], TuningRecipe]


@dataclass(frozen=True)
class Price:
    """Rough cost of cells at one learning rate: for orientation, not a promise."""

    cells: int = 0
    gpu_hours: float = 0.0
    memory_gb: float = 0.0  # largest cell, before activations
    disk_gb: float = 0.0
    dollars: float = 0.0


def price(cells: Iterable[Cell], answers: int, catalog: Catalog) -> Price:
    """Cost of training the cells with all replicates, and of judging `answers` answers of each tuned model."""
    some = list(cells)
    each = [cost_of(cell, catalog, LEAST, REFERENCE) for cell in some]
    judge = next(iter(catalog.judges.values()))
    return Price(
        cells=len(some) * REPLICATES,
        gpu_hours=sum(cost.seconds * max(1, cost.gpus) for cost in each) / 3600 * REPLICATES,
        memory_gb=max((memory_gb(cell, catalog) for cell in some), default=0.0),
        disk_gb=sum(cost.disk_gb for cost in each) * REPLICATES,
        dollars=len(some) * REPLICATES * answers * judge.dollars_per_answer,
    )


def memory_gb(cell: Cell, catalog: Catalog) -> float:
    """GPU memory for training a cell before activations, in GB (10^9 bytes)."""
    return state_gb(catalog.models[cell.model], _trains(cell.method, catalog), on_gpu=True)


def cost_of(cell: Cell, catalog: Catalog, recipe: TuningRecipe, machine: Machine) -> CellCost:
    """What one replicate of a cell takes on a machine."""
    data, trains = catalog.dataset_of(cell.dataset), _trains(cell.method, catalog)
    rank = catalog.methods[cell.method].parameters.get("rank")
    return cell_cost(
        catalog.models[cell.model], data.variants[cell.dataset], data.mean_tokens, trains, recipe, machine,
        rank=rank if isinstance(rank, int) else RANK,
    )  # fmt: skip


def _trains(method: str, catalog: Catalog) -> Trains:
    return "all" if catalog.methods[method].trains == "all" else "adapter"


def answers_of(case: Case, catalog: Catalog) -> int:
    """Answers of a cell that a judge has to score for the case."""
    judged = "judge" in catalog.measures[case.measure.measure].needs
    probe = catalog.probes.get(case.probe or "")
    return probe.prompts if judged and probe else 0


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


def why_no_memory_to_answer(model: ModelSpec, machine: Machine | None = None) -> str | None:
    """Why a machine, None for this one, cannot hold a model that is not tuned; None where it can."""
    here, needed = machine or this_machine(), answering_gb(model, "adapter")
    if needed <= USABLE * min(here.gpus, default=here.ram_gb):
        return None
    return f"needs {needed:,.0f} GB of memory to answer with {model.id} in fp32; this machine has {here.in_words()}"


def recipes_of(table: CellTable | None, catalog: Catalog) -> Recipes | None:
    """How the cells of a table are tuned; None without a table."""
    return (lambda cell: recipe_named(recipe_of(catalog, table, cell.dataset), catalog)) if table else None


def recipe_named(name: str, catalog: Catalog) -> TuningRecipe:
    """A recipe by its id; that of the bios world without one."""
    return catalog.recipes[name].tuning if name else TuningRecipe()


def _too_large(cell: Cell, here: CellCost, catalog: Catalog, recipe: TuningRecipe, machine: Machine) -> str:
    """What a cell needs of GPUs, and what there is."""
    needed, parameters = cost_of(cell, catalog, recipe, REFERENCE), catalog.models[cell.model].parameters
    whole = _trains(cell.method, catalog) == "all"
    each, adapter = (TRAINED, "") if whole else (FROZEN_ON_GPU, " and the adapter")
    text = (
        f"needs {needed.state_gb:,.0f} GB of GPU memory before activations for {_work(cell, catalog)} "
        f"({each} bytes x {parameters / 1e9:.3g}e9 parameters{adapter}), about {needed.memory_gb:,.0f} GB with them"
        f"{_hardware(needed.gpus)}, and {rounded(needed.seconds * max(1, needed.gpus) / 3600)} GPU-hours a cell; "
        f"this machine has {machine.in_words()}"
    )
    if not machine.gpus:
        return f"{text}; a CPU takes {here.memory_gb:,.0f} GB, and {USABLE:.0%} of the memory may be filled"
    answers = answering_gb(catalog.models[cell.model], _trains(cell.method, catalog))
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
    cost = price(case.cells, answers_of(case, catalog), catalog)
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


def who_scores(case: Case, catalog: Catalog) -> list[str]:
    """The judge, with its key and price, and the people that a case's measure needs; nothing for other measures."""
    needs = catalog.measures[case.measure.measure].needs
    dollars = price(case.cells, answers_of(case, catalog), catalog).dollars
    judge = f"judge {next(iter(catalog.judges))} (OPENAI_API_KEY, about {dollars:,.0f} USD)"
    return [judge] * ("judge" in needs) + ["human annotators"] * ("experts" in needs)


def _weights(case: Case, catalog: Catalog) -> list[str]:
    weights: dict[str, None] = {}
    for side in (case.left, case.right):
        model = catalog.models[side.model or ""]
        weights[model.weights.name] = None
        if side.method == "chat" and model.chat:
            weights[model.chat.weights] = None
    return list(weights)


def rounded(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"
