"""Speed of the suite itself, measured as ratios or differences within one run; never a pass/fail test."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from itl_bench.catalog import shipped
from itl_bench.errors import UsageError


class CollectTimes(NamedTuple):
    """Median seconds of collecting an empty test file, and the whole grid."""

    empty: float
    grid: float
    cases: int


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
