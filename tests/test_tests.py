"""Tests stand in folders named after rooms of the package, and share helpers, not each other."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "itl_bench"
FILES = {path.relative_to(TESTS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py"))}
HELPERS = {Path(name).stem for name in FILES if name.startswith("helpers/")}
NO_ROOMS = {"helpers", "golden"}


class Import(NamedTuple):
    """One import: the module with its dots, and the names taken from it, none where the module itself is imported."""

    module: str
    names: tuple[str, ...]


def imports(text: str) -> Iterator[Import]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield Import("." * node.level + (node.module or ""), tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (Import(alias.name, ()) for alias in node.names)


def is_of_tests(one: Import) -> bool:
    top = one.module.partition(".")[0]
    return top in {"", "tests", "helpers", "conftest"} | HELPERS or top.startswith("test_")


def wrong_imports(text: str) -> list[str]:
    """What a file takes from tests in any other way than `from tests.helpers.module import name`."""
    of_tests = filter(is_of_tests, imports(text))
    right = {f"tests.helpers.{name}" for name in HELPERS}
    return [one.module for one in of_tests if not (one.module in right and one.names)]


def changes_the_path(text: str) -> bool:
    """Does a file name `sys.path`? Text that other processes run is no name."""
    return any(ast.unparse(node) == "sys.path" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute))


def wrong_folder(name: str) -> str | None:
    """Why a test module of this name stands where no room of the package is."""
    folders = name.split("/")[:-1]
    if folders and folders[0] not in NO_ROOMS and not PACKAGE.joinpath(*folders, "__init__.py").is_file():
        return f"{name}: there is no itl_bench/{'/'.join(folders)}/"
    return None


def misplaced(name: str) -> bool:
    """Is a helper among the tests, or a test among the helpers?"""
    is_test = Path(name).stem.startswith("test_") or Path(name).name == "conftest.py"
    return is_test == name.startswith("helpers/")


def test_files_take_what_they_share_from_helpers():
    assert not {name: found for name, text in FILES.items() if (found := wrong_imports(text))}


def test_no_file_changes_where_python_looks_for_modules():
    assert not [name for name, text in FILES.items() if changes_the_path(text)]


def test_folders_are_named_after_rooms():
    assert not [found for name in FILES if (found := wrong_folder(name))]


def test_helpers_are_with_helpers_and_tests_with_tests():
    assert not [name for name in FILES if misplaced(name)]


@pytest.mark.parametrize(
    "line",
    [
        "from tests.store.test_locks import held",
        "from tests.test_record import CASE",
        "import tests.test_record",
        "from tests import test_record",
        "from test_record import CASE",
        "from .test_locks import held",
        "from . import test_locks",
        "from running import run",
        "import running",
        "import tests.helpers.running",
        "from tests.helpers import running",
        "from tests import helpers",
        "from helpers.running import run",
        "from tests.conftest import build",
        "from tests.helpers.no_such_helper import run",
        "def late():\n    from running import run",
    ],
)
def test_a_planted_import_is_found(line):
    assert len(wrong_imports(line)) == 1


@pytest.mark.parametrize(
    "line", ["from tests.helpers.running import run", "import pytest", "from itl_bench.store.keys import Task"]
)
def test_other_imports_are_left_alone(line):
    assert not wrong_imports(line)


@pytest.mark.parametrize(("line", "found"), [("sys.path.insert(0, 'tests')", True), ("TEXT = 'sys.path'", False)])
def test_a_planted_path_is_found(line, found):
    assert changes_the_path(line) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("store/test_planted.py", False),
        ("data/atlas/test_planted.py", False),
        ("test_planted.py", False),
        ("helpers/planted.py", False),
        ("golden/planted.py", False),
        ("stats/test_planted.py", True),
        ("store/helpers/test_planted.py", True),
        ("verdicts/published/test_planted.py", True),
    ],
)
def test_a_planted_folder_is_found(name, found):
    assert (wrong_folder(name) is not None) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("store/test_planted.py", False),
        ("helpers/planted.py", False),
        ("conftest.py", False),
        ("stages/judges/conftest.py", False),
        ("helpers/conftest.py", True),
        ("store/planted.py", True),
        ("helpers/test_planted.py", True),
    ],
)
def test_a_planted_helper_is_found_among_tests_and_a_test_among_helpers(name, found):
    assert misplaced(name) == found
