"""The plan as a table: what a selection needs, and what it would roughly cost."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.table import Table

from itl_bench.cases import Case, Cell
from itl_bench.catalog import Catalog
from itl_bench.keys import Task
from itl_bench.plan import answers_of, price

HOW_TO_READ = (
    "Rows of bios count the declared cells of the cases that can run here, at all their learning rates and replicates. "
    "Cells of the other rows are at one learning rate with five replicates each; GPU-hours and USD are rough, from "
    "declared speeds and prices. The cases under 'run here' can be judged on this machine; a run with -rs says what "
    "the others need."
)
CELL = "checkpoint"  # the kind of artifact that a tuned model is
BUILT_HERE = "bios"  # the level whose cells this version trains
FILE_WIDTH = 120  # characters of a line that goes to no terminal


Groups = Mapping[tuple[str, str], Sequence[Case]]  # (level, model) -> cases


@dataclass(frozen=True)
class Build:
    """What cases that can run here read and all that it is built from, and how much of it is in the store."""

    cells: int
    cells_there: int
    artifacts: int
    artifacts_there: int
    minutes: float  # of one worker, for what is left to build

    def in_words(self) -> str:
        """For example "12 cells, 3 of them in the store; 19 artifacts, 8 in the store; about 2 minutes left ..."."""
        left = "nothing left to build"
        if self.minutes:
            left = f"about {max(1, ceil(self.minutes)):,} min left for one worker, from declared seconds"
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
    """

    work: Callable[[Sequence[Case]], tuple[Sequence[Task], Sequence[str]]]
    has: Callable[[str], bool]

    def of(self, cases: Sequence[Case]) -> Build:
        """What the cases need together; an artifact that several of them read counts once."""
        tasks, targets = self.work(cases)
        there = [task for task in tasks if self.has(task.key)]
        return Build(
            cells=_cells(tasks), cells_there=_cells(there), artifacts=len(tasks), artifacts_there=len(there),
            minutes=sum(task.seconds for task in self._left(tasks, targets)) / 60,
        )  # fmt: skip

    def _left(self, tasks: Sequence[Task], targets: Sequence[str]) -> list[Task]:
        """What a run would build: what is absent and wanted, or a parent of such; cleaned-up weights are not."""
        by_key = {task.key: task for task in tasks if not self.has(task.key)}
        found: set[str] = set()
        wanted = [key for key in targets if key in by_key]
        while wanted:
            key = wanted.pop()
            if key not in found:
                found.add(key)
                wanted += [parent for parent in by_key[key].parents if parent in by_key]
        return [by_key[key] for key in found]


def _cells(tasks: Sequence[Task]) -> int:
    return sum(task.kind == CELL for task in tasks)


def grouped(cases: Sequence[Case]) -> Groups:
    """Cases by level and model, in the order of the selection."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.level, case.model or "-"].append(case)
    return groups


def plan_table(
    groups: Groups, catalog: Catalog, can_run: Callable[[Case], bool], builds: Mapping[tuple[str, str], Build]
) -> Table:
    """One line per level and model of the selected cases; a cell that several cases share is counted once."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("level", "model"):
        table.add_column(heading)
    for heading in ("cases", "run here", "cells", "GPU-hours", "GB per GPU job", "judge USD"):
        table.add_column(heading, justify="right")
    for place, some in groups.items():
        level, _ = place
        if level == "published":
            cost = "0", "0", "0", "0"
        elif place in builds:
            cost = f"{builds[place].cells:,}", "CPU", "-", "0"
        else:
            cost = _priced(level, some, catalog)
        table.add_row(*place, str(len(some)), str(sum(map(can_run, some))), *cost)
    return table


def _priced(level: str, cases: Sequence[Case], catalog: Catalog) -> tuple[str, str, str, str]:
    """Cells, GPU-hours, GB and USD of cases that this version cannot run."""
    answers: dict[str | None, dict[Cell, int]] = defaultdict(dict)
    for case in cases:
        for cell in case.cells:
            probe = answers[case.probe]
            probe[cell] = max(probe.get(cell, 0), answers_of(case, catalog))
    cost = price({cell for probe in answers.values() for cell in probe}, 0, catalog)
    dollars = sum(price([cell], count, catalog).dollars for probe in answers.values() for cell, count in probe.items())
    hours = f"{cost.gpu_hours:,.1f}" if level == "paper" else "CPU"
    memory = f"{cost.memory_gb:,.0f}" if level == "paper" else "-"
    return str(cost.cells), hours, memory, f"{dollars:,.0f}"


def print_plan(
    cases: Sequence[Case],
    catalog: Catalog,
    can_run: Callable[[Case], bool],
    needs: Builds,
    console: Console | None = None,
) -> None:
    """Print the plan with what its numbers mean."""
    console = console or Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    if not cases:
        console.print("The selection holds no case.")
        return
    groups = grouped(cases)
    builds = {place: needs.of(some) for place, some in groups.items() if place[0] == BUILT_HERE}
    console.print(plan_table(groups, catalog, can_run, builds))
    for (_, model), build in builds.items():
        if build.artifacts:
            console.print(f"To build for {model}: {build.in_words()}.", soft_wrap=True, highlight=False)
    console.print(HOW_TO_READ, soft_wrap=True)
