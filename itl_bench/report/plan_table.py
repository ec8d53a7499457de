"""The plan as a table: what a selection needs, and what it would roughly cost."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from itl_bench.cases import Case, Cell
from itl_bench.catalog import Catalog
from itl_bench.plan import answers_of, price

HOW_TO_READ = (
    "Cells at one learning rate with five replicates each; GPU-hours and USD are rough, from declared speeds and "
    "prices. The cases under 'run here' can be judged on this machine; a run with -rs says what the others need."
)
FILE_WIDTH = 120  # characters of a line that goes to no terminal


def plan_table(cases: Sequence[Case], catalog: Catalog, can_run: Callable[[Case], bool]) -> Table:
    """One line per level and model of the selected cases; a cell that several cases share is priced once."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("level", "model"):
        table.add_column(heading)
    for heading in ("cases", "run here", "cells", "GPU-hours", "GB per GPU job", "judge USD"):
        table.add_column(heading, justify="right")
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.level, case.model or "-"].append(case)
    for (level, model), some in groups.items():
        counts = str(len(some)), str(sum(map(can_run, some)))
        if level == "published":
            table.add_row(level, model, *counts, "0", "0", "0", "0")
            continue
        answers: dict[str | None, dict[Cell, int]] = defaultdict(dict)
        for case in some:
            for cell in case.cells:
                probe = answers[case.probe]
                probe[cell] = max(probe.get(cell, 0), answers_of(case, catalog))
        cells = {cell for probe in answers.values() for cell in probe}
        cost = price(cells, 0, catalog)
        dollars = sum(
            price([cell], count, catalog).dollars for probe in answers.values() for cell, count in probe.items()
        )
        hours = f"{cost.gpu_hours:,.1f}" if level == "paper" else "CPU"
        memory = f"{cost.memory_gb:,.0f}" if level == "paper" else "-"
        table.add_row(level, model, *counts, str(cost.cells), hours, memory, f"{dollars:,.0f}")
    return table


def print_plan(
    cases: Sequence[Case], catalog: Catalog, can_run: Callable[[Case], bool], console: Console | None = None
) -> None:
    """Print the plan with what its numbers mean."""
    console = console or Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    if not cases:
        console.print("The selection holds no case.")
        return
    console.print(plan_table(cases, catalog, can_run))
    console.print(HOW_TO_READ, soft_wrap=True)
