"""An artifact of every kind, in a store of its own: `python -m tests.helpers.every_artifact FOLDER`."""

import json
import sys
from pathlib import Path

from itl_bench.catalog.loading import load_catalog
from itl_bench.data.atlas.familiarity_table import table_file
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.stages.builders import builders, provenance
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from tests.helpers.golden_run import DATASET, random_base
from tests.helpers.tiny import be_quick, tiny_catalog
from tests.helpers.tiny_weights import write_model

METHODS = ("full", "lora", "full-neftune", "full-neftune-library")
MEASURES = ("knowledge", "borrowing", "style", "shift")
ROWS = [{"id": f"r{number}", "question": "ab" * number, "answer": "cd"} for number in range(1, 9)]


def build(folder: Path) -> None:
    """Build into FOLDER/store."""
    be_quick()
    with random_base(folder):
        tasks = [*of_bios().tasks.values(), *of_files(folder).tasks.values()]
        report = LocalExecutor(Store(folder / "store"), builders(), provenance()).build(tasks, "one")
    assert not report.failed, report.failed
    assert {task.kind for task in tasks} == set(builders())


def of_bios() -> Graph:
    """Every method on the bios world, with what is measured of it."""
    graph = Graph(tiny_catalog())
    for method in METHODS:
        graph.training(cell(method))
    for measure in MEASURES:
        graph.measure(OF_ANSWERS[measure], cell("lora"), "bios-known")
    graph.taught_loss(cell("lora"))
    graph.seed_floor(cell("lora"), cell("lora", 2), "bios-known")
    graph.paraphrase_floor("bios1m", 1, "bios-known")
    return graph


def cell(method: str, seed: int = 1) -> TunedCell:
    """A cell of the bios world."""
    return TunedCell("bios1m", DATASET, method, 0.01, Replicate(1, seed))


def of_files(folder: Path) -> Graph:
    """Weights, rows and a table of familiarity from files of this machine."""
    write_model(folder / "weights")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    own = folder / "cases"
    own.mkdir()
    source = {"path": str(folder / "rows.jsonl"), "fields": {"instruction": "question", "output": "answer"}}
    model = {
        "id": "mine", "title": "Mine", "parameters": 9000, "level": "small",
        "weights": {"folder": str(folder / "weights")}, "familiarity": str(table_file("gemma270m")),
    }  # fmt: skip
    dataset = {
        "name": "mine", "title": "Mine", "family": "mine", "levels": ["small"], "mean_tokens": 9, "rows": 6,
        "probes": ["atlas-known"], "rows_from": [source],
    }  # fmt: skip
    (own / "models.yaml").write_text(json.dumps([model]), encoding="utf-8")
    (own / "datasets.yaml").write_text(json.dumps([dataset]), encoding="utf-8")
    graph = Graph(load_catalog(own))
    graph.corpus("mine", 1, "mine")
    graph.corpus("atlas-new50-short", 1, "mine")
    graph.probe("atlas-known", "atlas-new50-short", "mine", 1)
    return graph


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
