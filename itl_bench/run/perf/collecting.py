"""Speed of the suite itself, measured as ratios or differences within one run; never a pass/fail test."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from itl_bench.catalog.loading import shipped
from itl_bench.errors import UsageError
from itl_bench.store.artifact import TRAINING
from itl_bench.store.store import Store

PARTS = ("forward", "backward", "step")


class CollectTimes(NamedTuple):
    """Median seconds of collecting an empty test file, and the whole grid."""

    empty: float
    grid: float
    cases: int


class CellTimes(NamedTuple):
    """Mean seconds of building a tuned cell, and the shares of it that training took."""

    cells: int
    seconds: float
    shares: dict[str, float]


def cell_times(store: Store) -> CellTimes:
    """Where the time of the tuned cells in a store went.

    Raises:
        UsageError: The store has none.
    """
    total, parts, count = 0.0, dict.fromkeys(PARTS, 0.0), 0
    for key in store.keys():  # noqa: SIM118  (a method of the store, not of a mapping)
        manifest = store.manifest(key)
        if manifest.kind == "checkpoint":
            seconds = json.loads((store.folder(key) / TRAINING).read_text(encoding="utf-8"))["seconds"]
            parts = {part: parts[part] + seconds[part] for part in PARTS}
            total, count = total + manifest.seconds, count + 1
    if not count:
        raise UsageError(f"the store {store.root} has no tuned cell; run the benchmark with a profile that trains")
    return CellTimes(count, total / count, {part: parts[part] / total for part in PARTS})


def collect_times(repeats: int = 5) -> CollectTimes:
    """Time `pytest --collect-only` on an empty test file and on the whole grid, in turns.

    Args:
        repeats: How often each is run; the medians count.

    Raises:
        UsageError: Collecting failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "test_empty.py"
        empty.write_text("def test_nothing():\n    pass\n", encoding="utf-8")
        pairs = [(_collect(empty), _collect(shipped("benchmark"), "-p", "itl_bench.plugin")) for _ in range(repeats)]
    cases = int(pairs[0][1][1].rsplit("\n", 2)[-2].split()[0].partition("/")[0])
    return CollectTimes(median(pair[0][0] for pair in pairs), median(pair[1][0] for pair in pairs), cases)


def _collect(path: Path, *options: str) -> tuple[float, str]:
    command = [sys.executable, "-m", "pytest", str(path), "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
    seconds = time.perf_counter() - started
    if result.returncode != 0:
        raise UsageError(f"collecting {path} failed:\n{result.stdout}{result.stderr}")
    return seconds, result.stdout.rstrip() + "\n"
