"""What a case takes of a judge: answers to be scored, their price, and what this machine or budget lacks of it."""

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import CellTable
from itl_bench.catalog.grid.cases import Case
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import read_by
from itl_bench.store.store import MARK, Store

INSTALL = "pip install 'itl_bench[judge]'"


def why_no_judge(
    case: Case, catalog: Catalog, table: CellTable, root: Path, environ: Mapping[str, str] = os.environ
) -> str | None:
    """Why the answers of a case cannot be scored here, with what that would cost; None where they can, or are.

    Args:
        case: A measured case.
        catalog: With what the run has decided.
        table: Of its cells.
        root: Folder of the store; it need not be there yet.
        environ: With the judge's key.
    """
    if "judge" not in catalog.measures[case.measure.measure].needs:
        return None
    has: Callable[[str], bool] = Store(root).has if (root / MARK).exists() else lambda key: False
    left = [task for task in read_by(Graph(catalog), case, table) if "judge" in task.spec and not has(task.key)]
    if not left:
        return None
    if catalog.judge.scripted and case.role != "sanity":
        return f"the scores of {catalog.judge.id} are scripted, no evidence: a claim that it scores has 'role: sanity'"
    judge, probe = catalog.judge, catalog.probes[case.left.probe or case.probe or ""]
    answers = len({task.key for task in left}) * probe.prompts
    dollars = answers * judge.dollars_per_answer
    lacks = []
    if find_spec("openai") is None:
        lacks.append(INSTALL)
    if not judge.is_local and not environ.get(judge.key):
        lacks.append(f"its key in the environment variable {judge.key}")
    if dollars > catalog.judging.most:
        lacks.append(f"--itl-max-cost {dollars:.2f}, now {catalog.judging.most:g}")
    if not lacks:
        return None
    return f"needs the judge {judge.id} for {answers:,} answers, about {dollars:,.2f} USD: {'; '.join(lacks)}"
