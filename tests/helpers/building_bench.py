"""Runs of the benchmark on one store with trivial stages."""

import os
from collections import Counter
from pathlib import Path

from tests.helpers.running import run

SELECTED = "C10a and (published or bios1m and fair and not padded and not sized)"
# By the fakes: one base, two cells and one table for each of six datasets of bios.
WHOLE = {"base": 1, "checkpoint": 12, "measure": 6}


class Bench:
    """Runs on one store with trivial stages, and the log of what they did."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.store = folder / "store"
        self.log = folder / "log"
        self.runs = 0
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
        monkeypatch.setenv("PYTEST_PLUGINS", "tests.helpers.fake_stages")
        monkeypatch.setenv("ITL_TEST_LOG", str(self.log))
        self.environment = monkeypatch.setenv

    def run(self, *arguments, **options):
        self.log.unlink(missing_ok=True)
        self.runs += 1
        selection = [] if "-k" in arguments else ["-k", SELECTED]
        reports = self.folder / f"reports{self.runs}"
        return run(reports, "--itl-store", self.store, *selection, *arguments, **options)

    @property
    def logged(self):
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    @property
    def built(self):
        """Kind -> how many were built; each of them once."""
        lines = [line.split() for line in self.logged if line.startswith("built ")]
        keys = [key for _, _, key in lines]
        assert len(set(keys)) == len(keys)
        return dict(Counter(kind for _, kind, _ in lines))
