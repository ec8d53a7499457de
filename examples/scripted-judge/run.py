"""Cells of the bios world, scored by judges whose difference between LoRA and full tuning is known: one command.

    python examples/scripted-judge/run.py [options of pytest, as --itl-store DIR or -n 2]

The first run trains twelve cells and lets them answer (two minutes on two cores); three more let a judge score them.
"""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from planted import PLANTED, Given, serve

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.words import find_case
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.rows import Prompt, Response, read_lines
from itl_bench.plan.graph import Graph, parents_of
from itl_bench.plan.reads import read_by
from itl_bench.store.artifact import PROMPTS, RESPONSES
from itl_bench.store.store import Store, default_root

HERE = Path(__file__).parent
NAME = "C10a and bios-new30-short and {measure} and shared-rate"
WORDS = {"model": "bios1m", "dataset": "bios-new30-short", "arm": "shared-rate", "probe": "bios-known"}


def main(options: list[str]) -> int:
    """Answers first, since the judges have to know whose they are; then each judge."""
    if found := _pytest("knowledge", options):
        return found
    judges = serve(_given(_store(options)))
    threading.Thread(target=judges.serve_forever, daemon=True).start()
    try:
        for judge, planted in PLANTED.items():
            print(f"\n{judge}: LoRA minus full tuning is {planted:+.1f} points", flush=True)
            _pytest("aspects", ["--itl-cases", str(HERE / "cases"), "--itl-judge", judge, "-rA", *options])
    finally:
        judges.shutdown()
    return 0


def _pytest(measure: str, options: list[str]) -> int:
    top = HERE.parents[1]
    command = [sys.executable, "-m", "pytest", "benchmark/", "-q", "-k", NAME.format(measure=measure), *options]
    return subprocess.run(command, cwd=top, env=os.environ | {"PYTHONPATH": str(top)}).returncode


def _store(options: list[str]) -> Store:
    given = dict(itertools.pairwise(options)) | dict(one.split("=", 1) for one in options if "=" in one)
    return Store(Path(given.get("--itl-store") or default_root()).absolute())


def _given(store: Store) -> Iterator[Given]:
    """Every answer of the cells, with the method that gave it."""
    catalog = load_catalog()
    case = find_case(catalog, "C10a", WORDS | {"measure": "knowledge", "evidence": "measured"})
    table, graph = cell_table(case, catalog, None), Graph(catalog)
    assert table
    list(read_by(graph, case, table))
    for task in graph.tasks.values():
        parents = {name: graph.tasks[key] for name, key in parents_of(task).items()} if task.kind == "responses" else {}
        if "checkpoint" in parents and parents["probe"].spec["probe"] == "bios-known":
            method = parents["checkpoint"].spec["method"]
            assert isinstance(method, dict)
            prompts = {one.id: one for one in read_lines(store.open(parents["probe"].key).folder / PROMPTS, Prompt)}
            for response in read_lines(store.open(task.key).folder / RESPONSES, Response):
                yield Given(method["id"], prompts[response.prompt].instruction, response.text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
