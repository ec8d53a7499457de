"""Runs the benchmark as a user does, in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from itl_bench.catalog.loading import shipped


@dataclass(frozen=True)
class Run:
    """What a run printed and left behind."""

    code: int
    text: str
    folder: Path

    @property
    def record(self) -> dict:
        """The record of the only run in the folder."""
        (path,) = (path for path in self.folder.glob("*/record.json") if not path.parent.is_symlink())
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def verdicts(self) -> dict[str, str]:
        """Case id -> verdict, of the cases that have a verdict."""
        return {case["id"]: case["verdict"] for case in self.record["cases"] if case.get("verdict")}


def run(reports: Path, *arguments: object, tests: Path | None = None) -> Run:
    """Run pytest on the benchmark, or on a user's own tests, with reports in a folder of their own."""
    target = tests or shipped("benchmark")
    command = [sys.executable, "-m", "pytest", str(target), "-p", "itl_bench.plugin", "-p", "no:cacheprovider"]
    options = [*map(str, arguments), "--itl-report", str(reports)]
    # pytest cuts the lines of its summary, except where it sees one of these: what is printed must not depend on it.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    result = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, env=environment,
        cwd=target if target.is_dir() else None,
    )  # fmt: skip
    return Run(result.returncode, result.stdout + result.stderr, reports)
