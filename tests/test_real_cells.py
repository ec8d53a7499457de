"""Cells of a model from a folder, on facts of atlas and on a dataset of one's own: from YAML to verdict."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import transformers

from itl_bench.catalog.grid.build import build_grid
from itl_bench.catalog.loading import load_catalog
from itl_bench.data.atlas import probes
from itl_bench.data.atlas.facts import load_atlas
from itl_bench.data.atlas.familiarity_table import FactRow, FamiliarityTable, Provenance, write_familiarity
from itl_bench.data.rows import Item, read_lines
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import tasks_of
from itl_bench.plan.runnable import why_not
from itl_bench.stages.builders import builders
from itl_bench.store.artifact import FAMILIARITY, ITEMS, REPORT
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from itl_bench.verdicts.measured import verdict_from_store
from tests.helpers.tiny import be_quick
from tests.helpers.tiny_tokenizers import gemma_like

ASKED = ("C01", "C05", "C10a", "C18")
NUMBERS = ((1.0, 0.9), (0.5, 0.9), (0.0, 0.0))  # greedy share and sampled probability, of facts in turn
DATA = [{"asked": f"Say {word}.", "said": word} for word in ("yes", "no", "maybe", "never", "often", "always")]
CELLS = {
    "id": "mine", "profile": "small-quick", "model": "mymodel", "arm": "shared-rate", "recipe": "facts",
    "headline": 0.001, "bases": [1], "seeds": [1, 2], "reason": "as few as can be",
    "cells": [{"datasets": ["atlas-new50-short", "own"], "methods": ["lora", "full"], "rates": [0.001]}],
}  # fmt: skip


def folder_of_model(folder: Path) -> None:
    tokenizer = gemma_like()
    tokenizer.chat_template = None  # as base models have none
    config = transformers.Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, max_position_embeddings=512, query_pre_attn_scalar=8, sliding_window=64,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    transformers.set_seed(1)
    transformers.Gemma3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def planted(task, parents, folder):
    """What a random model knows of the world is planted."""
    rows = []
    for place, fact in enumerate(load_atlas().facts):
        greedy, sampled = NUMBERS[place % len(NUMBERS)]
        row = {"fact": fact.id, "relation": fact.relation, "greedy": greedy, "sampled": (sampled,)}
        rows.append(FactRow(**row))
    made = Provenance(files={}, atlas=1, prompts="", seed=1, temperature=0.5, made_with={})
    write_familiarity(folder / FAMILIARITY, FamiliarityTable(provenance=made, rows=tuple(rows)))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    own = tmp_path_factory.mktemp("own")
    folder_of_model(own / "tinymodel")
    (own / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in DATA), encoding="utf-8")
    weights = {"folder": "tinymodel"}
    model = {"id": "mymodel", "title": "Mine", "level": "small", "parameters": 20000, "weights": weights}
    rows_from = [{"path": "mine.jsonl", "fields": {"prompt": "asked", "response": "said"}, "rows": len(DATA)}]
    dataset = {
        "name": "mydata", "title": "Mine", "family": "mydata", "levels": ["small"], "source": "own", "mean_tokens": 9,
        "probes": ["atlas-known"], "rows": len(DATA), "rows_from": rows_from,
    }  # fmt: skip
    for name, entry in (("models", model), ("datasets", dataset), ("cells", CELLS)):
        (own / f"{name}.yaml").write_text(json.dumps([entry]), encoding="utf-8")
    loaded = load_catalog(own)
    quick = {name: spec.model_copy(update={"rows": 16}) for name, spec in loaded.datasets.items() if spec.atlas}
    short = {name: spec.model_copy(update={"max_new_tokens": 4}) for name, spec in loaded.probes.items()}
    return replace(loaded, datasets={**loaded.datasets, **quick}, probes=short)


def cases_of(catalog):
    profile = catalog.profiles["small-quick"]
    every = [one for one in build_grid(catalog) if one.model == "mymodel" and one.claim.id in ASKED]
    some = [one for one in every if (one.arm, one.probe, one.over) == ("shared-rate", "atlas-known", None)]
    some = [one for one in some if one.text != "common"]
    return [one for one in some if why_not(one, catalog, profile, Path("no-store")) is None]


@pytest.fixture(scope="module")
def built(catalog, tmp_path_factory):
    be_quick()
    store, cases = Store(tmp_path_factory.mktemp("work") / "store"), cases_of(catalog)
    tasks, targets = tasks_of(cases, catalog, catalog.profiles["small-quick"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "PROMPTS", 30)
        report = LocalExecutor(store, {**builders(), "familiarity": planted}).build(tasks, "run", targets)
    assert not report.failed
    return store, tasks


def test_a_model_and_a_dataset_of_ones_own_are_two_entries(catalog):
    asked = {(one.dataset, one.claim.id) for one in cases_of(catalog)}
    assert {("mydata", "C10a"), ("mydata", "C01"), ("atlas-new50-short", "C10a"), ("atlas-new50-short", "C18")} <= asked


def test_every_case_is_decided_to_its_end_and_a_pilot_decides_nothing(catalog, built):
    store, _ = built
    profile = catalog.profiles["small-quick"].model_copy(update={"pilot": True})
    for case in cases_of(catalog):
        record = verdict_from_store(case, catalog, profile, store)
        assert (record.verdict, record.n_replicates, record.n_bases) == ("INCONCLUSIVE", 2, 1)
        assert record.effect is not None
        assert record.reason.startswith("pilot: no verdict")


def test_what_is_tuned_on_is_what_the_familiarity_says(built):
    store, tasks = built
    corpora = [one for one in tasks if one.kind == "corpus" and one.spec["dataset"] == "atlas-new50-short"]
    assert len(corpora) == 2  # one for each seed
    classes = {fact.id: NUMBERS[place % 3][0] for place, fact in enumerate(load_atlas().facts)}
    by_words = {(fact.subject, fact.relation): fact.id for fact in load_atlas().facts}
    for task in corpora:
        items = read_lines(store.folder(task.key) / ITEMS, Item)
        assert sum(item.new for item in items) == len(items) / 2 == 8
        for item in items:
            known = classes[by_words[item.facts[0].subject, item.facts[0].attribute]] > 0
            assert known != item.new


def test_rows_of_a_file_are_counted(built):
    store, tasks = built
    (task,) = {one.key: one for one in tasks if one.kind == "corpus" and one.spec["dataset"] == "mydata"
               and one.spec["seed"] == 1001}.values()  # fmt: skip
    facts = json.loads((store.folder(task.key) / REPORT).read_text(encoding="utf-8"))
    assert (facts["rows"], facts["kept"]) == (6, 6)
    assert [item.response for item in read_lines(store.folder(task.key) / ITEMS, Item)] == [row["said"] for row in DATA]


def test_where_a_folder_is_does_not_matter(catalog, built, tmp_path):
    _, tasks = built
    spec = catalog.models["mymodel"]
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    for path in Path(spec.weights.folder).iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    weights = spec.weights.model_copy(update={"folder": str(elsewhere)})
    moved = {**catalog.models, "mymodel": spec.model_copy(update={"weights": weights})}
    (base,) = [task for task in tasks if task.kind == "base"]
    assert Graph(replace(catalog, models=moved), {}).base("mymodel", 1).key == base.key
