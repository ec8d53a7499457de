"""The floors of the token shift against plain loops, and in the reason of a verdict; on a world as small as can be."""

import json
import shutil
from statistics import fmean

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from itl_bench.catalog.grid.asked_cells import cell_table
from itl_bench.catalog.grid.build import build_grid
from itl_bench.data.rows import Prompt, Response, Table, read_lines, read_table, write_lines
from itl_bench.data.tokens.template import prompt_ids
from itl_bench.errors import EvidenceError, UsageError
from itl_bench.measures.registry import OF_ANSWERS
from itl_bench.measures.token_shift import token_shifts
from itl_bench.measures.token_shift_logits import teacher_forced
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.plan.reads import Floors, floors_of, read_by, tasks_of
from itl_bench.stages.builders import builders
from itl_bench.stages.loading import load_adapted, load_model, load_tokenizer, load_tuned
from itl_bench.stages.measuring.floors import both_seeds, wording_shifts, write_paraphrase_floor
from itl_bench.store.artifact import PROMPTS, RESPONSES, TABLE, Artifact
from itl_bench.store.executor import LocalExecutor
from itl_bench.store.store import Store
from itl_bench.verdicts.beside import in_words
from itl_bench.verdicts.measured import verdict_from_store
from itl_bench.verdicts.tables import mean
from tests.helpers.tiny import tiny_catalog

NEW30 = "bios-new30-short"
SMALL = {"bases": [1, 2], "cells": [{"datasets": [NEW30], "methods": ["lora", "full"], "rates": [0.01]}]}


@pytest.fixture(scope="module")
def catalog(bases):
    return tiny_catalog(**SMALL)


@pytest.fixture(scope="module")
def cases(catalog):
    """A case of each claim on the tiny world's data."""
    grid = build_grid(catalog)
    some = [case for case in grid if (case.level, case.arm, case.dataset) == ("bios", "shared-rate", NEW30)]
    some = [case for case in some if case.text != "common"]
    return {case.claim.id: case for case in some}


def cell_of(method, seed=1, base=1):
    return TunedCell("bios1m", NEW30, method, 0.01, Replicate(base, seed))


@pytest.fixture(scope="module")
def store(tmp_path_factory, cases, catalog):
    """Everything that the verdict on C01 reads, and two cells against themselves."""
    store, graph = Store(tmp_path_factory.mktemp("work") / "store"), Graph(catalog)
    targets = [task.key for task in read_by(graph, cases["C01"], cell_table(cases["C01"], catalog, None))]
    targets += [graph.seed_floor(cell_of(name), cell_of(name), "bios-known").key for name in ("full", "lora")]
    assert not LocalExecutor(store, builders()).build(list(graph.tasks.values()), "run", targets).failed
    return store


def opened(store, task):
    return store.open(task.key).folder


def log_probabilities(model, ids):
    """Of the next token, from all logits of one forward; in double precision."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double().numpy()
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def slow_kl(one, other, one_prompt, other_prompt, tokens):
    """Mean over the tokens of KL(one after its prompt || other after its prompt), in nats: one forward per token."""
    values = []
    for position in range(len(tokens)):
        first = log_probabilities(one, [*one_prompt, *tokens[:position]])
        second = log_probabilities(other, [*other_prompt, *tokens[:position]])
        values.append(float((np.exp(first) * (first - second)).sum()))
    return fmean(values)


def answers_of(store, graph, method=None):
    """The first answers with a token, without the end token: row, prompt ids, tokens."""
    base, probe = graph.base("bios1m", 1), graph.probe("bios-known", NEW30)
    responses = graph.responses(base, probe, graph.checkpoint(cell_of(method)) if method else None)
    end = load_tokenizer(opened(store, base)).eos_token_id
    rows = []
    for row, one in enumerate(read_lines(opened(store, responses) / RESPONSES, Response)):
        tokens = list(one.response_ids)
        tokens = tokens[:-1] if tokens and tokens[-1] == end else tokens
        if tokens:
            rows.append((row, list(one.prompt_ids), tokens))
    assert rows
    return rows[:3]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_floor_of_seeds_is_the_divergence_of_the_first_from_the_second(method, store, catalog):
    graph = Graph(catalog)
    base = opened(store, graph.base("bios1m", 1))
    first, second = (load_tuned(base, opened(store, graph.checkpoint(cell_of(method, seed)))) for seed in (1, 2))
    floor = graph.seed_floor(cell_of(method, 1), cell_of(method, 2), "bios-known")
    kl = read_table(opened(store, floor) / TABLE).columns["kl"]
    for row, prompt, tokens in answers_of(store, graph, method):
        assert kl[row] == pytest.approx(slow_kl(second, first, prompt, prompt, tokens), rel=1e-4, abs=1e-8)
        assert kl[row] > 0


def shifts_of(models, store, graph, method):
    asked = answers_of(store, graph, method)
    prompts, tokens = [prompt for _, prompt, _ in asked], [tokens for _, _, tokens in asked]
    return token_shifts(*models, prompts, tokens, 0, ends=())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_two_seeds_are_what_two_loaded_models_are(method, store, catalog):
    graph = Graph(catalog)
    base = opened(store, graph.base("bios1m", 1))
    first, second = (opened(store, graph.checkpoint(cell_of(method, seed))) for seed in (1, 2))
    found = shifts_of(both_seeds(base, first, second), store, graph, method)
    load = load_adapted if method == "lora" else load_tuned
    assert found == shifts_of((load(base, second), load(base, first)), store, graph, method)
    whole = shifts_of((load_tuned(base, second), load_tuned(base, first)), store, graph, method)  # adapters merged
    for one, other in zip(found, whole, strict=True):
        assert one.kl == pytest.approx(other.kl, rel=1e-4, abs=1e-8)
        assert one.base_rank == other.base_rank


def test_adapters_of_two_seeds_share_the_weights_of_their_base(store, catalog):
    graph = Graph(catalog)
    base = opened(store, graph.base("bios1m", 1))
    checkpoints = [opened(store, graph.checkpoint(cell_of("lora", seed))) for seed in (1, 2)]
    name, tuned = both_seeds(base, *checkpoints)
    of_adapters = sum(weight.numel() for path in checkpoints for weight in adapter_weights(path))
    assert set(tuned.peft_config) == {"default", name}
    assert sum(weight.numel() for weight in tuned.parameters()) == load_model(base).num_parameters() + of_adapters


def adapter_weights(folder):
    return load_file(folder / "adapter_model.safetensors").values()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_cell_is_not_far_from_itself(method, store, catalog):
    floor = Graph(catalog).seed_floor(cell_of(method), cell_of(method), "bios-known")
    known = [value for value in read_table(opened(store, floor) / TABLE).columns["kl"] if value is not None]
    assert known
    assert max(known) < 1e-9


@pytest.mark.parametrize("other", [cell_of("full", base=2), cell_of("lora"), cell_of("full")._replace(rate=0.002)])
def test_seeds_are_compared_of_one_cell_only(other, catalog):
    with pytest.raises(UsageError, match="of one cell on one base"):
        Graph(catalog).seed_floor(cell_of("full"), other, "bios-known")


def test_the_floor_of_wordings_is_the_divergence_of_the_base_from_itself(store, catalog):
    graph = Graph(catalog)
    folder, probe = opened(store, graph.base("bios1m", 1)), graph.probe("bios-known", None)
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    prompts = read_lines(opened(store, probe) / PROMPTS, Prompt)
    kl = read_table(opened(store, graph.paraphrase_floor("bios1m", 1, "bios-known")) / TABLE).columns["kl"]
    for row, prompt, tokens in answers_of(store, graph):
        reworded = prompt_ids(tokenizer, prompts[row].paraphrase)
        assert list(reworded) != prompt
        assert kl[row] == pytest.approx(slow_kl(model, model, reworded, prompt, tokens), rel=1e-4, abs=1e-8)


def test_the_same_words_give_no_divergence_and_no_other_words_no_value(store, catalog, tmp_path):
    graph = Graph(catalog)
    base, probe = graph.base("bios1m", 1), graph.probe("bios-known", None)
    same, without, reworded = (row for row, _, _ in answers_of(store, graph))
    prompts = read_lines(opened(store, probe) / PROMPTS, Prompt)
    prompts[same] = prompts[same].model_copy(update={"paraphrase": prompts[same].instruction})
    prompts[without] = prompts[without].model_copy(update={"paraphrase": ""})
    changed = Artifact(tmp_path / "probe", store.open(probe.key).manifest)
    shutil.copytree(opened(store, probe), changed.folder)
    write_lines(changed.folder / PROMPTS, prompts)
    write_paraphrase_floor(
        {
            "base": store.open(base.key),
            "probe": changed,
            "responses": store.open(graph.responses(base, probe, None).key),
        },
        tmp_path,
    )
    kl = read_table(tmp_path / TABLE).columns["kl"]
    assert (kl[same], kl[without]) == (0.0, None)
    assert kl[reworded] > 0


def test_a_broken_model_is_no_evidence(bases):
    model = load_model(bases / "base-1")
    torch.nn.init.constant_(model.get_output_embeddings().weight, float("nan"))
    rows = teacher_forced([[1, 2]], [[3]], ())
    with pytest.raises(EvidenceError, match="not finite"):
        wording_shifts(model, rows, rows)


def plain_mean(store, tasks, column):
    """The mean over all rows; every table has as many."""
    tables = [json.loads((opened(store, task) / TABLE).read_text(encoding="utf-8"))["columns"] for task in tasks]
    assert all(None not in table[column] for table in tables)
    return fmean(value for table in tables for value in table[column])


def test_the_reason_sets_the_effect_against_floors_and_control(store, cases, catalog):
    graph = Graph(catalog)
    pairs = {
        name: [graph.seed_floor(cell_of(name, 1, base), cell_of(name, 2, base), "bios-known") for base in (1, 2)]
        for name in ("full", "lora")
    }
    shifts = {
        name: [
            graph.measure(OF_ANSWERS["shift"], cell_of(name, seed, base), "bios-known")
            for base in (1, 2)
            for seed in (1, 2)
        ]
        for name in ("full", "lora")
    }
    wording = [graph.paraphrase_floor("bios1m", base, "bios-known") for base in (1, 2)]
    full, lora = (plain_mean(store, pairs[name], "kl") for name in ("full", "lora"))
    of_full, of_lora = (plain_mean(store, shifts[name], "reference_kl") for name in ("full", "lora"))
    record = verdict_from_store(cases["C01"], catalog, None, store)
    reverse, of_reverse = (plain_mean(store, shifts[name], "reverse_kl") for name in ("full", "lora"))
    assert record.reason.endswith(
        f"; floors, nats: two seeds of full {full:.2g}, of lora {lora:.2g}, the base under another wording "
        f"{plain_mean(store, wording, 'kl'):.2g}; "
        f"on the base's own answers, nats: full {of_full:.2g}, lora {of_lora:.2g}; "
        f"KL(tuned || base), nats: full {reverse:.2g}, lora {of_reverse:.2g}"
    )
    assert {task.key for task in (*pairs["full"], *pairs["lora"], *wording)} <= set(record.artifacts)


def floors_among(case, catalog):
    tasks, targets = tasks_of([case], catalog, None)
    wanted = ("seed-floor", "paraphrase-floor")
    return [task for task in tasks if task.spec.get("measure") in wanted and task.key in targets], tasks


def test_floors_are_read_at_the_headline_rate_and_for_the_token_shift_only(cases, bases):
    wide = tiny_catalog()  # three bases, two rates
    floors, tasks = floors_among(cases["C01"], wide)
    by_key = {task.key: task for task in tasks}
    ancestors = [by_key[key] for task in floors for key in task.parents]
    assert len(floors) == 3 * 2 + 3
    assert {task.spec["rate"] for task in ancestors if task.kind == "checkpoint"} == {0.01}
    assert floors_among(cases["C05"], wide)[0] == []  # the start of sentences, from the same tables


def test_one_seed_has_no_floor_of_seeds(cases, bases):
    single = tiny_catalog(**SMALL, seeds=[1])
    graph = Graph(single)
    floors = floors_of(graph, cases["C01"], cell_table(cases["C01"], single, None))
    assert floors == Floors((), (), tuple(graph.paraphrase_floor("bios1m", base, "bios-known") for base in (1, 2)))


def test_words_leave_out_what_is_not_known():
    assert in_words({"full": 0.213, "lora": 0.02}, 0.004) == (
        "floors, nats: two seeds of full 0.21, of lora 0.02, the base under another wording 0.004"
    )
    assert in_words({"full": None, "lora": None}, 0.004) == "floors, nats: the base under another wording 0.004"
    assert in_words({"full": None, "lora": 0.5}, None) == "floors, nats: two seeds of lora 0.5"
    assert in_words({}, None) == ""


def test_a_mean_is_over_tables_and_leaves_out_empty_answers():
    values = [(1.0, None, 2.0), (4.0, 4.0, 7.0), (None, None, None)]
    tables = [Table(prompts=("a", "b", "c"), units=("a", "b", "c"), columns={"kl": some}) for some in values]
    assert mean(tables, "kl") == pytest.approx((1.5 + 5) / 2)
    assert mean(tables[2:], "kl") is None
    assert mean([], "kl") is None
