"""The plan as a table: what a selection needs, and what it would roughly cost."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.table import Table

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case, Cell
from itl_bench.machine.this_machine import Machine, this_machine
from itl_bench.plan.disk import why_no_disk
from itl_bench.plan.engines import SECONDS_TO_START, engines, unsure
from itl_bench.plan.graph import parents_of
from itl_bench.plan.price import answers_judged, left_to_build, price, task_costs
from itl_bench.store.keys import Task
from itl_bench.vocabulary import CELL

HOW_TO_READ = (
    "Rows with cases under 'run here' count what these cases need: the declared cells, at all their learning rates and "
    "replicates, and hours of one worker. Cells of the other rows are at one learning rate with five replicates each, "
    "and their hours GPU-hours, on GPUs of 80 GB. Hours, GB and USD are rough: speeds on a CPU are measured on two "
    "cores; on a GPU those of tuning are declared goals, and those of answers and token shifts reckoned from its data "
    "sheet, none of them measured; answers that do not end with their line are taken to be as long as they may be; "
    "other work counts with declared seconds. Disk is what all checkpoints and de-quantized bases take together; a run "
    "with -rs says what the cases that cannot run here need."
)
SEE_OVERLAPS = "`itl-bench data overlap` prints which prompts the data on this machine hold already."

FILE_WIDTH = 120  # characters of a line that goes to no terminal
Groups = Mapping[tuple[str, str], Sequence[Case]]  # (level, model) -> cases


def named_overlaps(tasks: Sequence[Task], by_key: Mapping[str, Task]) -> list[str]:
    """That the overlap of a dataset and a probe is known, of each two of them once; without reading it."""
    found = [{name: by_key[key].spec for name, key in parents_of(task).items()} for task in tasks]
    lines = (f"{one['probe']['probe']} and {one['corpus']['dataset']}: overlap in the store" for one in found)
    return list(dict.fromkeys(lines))


@dataclass(frozen=True)
class Build:
    """What cases that can run here read and all that it is built from, and how much of it is in the store."""

    cells: int
    cells_there: int
    artifacts: int
    artifacts_there: int
    minutes: float  # of one worker, for what is left to build
    hours: float = 0.0  # of one worker, for all of it
    memory_gb: float = 0.0  # of the largest cell
    disk_gb: float = 0.0  # of all weights that are written
    disk_left_gb: float = 0.0  # of those that are left to build
    engines: int = 0  # of vLLM, to start for what is left
    unsure: tuple[str, ...] = ()  # methods that vLLM may not serve
    overlaps: tuple[str, ...] = ()  # what is known of prompts that the tuning data hold already, and how to learn more

    def in_words(self) -> str:
        """For example "12 cells, 3 of them in the store; 19 artifacts, 8 in the store; about 2 minutes left ..."."""
        left = "nothing left to build"
        if self.minutes:
            starts = f", {self.engines:,} start{'s' * (self.engines > 1)} of vLLM among it" if self.engines else ""
            left = f"about {max(1, ceil(self.minutes)):,} min left for one worker, roughly{starts}"
        if self.unsure:
            left += f"; whether vLLM serves {', '.join(self.unsure)} is known once trained, else transformers answers"
        return (
            f"{self.cells:,} cells, {self.cells_there:,} of them in the store; "
            f"{self.artifacts:,} artifacts, {self.artifacts_there:,} of them in the store; {left}"
        )


@dataclass(frozen=True)
class Builds:
    """How the plan learns what cases need.

    Attributes:
        work: What the verdicts on cases read: all tasks on the way to it, and what is wanted of them (keys).
        has: Whether an artifact is in the store.
        overlaps: A line for each dataset and probe of tables of overlap that are in the store; also gets their parents.
    """

    work: Callable[[Sequence[Case]], tuple[Sequence[Task], Sequence[str]]]
    has: Callable[[str], bool]
    overlaps: Callable[[Sequence[Task], Mapping[str, Task]], Sequence[str]] = named_overlaps

    def of(self, cases: Sequence[Case], catalog: Catalog, machine: Machine) -> Build:
        """What the cases need together; an artifact that several of them read counts once."""
        tasks, targets = self.work(cases)
        there, costs = [task for task in tasks if self.has(task.key)], task_costs(tasks, catalog, machine)
        to_build = left_to_build(tasks, targets, self.has)
        left, absent = [costs[task.key] for task in to_build], {task.key for task in to_build}
        started = sum(not absent.isdisjoint(keys) for keys in engines(tasks))
        return Build(
            cells=_cells(tasks), cells_there=_cells(there), artifacts=len(tasks), artifacts_there=len(there),
            minutes=(sum(cost.seconds for cost in left) + started * SECONDS_TO_START) / 60,
            hours=sum(cost.seconds for cost in costs.values()) / 3600,
            memory_gb=max((cost.memory_gb for cost in costs.values()), default=0.0),
            disk_gb=sum(cost.disk_gb for cost in costs.values()),
            disk_left_gb=sum(cost.disk_gb for cost in left),
            engines=started, unsure=unsure(tasks, absent), overlaps=tuple(self._overlaps(tasks)),
        )  # fmt: skip

    def _overlaps(self, tasks: Sequence[Task]) -> list[str]:
        found = [task for task in tasks if task.spec.get("measure") == "overlap"]
        known = [task for task in found if self.has(task.key)]
        return [*self.overlaps(known, {task.key: task for task in tasks}), SEE_OVERLAPS] if found else []


def _cells(tasks: Sequence[Task]) -> int:
    return sum(task.kind == CELL for task in tasks)


def grouped(cases: Sequence[Case]) -> Groups:
    """Cases by level and model, in the order of the selection."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.level, case.model or "-"].append(case)
    return groups


def plan_table(
    groups: Groups,
    catalog: Catalog,
    runs: Mapping[tuple[str, str], int],
    builds: Mapping[tuple[str, str], Build],
    machine: Machine,
) -> Table:
    """One line per level and model of the selected cases; a cell that several cases share is counted once.

    Args:
        groups: The cases.
        catalog: What is declared.
        runs: How many cases of each group can run here.
        builds: What those need, where there are any.
        machine: On what it is built.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("level", "model"):
        table.add_column(heading)
    for heading in ("cases", "run here", "cells", "hours", "GB per job", "disk GB", "judge USD"):
        table.add_column(heading, justify="right")
    for group, some in groups.items():
        level, _ = group
        if level == "published":
            cost: tuple[str, ...] = "0", "0", "0", "0", "0"
        elif group in builds:
            cost = _built(builds[group], machine)
        else:
            cost = _priced(level, some, catalog)
        table.add_row(*group, str(len(some)), str(runs[group]), *cost)
    return table


def _built(build: Build, machine: Machine) -> tuple[str, ...]:
    """Cells, hours, GB, disk and USD of what is built here."""
    device = "GPU" if machine.gpus else "CPU"
    return f"{build.cells:,}", f"{_number(build.hours)} {device}", _number(build.memory_gb), _number(build.disk_gb), "0"


def _priced(level: str, cases: Sequence[Case], catalog: Catalog) -> tuple[str, ...]:
    """Cells, GPU-hours, GB, disk and USD of cases that cannot run here."""
    answers: dict[str | None, dict[Cell, int]] = defaultdict(dict)
    for case in cases:
        for cell in case.cells:
            probe = answers[case.probe]
            probe[cell] = max(probe.get(cell, 0), answers_judged(case, catalog))
    cost = price({cell for probe in answers.values() for cell in probe}, 0, catalog)
    dollars = sum(price([cell], count, catalog).dollars for probe in answers.values() for cell, count in probe.items())
    hours, memory = (f"{_number(cost.gpu_hours)} GPU", _number(cost.memory_gb)) if level == "paper" else ("CPU", "-")
    return f"{cost.cells:,}", hours, memory, _number(cost.disk_gb), f"{dollars:,.0f}"


def _number(value: float) -> str:
    """For reading: one digit after the point below ten, none above."""
    if 0 < value < 0.1:
        return "<0.1"
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:,.0f}"


def print_plan(
    cases: Sequence[Case],
    catalog: Catalog,
    can_run: Callable[[Case], bool],
    needs: Builds,
    disk_gb: float,
    console: Console | None = None,
    machine: Machine | None = None,
) -> None:
    """Print the plan with what its numbers mean, and what of it this machine does not have.

    Args:
        cases: The selection.
        catalog: What is declared.
        can_run: Whether a case can run here.
        needs: How the plan learns what cases need.
        disk_gb: Free on the disk of the store.
        console: Where to print.
        machine: On what it is built; None for this one.
    """
    console = console or Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    if not cases:
        console.print("The selection holds no case.")
        return
    groups, here = grouped(cases), machine or this_machine()
    runs = {group: sum(map(can_run, some)) for group, some in groups.items()}
    builds = {
        group: needs.of(some, catalog, here)
        for group, some in groups.items()
        if group[0] != "published" and runs[group]
    }
    console.print(plan_table(groups, catalog, runs, builds, here))
    for (_, model), build in builds.items():
        if build.artifacts:
            reckoned = " (on a GPU: reckoned, not measured)" if here.gpus and build.minutes else ""
            console.print(f"To build for {model}: {build.in_words()}{reckoned}.", soft_wrap=True, highlight=False)
    for warning in _warnings(builds.values(), here, disk_gb):
        console.print(f"WARNING: {warning}", soft_wrap=True, highlight=False, markup=False)
    console.print(HOW_TO_READ, soft_wrap=True)
    overlaps = dict.fromkeys(line for build in builds.values() for line in build.overlaps)
    for line in sorted(overlaps, key=lambda line: line == SEE_OVERLAPS):  # that line last
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _warnings(builds: Iterable[Build], machine: Machine, disk_gb: float) -> list[str]:
    """What stands in the way of the plan as a whole: GPUs that cannot be used, a disk that is too small."""
    room = why_no_disk(sum(build.disk_left_gb for build in builds), disk_gb)
    whole = f"all of it together {room}; a run ends where the disk is full, and goes on when there is room again"
    return [warning for warning in (machine.note, room and whole) if warning]
