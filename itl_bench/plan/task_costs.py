"""What building the artifacts of a run takes, and which of them are left to build."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from itl_bench.catalog.grid.cases import Cell
from itl_bench.catalog.loading import Catalog
from itl_bench.machine.cell_cost import CellCost
from itl_bench.machine.memory import STORED
from itl_bench.machine.speeds import LINE, ROW, answer_seconds, scoring_seconds
from itl_bench.machine.this_machine import Machine
from itl_bench.methods.recipe import tuning_of
from itl_bench.plan.price import cost_of
from itl_bench.store.keys import Task

PASSES = {"shift": 4, "seed-floor": 2, "paraphrase-floor": 2}  # of a model over a probe's answers
FAMILIARITY_TOKENS = 320_000  # read to class all facts of atlas: gemma270m does so in 15 to 30 minutes on 2 CPU cores


def task_costs(tasks: Sequence[Task], catalog: Catalog, machine: Machine) -> dict[str, CellCost]:
    """By key, what building each task takes; those that say nothing of a model take their declared seconds."""
    by_key = {task.key: task for task in tasks}
    return {key: _task_cost(task, by_key, catalog, machine) for key, task in by_key.items()}


def _task_cost(task: Task, by_key: Mapping[str, Task], catalog: Catalog, machine: Machine) -> CellCost:
    if task.kind == "checkpoint" and task.spec.get("model") in catalog.models:
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
    measure = str(task.spec.get("measure"))
    if model is None or model.weights.shipped:  # what the tiny models take was measured as a whole
        return None
    if task.kind == "familiarity" and "table" not in task.spec:
        return scoring_seconds(model, FAMILIARITY_TOKENS, machine)
    if task.kind == "responses" and probe:
        limit = int(str(task.spec["max_new_tokens"]))
        return answer_seconds(model, probe.prompts, _answer_tokens(task, limit), machine)
    if measure in PASSES and probe:
        row = ROW - LINE + _answer_tokens(task, probe.max_new_tokens)
        return scoring_seconds(model, PASSES[measure] * probe.prompts * row, machine)
    if measure == "taught-loss" and named.get("dataset") in catalog.dataset_rows:
        dataset = str(named["dataset"])
        tokens = catalog.dataset_rows[dataset] * catalog.dataset_of(dataset).mean_tokens
        return scoring_seconds(model, tokens, machine)
    return None


def _answer_tokens(task: Task, limit: int) -> int:
    """Of one answer: those that end with their line are short, others are taken to be as long as they may be."""
    return min(limit, LINE) if task.spec.get("stop") == "line" else limit


def left_to_build(tasks: Sequence[Task], targets: Iterable[str], has: Callable[[str], bool]) -> list[Task]:
    """What a run would build: what is absent and wanted, or a parent of such; cleaned-up weights are not."""
    by_key = {task.key: task for task in tasks if not has(task.key)}
    found: set[str] = set()
    wanted = [key for key in targets if key in by_key]
    while wanted:
        key = wanted.pop()
        if key not in found:
            found.add(key)
            wanted += [parent for parent in by_key[key].parents if parent in by_key]
    return [by_key[key] for key in found]
