"""A pytest plugin that puts trivial stages in place of those that train: `PYTEST_PLUGINS=tests.helpers.fake_stages`.

Measured cases of bios1m can run: a base, a checkpoint for each cell, a table for each case. What happens is logged to
the file ITL_TEST_LOG. ITL_TEST_SECONDS is what a checkpoint takes, ITL_TEST_FAIL the dataset whose checkpoints fail,
ITL_TEST_ERROR "builders" or "tasks" where that stage cannot even be loaded, ITL_TEST_REFUSE the dataset that the base
cannot be asked for, ITL_TEST_MALFORMED the dataset whose tasks cannot be made.
"""

import errno
import os
import sys
import time
from pathlib import Path
from types import ModuleType

from itl_bench.errors import UnsuitableBaseError, UsageError
from itl_bench.plan.lacking import missing
from itl_bench.store.keys import Task
from itl_bench.verdicts.facts import Numbers, record_of

BASE = Task("base", {"model": "bios1m"})


def log(word):
    with Path(os.environ["ITL_TEST_LOG"]).open("a", encoding="utf-8") as stream:
        stream.write(f"{word}\n")


def why_not(case, catalog, profile, root):
    return None if case.model == "bios1m" else missing(case, catalog)


def checkpoints(case):
    seconds = float(os.environ.get("ITL_TEST_SECONDS", "0"))
    cells = sorted({(cell.dataset, cell.method) for cell in case.cells})
    if any(dataset == os.environ.get("ITL_TEST_MALFORMED") for dataset, _ in cells):
        raise UsageError("the dataset says nowhere where its rows come from: add 'rows_from'")
    parents = [BASE, *refused(case)]
    return [
        Task("checkpoint", {"dataset": d, "method": {"id": m}}, tuple(one.key for one in parents), seconds=seconds)
        for d, m in cells
    ]


def refused(case):
    names = {cell.dataset for cell in case.cells} & {os.environ.get("ITL_TEST_REFUSE")}
    return [Task("corpus", {"dataset": name}, (BASE.key,)) for name in names]


def table(case):
    return Task("measure", {"case": case.id}, tuple(task.key for task in checkpoints(case)))


def tasks_of(cases, catalog, profile):
    if os.environ.get("ITL_TEST_ERROR") == "tasks":
        raise ZeroDivisionError("a mistake in code")
    cases = list(cases)
    tasks = [BASE, *(task for case in cases for task in (*refused(case), *checkpoints(case), table(case)))]
    return list({task.key: task for task in tasks}.values()), [table(case).key for case in cases]


def build(task, parents, folder):
    if task.kind == "corpus":
        raise UnsuitableBaseError("125 items about unknown facts are wanted; the base has 40")
    if task.kind == "checkpoint":
        if task.spec["dataset"] == os.environ.get("ITL_TEST_FAIL"):
            raise ValueError("the loss is NaN")
        time.sleep(float(os.environ.get("ITL_TEST_SECONDS", "0")))
    (folder / "text").write_text(task.kind, encoding="utf-8")
    log(f"built {task.kind} {task.key}")


def builders():
    if os.environ.get("ITL_TEST_ERROR") == "builders":
        raise OSError(errno.ENOSPC, "No space left on device")
    sys.modules["peft"] = ModuleType("peft")  # stands for what real builders load
    return dict.fromkeys(("base", "corpus", "checkpoint", "measure"), build)


def verdict_from_store(case, catalog, profile, store, diverged):
    artifact = store.open(table(case).key)
    assert (artifact.folder / "text").read_text(encoding="utf-8") == "measure"
    record = record_of(case, catalog, Numbers("SUPPORTED", reason="as built", p_value=0.001))
    return record.model_copy(update={"artifacts": (artifact.manifest.key,)})


def pytest_sessionfinish():
    for name in ("torch", "transformers", "peft"):
        if name in sys.modules:
            log(f"loaded {name}")


def install(name, **functions):
    module = ModuleType(name)
    vars(module).update(functions)
    sys.modules[name] = module


install("itl_bench.plan.runnable", why_not=why_not)
install("itl_bench.plan.reads", tasks_of=tasks_of, read_by=lambda graph, case, table: [])
install("itl_bench.stages.builders", builders=builders, group_builders=dict, provenance=lambda: {"device": "none"})
install("itl_bench.verdicts.measured", verdict_from_store=verdict_from_store)
install(
    "itl_bench.run.recording.cells", cells_of=lambda tasks, catalog, store: None
)  # of these cells there is nothing to say
install("itl_bench.run.recording.parity", parity_of=lambda tasks, store: None)
