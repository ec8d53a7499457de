"""Arrows point one way, and whoever plans or reads reports needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import itl_bench

PACKAGE = Path(itl_bench.__file__).parent

# From the bottom up: a module may import modules of its own line or of lines above it.
LAYERS = [
    ["itl_bench", "errors", "vocabulary"],
    ["specs", "stats", "provenance", "explain", "machine", "devices"],
    ["weights_specs"],
    ["csv_table", "yaml_file", "record_cells", "record", "keys", "cell_specs", "claim_specs", "model_specs"],
    ["data"],
    ["dataset_specs"],
    ["comparison", "matched_loss", "measures", "methods", "generation"],
    ["matchers", "method_specs"],
    ["familiarity"],
    ["claiming", "artifact"],
    ["weights_digests", "weights_folder"],
    ["weights_hub"],
    ["weights"],
    ["training"],
    ["recipe_specs", "memory_costs"],
    ["speeds"],
    ["costs"],
    ["store"],
    ["task_queue", "cleaning"],
    ["building"],
    ["published"],
    ["references", "matching"],
    ["catalog"],
    ["cases"],
    ["grid_published", "grid_measured", "describe", "plan", "expectations", "cell_tables"],
    ["task_costs", "disk"],
    ["grid", "finding", "carried", "case_words"],
    ["single_pairs"],
    ["findings"],
    ["claims", "summary", "report", "worlds", "stage_files", "asking"],
    ["tasks"],
    ["chosen_rates"],
    ["case_tasks", "sweeping"],
    ["measured", "runnable", "floors", "examples"],
    ["measured_trend", "measured_matched"],
    ["judging_trends"],
    ["shift_stage", "floor_stage", "loss_stage", "overlap_stage", "judging_phase"],
    ["checkpoint_stage", "data_stages"],
    ["stages"],
    ["building_phase"],
    ["options", "state"],
    ["evidence", "cell_notes", "recorder", "perf", "perf_shift", "perf_train", "built_cells"],
    ["controller"],
    ["fixtures"],
    ["plugin", "cli_store", "cli_atlas", "cli_bios", "cli_data", "cli_perf", "cli_sweep"],
    ["cli"],
]
RANK = {name: number for number, names in enumerate(LAYERS) for name in names}
HEAVY = ("torch", "transformers", "peft", "vllm", "accelerate", "openai")
BLOCK = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
"""
LIGHT = [
    "stats",
    "claims",
    "report",
    "catalog",
    "grid",
    "plan",
    "summary",
    "record",
    "store",
    "building",
    "plugin",
    "cli",
]


def layer_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def imports(path: Path):
    """Modules of the package that a file imports when it runs; imports for type checkers only are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__init__", "itl_bench")
    for module in imports(path):
        if module.split(".")[0] == "itl_bench":
            assert RANK[layer_of(module)] <= RANK[own], f"{path.name} imports {module}, which is above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_relative_imports_are_not_used(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", LIGHT)
def test_without_torch_installed(name):
    result = run(f"{BLOCK}import itl_bench.{name}")
    assert result.returncode == 0, result.stderr


def test_collecting_loads_neither_torch_nor_scipy():
    code = (
        "import sys, pytest\n"
        f"arguments = [{str(PACKAGE.parent / 'benchmark')!r}, '--collect-only', '-qq', '-p', 'itl_bench.plugin']\n"
        "code = pytest.main(arguments)\n"
        f"found = [name for name in {(*HEAVY, 'scipy', 'numpy')!r} if name in sys.modules]\n"
        "sys.exit(f'loaded {found}' if found else int(code))"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
