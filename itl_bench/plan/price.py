"""What cells, and the tasks behind cases, would roughly cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.asked_cells import recipe_of
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.machine.cell_cost import CellCost, cell_cost
from itl_bench.machine.memory import RANK, STORED, Trains, state_gb
from itl_bench.machine.speeds import LINE, ROW, answer_seconds, scoring_seconds
from itl_bench.machine.this_machine import Machine
from itl_bench.measures.registry import measure_of
from itl_bench.methods.recipe import TuningRecipe, tuning_of
from itl_bench.store.keys import Task, needed
from itl_bench.vocabulary import CELL, FEWEST_REPLICATES

REFERENCE = Machine(gpus=(85.5,), gpu="NVIDIA H100 80GB HBM3")  # what cells that cannot run here are priced on
LEAST = TuningRecipe(micro_batch=1, gradient_checkpointing=True)  # the paper's, in as little memory as it takes
Recipes = Callable[[Cell], TuningRecipe]
FAMILIARITY_TOKENS = 320_000  # read to class all facts of atlas: gemma270m does so in 15 to 30 minutes on 2 CPU cores


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
    return Price(
        cells=len(some) * FEWEST_REPLICATES,
        gpu_hours=sum(cost.seconds * max(1, cost.gpus) for cost in each) / 3600 * FEWEST_REPLICATES,
        memory_gb=max((memory_gb(cell, catalog) for cell in some), default=0.0),
        disk_gb=sum(cost.disk_gb for cost in each) * FEWEST_REPLICATES,
        dollars=len(some) * FEWEST_REPLICATES * answers * catalog.judge.dollars_per_answer,
    )


def memory_gb(cell: Cell, catalog: Catalog) -> float:
    """GPU memory for training a cell before activations, in GB (10^9 bytes)."""
    return state_gb(catalog.models[cell.model], what_trains(cell.method, catalog), on_gpu=True)


def cost_of(cell: Cell, catalog: Catalog, recipe: TuningRecipe, machine: Machine) -> CellCost:
    """What one replicate of a cell takes on a machine."""
    data, trains = catalog.dataset_of(cell.dataset), what_trains(cell.method, catalog)
    rank = catalog.methods[cell.method].parameters.get("rank")
    return cell_cost(
        catalog.models[cell.model], data.variants[cell.dataset], data.mean_tokens, trains, recipe, machine,
        rank=rank if isinstance(rank, int) else RANK,
    )  # fmt: skip


def what_trains(method: str, catalog: Catalog) -> Trains:
    return "all" if catalog.methods[method].trains == "all" else "adapter"


def answers_judged(case: Case, catalog: Catalog) -> int:
    """Answers of a cell that a judge has to score for the case."""
    judged = "judge" in catalog.measures[case.measure.measure].needs
    probe = catalog.probes.get(case.probe or "")
    return probe.prompts if judged and probe else 0


def recipes_of(table: CellTable | None, catalog: Catalog) -> Recipes | None:
    """How the cells of a table are tuned; None without a table."""
    return (lambda cell: recipe_named(recipe_of(catalog, table, cell.dataset), catalog)) if table else None


def recipe_named(name: str, catalog: Catalog) -> TuningRecipe:
    """A recipe by its id; that of the bios world without one."""
    return catalog.recipes[name].tuning if name else TuningRecipe()


def who_scores(case: Case, catalog: Catalog) -> list[str]:
    """The judge, with its key and price, and the people that a case's measure needs; nothing for other measures."""
    needs = catalog.measures[case.measure.measure].needs
    dollars = price(case.cells, answers_judged(case, catalog), catalog).dollars
    judge = f"judge {catalog.judge.id} ({catalog.judge.key}, about {dollars:,.0f} USD)"
    return [who for need, who in (("judge", judge), ("experts", "human annotators")) if need in needs]


def rounded(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def task_costs(tasks: Sequence[Task], catalog: Catalog, machine: Machine) -> dict[str, CellCost]:
    """By key, what building each task takes; those that say nothing of a model take their declared seconds."""
    by_key = {task.key: task for task in tasks}
    return {key: _task_cost(task, by_key, catalog, machine) for key, task in by_key.items()}


def _task_cost(task: Task, by_key: Mapping[str, Task], catalog: Catalog, machine: Machine) -> CellCost:
    if task.kind == CELL and task.spec.get("model") in catalog.models:
        spec: Mapping[str, Any] = task.spec
        cell = Cell(spec["model"], spec["dataset"], spec["method"]["id"])
        return cost_of(cell, catalog, tuning_of(task.place).recipe, machine)
    seconds = _seconds(task, by_key, catalog, machine)
    model = catalog.models.get(str(task.spec.get("model"))) if task.kind == "base" else None
    written = model is not None and model.weights.kind in ("gguf", "package")  # others are linked
    disk = STORED * model.parameters / 1e9 if model and written else 0.0
    return CellCost(0.0, 0.0, task.seconds if seconds is None else seconds, disk, 0, fits=True)


def _seconds(task: Task, by_key: Mapping[str, Task], catalog: Catalog, machine: Machine) -> float | None:
    """Of answers, and of measures that run models; None for other tasks, which take their declared seconds."""
    named = {name: value for key in task.parents if key in by_key for name, value in by_key[key].spec.items()}
    model, probe = catalog.models.get(str(named.get("model"))), catalog.probes.get(str(named.get("probe")))
    if model is None or model.weights.shipped:  # what the tiny models take was measured as a whole
        return None
    if task.kind == "familiarity" and "table" not in task.spec:
        return scoring_seconds(model, FAMILIARITY_TOKENS, machine)
    if task.kind == "responses" and probe:
        limit = int(str(task.spec["max_new_tokens"]))
        return answer_seconds(model, probe.prompts, _answer_tokens(task, limit), machine)
    if task.kind != "measure":
        return None
    measure = measure_of(task.spec)
    if measure.passes and probe:
        row = ROW - LINE + _answer_tokens(task, probe.max_new_tokens)
        return scoring_seconds(model, measure.passes * probe.prompts * row, machine)
    if measure.passes_of_items and named.get("dataset") in catalog.dataset_rows:
        dataset = str(named["dataset"])
        tokens = catalog.dataset_rows[dataset] * catalog.dataset_of(dataset).mean_tokens
        return scoring_seconds(model, measure.passes_of_items * tokens, machine)
    return None


def _answer_tokens(task: Task, limit: int) -> int:
    """Of one answer: those that end with their line are short, others are taken to be as long as they may be."""
    return min(limit, LINE) if task.spec.get("stop") == "line" else limit


def left_to_build(tasks: Sequence[Task], targets: Iterable[str], has: Callable[[str], bool]) -> list[Task]:
    """What a run would build: what is absent and wanted, or a parent of such; cleaned-up weights are not."""
    found = needed({task.key: task for task in tasks}, targets, has)
    return [task for task in tasks if task.key in found]
