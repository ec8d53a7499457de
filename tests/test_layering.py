"""Arrows point one way, and whoever plans or reads reports needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import itl_bench

PACKAGE = Path(itl_bench.__file__).parent

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
    "verdicts.stats.rule",
    "verdicts.published",
    "report.write",
    "catalog.loading",
    "catalog.grid.build",
    "plan.price",
    "plan.graph",
    "verdicts.summary",
    "record",
    "store.store",
    "store.executor",
    "plugin",
    "cli",
]


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


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
