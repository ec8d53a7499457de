"""The wheel alone, installed in an environment of its own, runs the published audit from an empty folder."""

import json
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path

import pytest

from itl_bench.catalog.loading import load_catalog, shipped

TOP = shipped("cases").parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (TOP / "pyproject.toml").exists(), reason="only a checkout is built into a wheel"),
]


def run(*command, cwd):
    """Run a command without anything that leads to the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def pip(*arguments, cwd):
    result = run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of the commands of an environment that has the wheel, and beside it the packages that are here.

    These come later on its path, and a file there that leads to the checkout is not read.
    """
    folder = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []  # else pip fetches it
    pip("wheel", TOP, "--no-deps", "--wheel-dir", folder, *isolation, cwd=folder)
    (wheel,) = folder.glob("itl_bench-*.whl")
    venv.create(folder / "fresh", symlinks=True)
    python = folder / "fresh" / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (packages,) = folder.glob("fresh/lib/python*/site-packages")
    others = sorted({get_path("purelib"), get_path("platlib")})
    (packages / "others.pth").write_text("\n".join(others), encoding="utf-8")
    return python.parent


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def files(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_published_audit_runs_from_an_empty_folder(installed, empty):
    found = run(installed / "python", "-c", "import itl_bench; print(itl_bench.__file__)", cwd=empty)
    package = Path(found.stdout.strip()).parent
    assert package.is_relative_to(installed.parent), found.stderr
    before = files(package)
    result = run(installed / "itl-bench", "run", "--itl-profile", "published", cwd=empty)
    assert result.returncode in (0, 1), result.stdout + result.stderr  # 1: claims are refuted
    (path,) = (one for one in empty.glob("reports/*/record.json") if not one.parent.is_symlink())
    record = json.loads(path.read_text(encoding="utf-8"))
    claims = {case["claim"] for case in record["cases"] if case["verdict"]}
    assert claims == {claim.id for claim in load_catalog().claims.values() if "published" in claim.evidence}
    assert all(claim in result.stdout for claim in claims)
    assert "git" not in record["run"]
    assert files(package) == before  # what is installed is not written to


def test_help_lists_the_commands(installed, empty):
    result = run(installed / "itl-bench", "--help", cwd=empty)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in ("run", "plan", "report", "reference", "baseline", "store"))


def test_no_reference_is_made_from_what_is_installed(installed, empty):
    result = run(installed / "itl-bench", "reference", "published", cwd=empty)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert "run the command in a clone of the repository" in result.stderr
