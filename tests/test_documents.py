"""The documents' examples work as they are printed."""

import re
import subprocess
import sys

import pytest

from itl_bench.catalog.grid.build import build_grid, find_profile
from itl_bench.catalog.loading import load_catalog, shipped
from itl_bench.data.rows import Prompt, Response
from itl_bench.plan.reads import tasks_of
from itl_bench.record import load

TOP = shipped("cases").parent
CONTRIBUTING = TOP / "CONTRIBUTING.md"
PAGES = [TOP / "README.md", CONTRIBUTING, *sorted(TOP.glob("docs/*.md"))]

pytestmark = pytest.mark.skipif(not CONTRIBUTING.exists(), reason="only a checkout has the documents")


def test_the_examples_of_contributing_are_valid_and_give_cases(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", CONTRIBUTING.read_text(encoding="utf-8"), flags=re.S)
    files = (
        "models.yaml",
        "datasets.yaml",
        "recipes.yaml",
        "claims/y01.yaml",
        "cells.yaml",
        "cells.yaml",
        "measures.yaml",
    )
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
    assert catalog.measures["questions"].function == "mypackage.questions:questions"
    assert catalog.cells["embedded"].seeds == (21, 22)
    assert catalog.cells["bios-full-fair"].sweep_seeds == (51,)


def test_the_measure_of_contributing_makes_its_table():
    (block,) = re.findall(r"```python\n(.*?)```", CONTRIBUTING.read_text(encoding="utf-8"), flags=re.S)
    defined = {}
    exec(block, defined)
    prompts = [Prompt(id=name, unit=name, instruction="Who?") for name in ("a", "b")]
    texts = {"b": "You?", "a": "Me."}
    responses = [Response(prompt=name, prompt_ids=(1,), response_ids=(2,), text=text) for name, text in texts.items()]
    assert defined["questions"](prompts=prompts, responses=responses).columns == {"asks": (0.0, 1.0)}


@pytest.mark.parametrize("page", sorted(TOP.glob("docs/*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def stands(name):
    """Whether a dotted name is a module of the package, or something that one defines; nothing is imported."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = TOP.joinpath(*parts[:end])
        for module in (path / "__init__.py", path.with_suffix(".py")):
            if module.exists():
                text = module.read_text(encoding="utf-8")
                return all(re.search(rf"^\s*(?:def|class) {one}\b|^{one}\b", text, re.M) for one in parts[end:])
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_modules_and_files_of_the_package_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    assert [path for path in re.findall(r"\bitl_bench/[\w./-]*\w", text) if not (TOP / path).exists()] == []
    assert [name for name in re.findall(r"\bitl_bench(?:\.\w+)+", text) if not stands(name)] == []


@pytest.mark.parametrize("name", ["itl_bench.plan.grph", "itl_bench.plan.graph.Grph", "itl_bench.grid.build", "other"])
def test_a_name_that_is_not_there_is_found(name):
    assert stands("itl_bench.plan.graph.Graph.measure")
    assert not stands(name)


def test_the_worked_example_of_the_architecture_is_as_it_says():
    text = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    catalog = load_catalog()
    (case,) = (case for case in build_grid(catalog) if f"`{case.id}`" in text)
    tasks, _ = tasks_of([case], catalog, find_profile(catalog, "embedded"))
    tuned = sum(task.kind == "checkpoint" for task in tasks)
    assert f"{len(tasks)} tasks, of which {tuned} tune a model" in text
    record = load(TOP / "reports" / "reference" / "embedded" / "record.json")
    (found,) = (one for one in record.cases if one.id == case.id)
    assert f"{found.reason.partition('; ')[0].removeprefix('accuracy: ')}, so {found.verdict}." in text


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
    options = re.findall(r'"(--itl-[a-z-]+)"', source)
    assert len(options) == 11
    assert all(f"`{option}" in text for option in options)
