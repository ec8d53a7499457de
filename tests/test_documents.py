"""The documents' examples work as they are printed."""

import re
import subprocess
import sys

import pytest

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog, shipped

TOP = shipped("cases").parent
CONTRIBUTING = TOP / "CONTRIBUTING.md"

pytestmark = pytest.mark.skipif(not CONTRIBUTING.exists(), reason="only a checkout has the documents")


def test_the_examples_of_contributing_are_valid_and_give_cases(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", CONTRIBUTING.read_text(encoding="utf-8"), flags=re.S)
    files = ("models.yaml", "datasets.yaml", "recipes.yaml", "claims/y01.yaml", "cells.yaml", "cells.yaml")
    assert len(blocks) == len(files)
    for name, block in zip(files, blocks, strict=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(block)
    catalog = load_catalog(tmp_path)
    assert catalog.own_claims == {"Y01"}
    ids = [case.id for case in build_grid(catalog)]
    assert [key for key in ids if key.startswith("Y01-measured-llama7b-mydata-10k-lora-vs-full-just-eval")]
    assert [key for key in ids if key.startswith("C10a-measured-mymodel-dolly-15k")]
    assert (catalog.recipes["mine"].tuning.epochs, set(catalog.recipes["mine"].reasons)) == (5, {"epochs"})
    assert catalog.cells["embedded"].seeds == (21, 22)
    assert catalog.cells["bios-full-fair"].sweep_seeds == (51,)


@pytest.mark.parametrize("page", sorted(TOP.glob("docs/*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_commands_of_the_readme_exist():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^itl-bench ([a-z]+)", text, flags=re.M))
    code = "from itl_bench.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert named
    assert all(re.search(rf"\b{name}\b", result.stdout) for name in named)


def test_every_option_is_in_the_readme():
    source = (shipped("cases").parent / "itl_bench" / "run" / "options.py").read_text(encoding="utf-8")
    text = (TOP / "README.md").read_text(encoding="utf-8")
    options = re.findall(r'"(--itl-[a-z]+)"', source)
    assert len(options) == 8
    assert all(f"`{option}" in text for option in options)
