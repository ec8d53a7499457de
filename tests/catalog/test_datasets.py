"""Files of datasets, probes and weights are found beside the YAML file that declares them, after the user's own."""

from pathlib import Path

import pytest

from itl_bench.catalog.datasets import DatasetSpec
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.probes import ProbeSpec
from itl_bench.data.sources.loading import load_items, load_prompts
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.errors import UsageError

FIELDS = {"instruction": "q", "output": "a"}
ROW = '{"q": "1 + 1?", "a": "2"}\n'
COMMIT = "ab" * 20


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folder of a YAML file and the user's own, each with the same file."""
    for name in ("cases", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.jsonl").write_text(ROW, encoding="utf-8")
    monkeypatch.setenv("ITL_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "cases", tmp_path / "data"


def declared(kind, *sources):
    rows_from = [SourceSpec.model_validate({"fields": FIELDS} | source) for source in sources]
    if kind is ProbeSpec:
        return ProbeSpec(id="mine", title="mine", levels=("small",), prompts=1, rows_from=rows_from)
    return DatasetSpec(
        name="mine", title="mine", family="mine", levels=("small",), mean_tokens=9, probes=("mine",), rows=1,
        rows_from=rows_from,
    )  # fmt: skip


def paths(spec):
    return [source.path for source in spec.rows_from]


@pytest.mark.parametrize("kind", [DatasetSpec, ProbeSpec])
def test_rows_beside_the_file_count_where_the_user_has_none(places, monkeypatch, kind):
    cases, data = places
    spec = declared(kind, {"path": "rows.jsonl"}, {"path": "absent.jsonl"}, {"path": "/absolute.jsonl"})
    assert spec.beside(cases) == spec  # the user's own folder has the first, nobody the others
    (data / "rows.jsonl").unlink()
    assert paths(spec.beside(cases)) == [str((cases / "rows.jsonl").resolve()), "absent.jsonl", "/absolute.jsonl"]
    monkeypatch.delenv("ITL_DATA_DIR")
    assert paths(spec.beside(cases))[0] == str((cases / "rows.jsonl").resolve())
    assert spec.beside(cases).title == spec.title


@pytest.mark.parametrize("kind", [DatasetSpec, ProbeSpec])
def test_a_source_of_the_hub_stays_as_it_is(places, kind):
    spec = declared(kind, {"hub": "org/name", "revision": COMMIT, "files": ["rows.jsonl"]})
    assert spec.beside(places[0]) == spec


def test_the_folder_of_the_file_may_be_that_of_the_user(places, monkeypatch):
    cases, _ = places
    monkeypatch.setenv("ITL_DATA_DIR", str(cases))
    assert paths(declared(DatasetSpec, {"path": "rows.jsonl"}).beside(cases)) == [str((cases / "rows.jsonl").resolve())]


def test_rows_are_loaded_from_beside_the_file(places, monkeypatch):
    cases, data = places
    (data / "rows.jsonl").unlink()
    source = SourceSpec(path="rows.jsonl", fields=FIELDS)
    assert [item.response for item in load_items("mine", source, beside=cases).items] == ["2"]
    assert [prompt.instruction for prompt in load_prompts("mine", source, beside=cases).prompts] == ["1 + 1?"]
    for load in (load_items, load_prompts):
        with pytest.raises(UsageError, match="missing dataset"):
            load("mine", source)


def test_weights_beside_the_file(tmp_path, monkeypatch):
    monkeypatch.delenv("ITL_MODELS_DIR", raising=False)
    (tmp_path / "model").mkdir()
    model = ModelSpec(id="mine", title="mine", level="small", parameters=1, weights={"folder": "model"})
    found = model.beside(tmp_path)
    assert found.weights.folder == str((tmp_path / "model").resolve())
    assert found.model_copy(update={"weights": model.weights}) == model
    assert model.beside(tmp_path / "elsewhere") == model


def test_a_folder_of_ones_own_is_where_its_entries_look(places, monkeypatch, tmp_path):
    cases, data = places
    (data / "rows.jsonl").unlink()
    entry = (
        "{{id: mine, title: mine, levels: [small], prompts: 1, rows_from: [{{path: {}, fields: {{instruction: q}}}}]}}"
    )
    (cases / "probes.yaml").write_text(f"- {entry.format('rows.jsonl')}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # the current folder decides nothing
    (source,) = load_catalog(Path("cases")).probes["mine"].rows_from
    assert source.path == str((cases / "rows.jsonl").resolve())
