"""Arrows point one way: which room may import which, where torch may be named, and no circle of modules anywhere."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import itl_bench
from tests.helpers.without import refusing

PACKAGE = Path(itl_bench.__file__).parent

# What a room may import, beside itself; the longest name that fits a module is its room.
GROUND = {"errors", "vocabulary", "specs", "files"}
MAY_IMPORT: dict[str, set[str] | None] = {
    "errors": set(),
    "vocabulary": set(),
    "specs": {"vocabulary"},
    "files": {"errors"},
    "record": GROUND | {"record_cells"},
    "record_cells": set(),
    "store": {"errors", "files"},
    "data": GROUND,
    "methods": GROUND | {"data"},
    "measures": GROUND | {"data"},
    "measures.registry": GROUND,  # names functions as "module:function"; loads none
    "measures.judge": GROUND,
    "measures.rubric": GROUND,
    "machine": GROUND | {"methods"},
    "catalog": GROUND | {"data", "measures.registry", "measures.judge", "measures.rubric", "methods"},
    "catalog.grid": GROUND | {"data", "methods", "catalog"},
    "plan": GROUND
    | {
        "catalog",
        "catalog.grid",
        "data",
        "machine",
        "measures.registry",
        "measures.judge",
        "measures.rubric",
        "methods",
    }
    | {"store"},
    "stages": GROUND
    | {"data", "machine", "measures", "measures.registry", "methods", "store"}
    | {"measures.judge", "measures.rubric"},  # a task says it all
    "verdicts.stats": {"errors", "vocabulary"},
    "verdicts": GROUND
    | {"catalog", "catalog.grid", "data", "measures.judge", "plan", "record", "store", "verdicts.stats"},
    "report": GROUND | {"data", "methods", "record", "record_cells"},
    "run": None,  # anything but the doors
    "plugin": None,
    "cli": None,
}
DOORS = {"plugin", "cli"}

# Where heavy packages may be named; type checkers may read of them anywhere.
TRAINING = ("torch", "transformers", "peft", "accelerate")
TRAINING_ROOMS = {"methods", "measures", "stages", "run.perf"}
TRAINING_FILES = {"data.bios.tokens", "run.fixtures"}  # a tokenizer's own format; the fixture `device`
HEAVY: dict[str, set[str]] = {
    **dict.fromkeys(TRAINING, TRAINING_ROOMS | TRAINING_FILES),
    "vllm": {"stages.generation.vllm_engine"},
    "openai": {"stages.judges"},
    "httpx2": {"stages.judges"},  # what openai runs on
    "ray": {"store.ray_executor"},
}


TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"


class Import(NamedTuple):
    """One imported module, and whether only type checkers read the line."""

    module: str
    typing_only: bool


def imports(text: str, modules: Mapping[str, str]) -> Iterator[Import]:
    """Everything that a file imports, wherever in it; submodules by their own name."""
    tree = ast.parse(text)
    checked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield Import(whole if whole in modules else node.module, node in checked)
        elif isinstance(node, ast.Import):
            yield from (Import(alias.name, node in checked) for alias in node.names)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)
MODULES = {name_of(path): path.read_text(encoding="utf-8") for path in FILES}


def within(module: str, names: set[str] | Mapping[str, object]) -> str | None:
    """The longest of some dotted names that a module of the package is or is in."""
    inside = module.removeprefix("itl_bench").removeprefix(".")
    fitting = [name for name in names if inside == name or inside.startswith(f"{name}.")]
    return max(fitting, key=len, default=None)


def arrows_against(module: str, text: str) -> list[str]:
    """The imports of a module that its room may not have."""
    room, found = within(module, MAY_IMPORT), []
    if room is None:
        return [f"{module} is in no room; the rooms are {', '.join(MAY_IMPORT)}"]
    for one in imports(text, MODULES):
        if not one.module.startswith("itl_bench."):
            continue
        other = within(one.module, MAY_IMPORT)
        allowed = MAY_IMPORT[room]
        allowed = set(MAY_IMPORT) - DOORS if allowed is None else allowed
        if other != room and other not in allowed:
            found.append(f"{module} imports {one.module}: {room} may not import {other}")
    return found


def heavy_in(module: str, text: str) -> list[str]:
    """The heavy packages that a module names and may not."""
    tops = {one.module.partition(".")[0] for one in imports(text, MODULES) if not one.typing_only}
    return [f"{module} names {top}" for top in sorted(tops & HEAVY.keys()) if within(module, HEAVY[top]) is None]


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"itl_bench"}))
def test_imports_point_one_way(module):
    assert not arrows_against(module, MODULES[module])


@pytest.mark.parametrize("module", sorted(MODULES))
def test_heavy_packages_are_named_in_their_rooms_only(module):
    assert not heavy_in(module, MODULES[module])


@pytest.mark.parametrize("module", sorted(MODULES))
def test_relative_imports_are_not_used(module):
    assert not [
        node for node in ast.walk(ast.parse(MODULES[module])) if isinstance(node, ast.ImportFrom) and node.level
    ]


def rooms_on(page: str) -> dict[str, set[str] | None]:
    """The rooms in the table of a page, with what it says that they may import."""
    rooms: dict[str, set[str] | None] = {}
    for name, accepted in re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \|$", page, flags=re.M):
        named, ground = names_in(accepted), GROUND if "the ground" in accepted else set()
        rooms[name] = None if accepted == "anything but the doors" else named | ground
    return rooms


def names_in(text: str) -> set[str]:
    return set(re.findall(r"`([\w.]+)`", text))


def test_the_page_on_the_architecture_says_the_same():
    page = PACKAGE.parent / "docs" / "architecture.md"
    if not page.exists():
        pytest.skip("only a checkout has the documents")
    text = page.read_text(encoding="utf-8")
    assert rooms_on(text) == MAY_IMPORT
    assert names_in(text.partition('"The ground" is ')[2].partition(".")[0]) == GROUND
    assert set(re.findall(r"^\| `([\w.]+)` \| a door: ", text, flags=re.M)) == DOORS


def check_circles(modules):
    """CycleError names the modules of a circle."""
    graph = {name: {one.module for one in imports(text, modules)} & modules.keys() for name, text in modules.items()}
    graphlib.TopologicalSorter(graph).prepare()


def test_there_is_no_circle():
    check_circles(MODULES)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("itl_bench.verdicts.planted", "from itl_bench.stages.loading import load_model"),
        ("itl_bench.verdicts.stats.planted", "from itl_bench.verdicts import tables"),
        ("itl_bench.stages.planted", "from itl_bench.catalog.catalog import Catalog"),
        ("itl_bench.report.planted", "from itl_bench.plan.graph import Graph"),
        ("itl_bench.report.planted", "from itl_bench.store.queue import Queue"),
        ("itl_bench.catalog.planted", "import itl_bench.catalog.grid.build"),
        ("itl_bench.measures.registry", "from itl_bench.measures.style import style"),
        ("itl_bench.run.planted", "import itl_bench.plugin"),
        ("itl_bench.store.planted", "def late():\n    from itl_bench.data.rows import Item"),
        (
            "itl_bench.store.planted",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from itl_bench.data.rows import Item",
        ),
        ("itl_bench.helpers", "import math"),
    ],
)
def test_a_planted_arrow_is_found(module, line):
    assert len(arrows_against(module, line)) == 1


@pytest.mark.parametrize(
    ("module", "line", "found"),
    [
        ("itl_bench.plan.planted", "import torch", 1),
        ("itl_bench.verdicts.planted", "def late():\n    from torch import nn", 1),
        ("itl_bench.store.planted", "import ray", 1),
        ("itl_bench.stages.generation.hf", "import vllm", 1),
        ("itl_bench.stages.generation.vllm_engine", "import vllm", 0),
        ("itl_bench.stages.judges.client", "import openai", 0),
        ("itl_bench.stages.planted", "import torch, transformers", 0),
        ("itl_bench.run.state", "import peft", 1),
        ("itl_bench.run.fixtures", "import torch", 0),
        ("itl_bench.plan.planted", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", 0),
    ],
)
def test_a_planted_heavy_package_is_found(module, line, found):
    assert len(heavy_in(module, line)) == found


@pytest.mark.parametrize(
    "line", ["import itl_bench.b", "def late():\n    from itl_bench import b", f"{TYPING}    from itl_bench.b import B"]
)
def test_a_planted_circle_is_found(line):
    with pytest.raises(graphlib.CycleError):
        check_circles({"itl_bench.a": line, "itl_bench.b": "from itl_bench.a import A"})


@pytest.mark.parametrize("room", sorted(name for name in MODULES if (PACKAGE.parent / name.replace(".", "/")).is_dir()))
def test_a_room_is_its_docstring_and_nothing_else(room):
    tree = ast.parse(MODULES[room])
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1 or room == "itl_bench"  # which also has the version


LIGHT = ("catalog", "plan", "store", "verdicts", "report", "record", "plugin", "cli")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", LIGHT)
def test_without_torch_installed(room):
    modules = [name for name in MODULES if re.match(rf"itl_bench\.{re.escape(room)}(\.|$)", name)]
    assert modules
    result = run(refusing(HEAVY) + "".join(f"import {name}\n" for name in modules))
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
