"""What keeps numbers from being a verdict: too few replicates, bases, prompts or updates; cells without training."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any

from itl_bench.catalog.grid.cases import Case, margin
from itl_bench.data.rows import Table
from itl_bench.plan.cells import Replicate
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import Sample
from itl_bench.verdicts.stats.pseudo import bounds_of
from itl_bench.verdicts.stats.room import room
from itl_bench.verdicts.tables import losses_of
from itl_bench.vocabulary import FEWEST_REPLICATES

FEWEST_BASES = 3  # two leave one degree of freedom between them; one is no sample of bases, and the verdict is about it
FEWEST_PROMPTS = 400
FEWEST_UPDATES = 94  # of a cell: 3 epochs of 1,000 rows in batches of 32 (the paper's smallest tuning), or of 250 in 8
TRAINED_SHARE = 0.2  # a cell whose training loss fell by less than this share of its start was not trained


def too_few(replicates: Iterable[Replicate]) -> list[str]:
    """Why so many replicates, on so many bases, cannot carry a verdict; nothing where they can."""
    chosen = tuple(replicates)
    n_bases = len({one.base for one in chosen})
    reasons = []
    if len(chosen) < FEWEST_REPLICATES:
        found = count(len(chosen), "replicate")
        reasons.append(f"replicate variance poorly known: {found}, a verdict needs {FEWEST_REPLICATES}")
    if 1 < n_bases < FEWEST_BASES:
        reasons.append(f"base variance poorly known: {count(n_bases, 'base')}, a verdict needs {FEWEST_BASES}")
    return reasons


def too_few_prompts(n_prompts: int) -> list[str]:
    """Why so many prompts cannot carry a verdict; nothing where they can."""
    enough = n_prompts >= FEWEST_PROMPTS
    return [] if enough else [f"too few prompts: {n_prompts}, a verdict needs {FEWEST_PROMPTS}"]


def too_few_updates(tasks: Iterable[Task], store: Store, all_tasks: Mapping[str, Task]) -> list[str]:
    """Why the shortest tuning among what a verdict reads cannot carry one; nothing where all are long enough.

    A run that is looked at on its way counts whole.

    Args:
        tasks: That the verdict reads.
        store: Where they are.
        all_tasks: By key, with the cells that they are of.
    """
    trainings = [task for task in tasks if task.spec.get("measure") == "training"]
    updates = [int(len(losses_of(one, store)) / _looked_at(all_tasks[one.parents[0]])) for one in trainings]
    fewest = min(updates, default=FEWEST_UPDATES)
    enough = fewest >= FEWEST_UPDATES
    return [] if enough else [f"pilot: cells of {count(fewest, 'update')}; a verdict needs {FEWEST_UPDATES}"]


def _looked_at(cell: Task) -> float:
    """After which share of its updates."""
    recipe: Any = cell.spec["recipe"]
    return float(recipe.stop_after)


def no_room(case: Case, right: Mapping[str, float | None], tables: Sequence[Table]) -> list[str]:
    """Why a difference of shares cannot get both verdicts, by its right side alone; nothing where it can.

    Args:
        case: Whose measure and margins they are.
        right: By column, the mean of the right side; None where it is not known.
        tables: Of the right side, which say how much can be borrowed.
    """
    found = []
    for name, mean in right.items():
        bounds = _borrowed(tables) if case.measure.measure == "borrowing" else bounds_of(case.measure.measure, name)
        if mean is not None and bounds:
            inside = min(max(mean, bounds[0]), bounds[1])  # means are rounded
            found.append(room(case.claim.expect, inside, *bounds, margin(case, name)))
    return list(dict.fromkeys(filter(None, found)))


def _borrowed(tables: Sequence[Table]) -> tuple[float, float] | None:
    """The excesses of borrowing that there can be: where hardly anything is drawn, chance itself borrows it."""
    known = [table.facts["possible"] for table in tables if "possible" in table.facts]
    return (-1.0, fmean(known)) if known else None


def not_trained(sides: Iterable[tuple[str, Sequence[bool]]]) -> list[str]:
    """Why sides whose cells were not all trained cannot carry a verdict; nothing where they were.

    Args:
        sides: The name of each side, and for each of its replicates whether it was trained; of an untuned base none.
    """
    named = [
        f"{name} ({found.count(False)} of {count(len(found), 'replicate')})" for name, found in sides if not all(found)
    ]
    return [f"not trained: {' and '.join(dict.fromkeys(named))}"] if named else []


def trained(first: float, last: float) -> bool:
    """Whether a training loss fell far enough to say that its cell was trained; what is no number did not."""
    return isfinite(first) and isfinite(last) and last < (1 - TRAINED_SHARE) * first


def diverged(sides: Iterable[tuple[str, Sample]]) -> list[str]:
    """Why sides of which trainings diverged cannot carry a verdict; nothing where none did.

    Args:
        sides: The name of each side, and the side.
    """
    named = []
    for name, side in sides:
        if side.diverged:
            of, said = count(len(side.replicates), "replicate"), next(iter(side.diverged.values()))
            named.append(f"{name} ({len(side.diverged)} of {of}: {said})")
    return [f"diverged: {' and '.join(dict.fromkeys(named))}"] if named else []


def repetitions(replicates: Iterable[Replicate]) -> str:
    """For example "6 replicates on 3 bases"."""
    bases = [one.base for one in replicates]
    return f"{count(len(bases), 'replicate')} on {count(len(set(bases)), 'base')}"


def without_value(left_out: int) -> str:
    """How many prompts were left out; nothing where all have a value."""
    return f"{count(left_out, 'prompt')} without a value left out" if left_out else ""


def count(n: int, thing: str) -> str:
    """For example "1 prompt", "2 prompts"."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
