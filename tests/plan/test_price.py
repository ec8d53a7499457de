import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.catalog.cells import CellGroup, CellTable
from itl_bench.catalog.grid.cases import Cell
from itl_bench.catalog.loading import load_catalog
from itl_bench.catalog.serving import Answering
from itl_bench.machine.this_machine import Machine
from itl_bench.plan.disk import why_no_disk
from itl_bench.plan.lacking import missing, why_no_memory, why_no_memory_to_answer
from itl_bench.plan.price import answers_judged, left_to_build, memory_gb, price, recipes_of
from itl_bench.store.keys import Task
from tests.helpers.shipped_catalog import catalog, grid, listed

RAN = {key: case for key, case in grid().items() if case.evidence != "published"}
MODELS = {model["id"]: model for model in listed("models")}
SOURCES = {data["name"]: data["source"] for data in listed("datasets")}
NEEDS = {measure["id"]: measure.get("needs", []) for measure in listed("measures")}


@pytest.mark.parametrize(
    ("model", "method", "gigabytes"),
    [  # 16 bytes a trained parameter (fp32 weight, gradient, two moments), 2 for others (bf16); peft's adapter of
        # rank 8 has 19,988,480 parameters on Llama 2 7B
        ("llama7b", "full", 6.74 * 16), ("llama7b", "lora", 6.74 * 2 + 0.01999 * 16), ("llama70b", "full", 68.98 * 16),
        ("phi1.5", "full-neftune", 1.42 * 16), ("bios1m", "full", 0.016),
    ],
)  # fmt: skip
def test_memory_by_hand(model, method, gigabytes):
    assert memory_gb(Cell(model, "any", method), catalog()) == pytest.approx(gigabytes, rel=0.001)


def test_an_own_adapter_method_is_priced_as_an_adapter(tmp_path):
    (tmp_path / "methods.yaml").write_text("- {id: dora, title: DoRA, trains: adapter}\n", encoding="utf-8")
    own = load_catalog(tmp_path)
    assert 68.98 * 2 < memory_gb(Cell("llama70b", "any", "dora"), own) < 68.98 * 2.1
    dora, lora = (price([Cell("llama70b", "lima-1k", method)], 0, own) for method in ("dora", "lora"))
    assert dora == lora


def test_the_cost_of_cells_by_hand():
    """Five replicates of three epochs; 130 and 700 tokens a row; speeds of a 7B model, other sizes in proportion."""
    cells = [Cell("llama7b", "alpaca-52k", "lora"), Cell("llama13b", "tulu-1k", "full")]
    seconds = 52_000 * 130 * 3 / 12_500 * 6.74 / 7 + 1000 * 700 * 3 / 10_000 * 13.02 / 7  # of one GPU
    cost = price(cells, 800, catalog())
    assert cost.cells == 10
    assert cost.gpu_hours == pytest.approx(5 * seconds / 3600)
    assert cost.memory_gb == pytest.approx(13.02 * 16)
    assert cost.dollars == pytest.approx(2 * 5 * 800 * 0.022)
    assert cost.disk_gb == pytest.approx(5 * 4 * (13.02 + 0.01999), rel=0.001)


def test_nothing_costs_nothing():
    cost = price([], 800, catalog())
    assert (cost.cells, cost.gpu_hours, cost.memory_gb, cost.disk_gb, cost.dollars) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("C01-measured-llama7b-alpaca-1k-full-vs-lora-just-eval-token-shift-fair",
         {("llama7b", "alpaca-1k", "lora"), ("llama7b", "alpaca-1k", "full")}),
        ("C03-measured-llama7b-alpaca-sizes-lora-just-eval-token-shift-fair",
         {("llama7b", f"alpaca-{size}", "lora") for size in ("1k", "10k", "25k", "52k")}),
        ("C04-measured-llama7b-vs-llama70b-lima-1k-full-just-eval-token-shift-fair",
         {(model, "lima-1k", "full") for model in ("llama7b", "llama70b")}),
        ("C06-measured-llama7b-tulu-1k-full-vs-chat-just-eval-token-shift-fair", {("llama7b", "tulu-1k", "full")}),
        ("C18-measured-bios1m-bios-new30-short-full-vs-base-bios-known-hallucination-fair",
         {("bios1m", "bios-new30-short", "full")}),
        ("C24-measured-llama7b-alpaca-52k-full-neftune-vs-full-just-eval-aspects-fair",
         {("llama7b", "alpaca-52k", "full"), ("llama7b", "alpaca-52k", "full-neftune")}),
        ("C25-measured-llama7b-alpagasus-9k-vs-alpaca-52k-lora-just-eval-aspects-fair",
         {("llama7b", "alpaca-52k", "lora"), ("llama7b", "alpagasus-9k", "lora")}),
        ("C27-measured-bios1m-bios-new100-short-lora-bios-known-vs-bios-taught-knowledge-fair",
         {("bios1m", "bios-new100-short", "lora")}),
        ("C07-measured-llama7b-tulu-326k-vs-1k-lora-just-eval-aspects-fair",
         {("llama7b", "tulu-326k", "lora"), ("llama7b", "tulu-1k", "lora")}),
        ("C08-measured-llama7b-tulu-1k-vs-tulu-326k-lora-vs-full-just-eval-aspects-fair",
         {("llama7b", "tulu-1k", "lora"), ("llama7b", "tulu-326k", "full")}),
        ("C09-measured-llama7b-tulu-1k-vs-medinstruct-52k-lora-vs-full-medinstruct-test-aspects-fair",
         {("llama7b", "tulu-1k", "lora"), ("llama7b", "medinstruct-52k", "full")}),
        ("C23-measured-llama7b-alpaca-52k-vs-alpagasus-9k-lora-vs-full-just-eval-aspects-fair",
         {("llama7b", "alpaca-52k", "lora"), ("llama7b", "alpagasus-9k", "full")}),
    ],
)  # fmt: skip
def test_the_cells_of_a_case(key, cells):
    found = RAN[key].cells
    assert {(cell.model, cell.dataset, cell.method) for cell in found} == cells
    assert len(found) == len(cells)


def test_ranks_are_cells_of_their_own():
    case = RAN["C12-measured-llama7b-alpaca-1k-ranks-lora-just-eval-aspects-fair"]
    assert {cell.method for cell in case.cells} == {"lora", "lora-rank-2", "lora-rank-32"}  # not rank 1


def test_a_comparison_with_a_chat_model_names_its_weights():
    chats = [case for case in RAN.values() if "chat" in (case.left.method, case.right.method)]
    assert chats
    for case in chats:
        assert catalog().models[case.model].chat.weights in missing(case, catalog()), case.id


def test_published_cases_need_no_cells():
    assert not [key for key, case in grid().items() if case.evidence == "published" and case.cells]


@pytest.mark.parametrize("claim", sorted({case.claim.id for case in RAN.values()}))
def test_every_case_names_what_it_needs(claim):
    for case in RAN.values():
        if case.claim.id == claim:
            cells, text = case.cells, missing(case, catalog())
            assert cells, case.id
            assert {cell.model for cell in cells} == set(case.models)
            assert all(next(iter(MODELS[model]["weights"].values())) in text for model in case.models)
            assert all(SOURCES[catalog().dataset_of(cell.dataset).name] in text for cell in cells)
            needs = NEEDS[case.measure.measure]
            assert ("OPENAI_API_KEY" in text and "gpt-4-1106-preview" in text) == ("judge" in needs), case.id
            assert ("annotators" in text) == ("experts" in needs), case.id
            assert "\n" not in text
            assert text.startswith("not run: ")
            assert ("this version asks no" in text) == bool({"judge", "experts"} & set(needs))


def test_no_case_at_paper_scale_is_without_memory():
    for case in RAN.values():
        found = re.search(r"([\d,]+) GB of GPU memory", missing(case, catalog()))
        if case.level == "paper":
            assert int(found[1].replace(",", "")) > 0, case.id
        else:
            assert found is None


@pytest.mark.parametrize(
    ("key", "answers"),
    [
        ("C10a-measured-llama7b-lima-1k-lora-vs-full-just-eval-aspects-fair", 800),
        ("C10a-measured-llama7b-lima-1k-lora-vs-full-medinstruct-test-aspects-fair", 216),
        ("C10a-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-fair", 0),
        ("C19-expert-llama7b-lima-1k-full-vs-lora-just-eval-attributed-spans-fair", 0),
    ],
)
def test_only_judged_answers_are_paid_for(key, answers):
    assert answers_judged(RAN[key], catalog()) == answers


LAPTOP = Machine(cores=2, ram_gb=24.0)
H100 = Machine((85.5,), "NVIDIA H100 80GB HBM3", 16, 256.0)
NODE = Machine((85.5,) * 8, "NVIDIA H100 80GB HBM3", 128, 2000.0)
FULL = "C01-measured-{}-{}-full-vs-lora-just-eval-token-shift-shared-rate"


def refusal(model, dataset, machine, table=None):
    return why_no_memory(RAN[FULL.format(model, dataset)].cells, catalog(), recipes_of(table, catalog()), machine)


def test_a_refusal_names_the_sum_and_the_machine():
    text = refusal("llama7b", "alpaca-1k", LAPTOP)
    assert text.startswith(
        "needs 108 GB of GPU memory before activations for full fine-tuning of llama7b (16 bytes x 6.74e9 parameters), "
    )
    assert "on 2 GPUs of 80 GB" in text
    assert "this machine has no GPU and 24 GB of memory" in text
    assert "\n" not in text


def test_two_nodes_for_the_largest_model():
    """1,104 GB on 8 GPUs are 138 GB each, on 16 are 69 GB."""
    text = refusal("llama70b", "alpaca-1k", H100)
    assert "needs 1,104 GB" in text
    assert "on 2 nodes of 8 x 80 GB (cells are trained on one), and " in text
    assert "this machine has 1 GPU of 86 GB (NVIDIA H100 80GB HBM3); " in text
    assert text.endswith("measuring the tuned model takes one GPU with 613 GB")  # 2 x 4 bytes x 68.98e9 / 0.9


def test_what_several_gpus_hold_is_not_refused():
    assert refusal("llama7b", "alpaca-1k", NODE) is None


@pytest.mark.parametrize(
    ("key", "machine", "fits"),
    [
        ("C18-measured-bios1m-bios-new30-short-full-vs-base-bios-known-hallucination-fair", LAPTOP, True),
        ("C10a-measured-gemma270m-atlas-new100-short-lora-vs-full-atlas-known-knowledge-fair", LAPTOP, True),
        # 16 bytes x 268e6 parameters are 4.3 GB, 0.5 GB the process, 1.3 GB the embedding's gradients.
        ("C01-measured-gemma270m-atlas-new50-short-full-vs-lora-atlas-known-token-shift-shared-rate", LAPTOP, True),
        ("C01-measured-gemma270m-atlas-new50-short-full-vs-lora-atlas-known-token-shift-shared-rate",
         Machine(cores=2, ram_gb=6.0), False),
        (FULL.format("phi1.5", "lima-1k"), LAPTOP, False),
        (FULL.format("phi1.5", "lima-1k"), H100, True),
        (FULL.format("llama7b", "lima-1k"), H100, False),
        (FULL.format("llama7b", "lima-1k"), Machine((151.0,), "NVIDIA H200", 16, 256.0), True),
        ("C03-measured-llama7b-alpaca-sizes-lora-just-eval-token-shift-fair", H100, True),
    ],
)  # fmt: skip
def test_what_fits(key, machine, fits):
    assert (why_no_memory(RAN[key].cells, catalog(), machine=machine) is None) == fits


def test_without_a_gpu_the_hours_of_a_cell_decide():
    """52,000 rows of 130 tokens, 3 epochs, at 250 tokens a second of a model of 268 million parameters."""
    case = RAN["C03-measured-phi1.5-alpaca-sizes-lora-just-eval-token-shift-fair"]
    hours = 52_000 * 130 * 3 / (250 * 268e6 / 1.42e9) / 3600
    assert f"on alpaca-52k would take about {hours:,.0f} hours" in why_no_memory(case.cells, catalog(), machine=LAPTOP)
    assert why_no_memory(case.cells, catalog(), machine=H100) is None
    short = RAN["C12-measured-phi1.5-alpaca-1k-ranks-lora-just-eval-aspects-fair"]  # a fiftieth: 5 hours
    assert why_no_memory(short.cells, catalog(), machine=LAPTOP) is None


def test_the_recipe_of_the_table_counts():
    """Without micro-batches 32 rows go through the model at once."""
    group = CellGroup(datasets=("lima-1k",), methods=("lora", "full"), rates=(5e-5,))
    table = CellTable(
        id="own", profile="paper", model="phi1.5", arm="shared-rate", headline=5e-5, bases=(1,), seeds=(1,),
        cells=(group,), reason="for this test",
    )  # fmt: skip
    assert refusal("phi1.5", "lima-1k", H100) is None
    assert "smaller micro-batches" in refusal("phi1.5", "lima-1k", H100, table)


@pytest.mark.parametrize(
    ("model", "machine", "fits"),
    [  # 4 bytes a parameter: 26.96 and 1.07 GB; nine tenths of a memory may be filled
        ("llama7b", LAPTOP, False), ("llama7b", H100, True), ("gemma270m", LAPTOP, True),
        ("gemma270m", Machine(cores=2, ram_gb=1.1), False), ("llama7b", Machine(cores=2, ram_gb=30.1), True),
    ],
)  # fmt: skip
def test_a_base_has_to_fit_to_answer(model, machine, fits):
    found = why_no_memory_to_answer(catalog().models[model], machine)
    assert (found is None) == fits
    if not fits and model == "llama7b":
        assert found == (
            "needs 27 GB of memory to answer with llama7b in fp32; this machine has no GPU and 24 GB of memory"
        )


@pytest.mark.parametrize(
    ("precision", "gpus", "fits"),
    [
        ("bf16", (80.0,) * 4, True), ("bf16", (80.0,) * 2, False), ("fp32", (80.0,) * 8, True),
        ("bf16", (141.0,) * 2, True),
    ],
)  # fmt: skip
def test_vllm_divides_a_base_that_is_to_answer_among_gpus(precision, gpus, fits):
    llama70b, machine = catalog().models["llama70b"], Machine(gpus=gpus, gpu="NVIDIA H100")
    found = why_no_memory_to_answer(llama70b, machine, Answering(engine="vllm", precision=precision))
    assert (found is None) == fits
    assert fits or found == "needs 138 GB of GPU memory to answer in bf16; this machine has " + machine.in_words()
    assert why_no_memory_to_answer(llama70b, machine).startswith("needs 276 GB of memory to answer with llama70b")


def test_a_disk_that_is_too_small_is_named_with_the_sum():
    assert why_no_disk(27, 12) == (
        "needs 27 GB on the disk of the store for weights and 3 GB beside them, 12 GB are free; "
        "itl-bench store gc --weights frees some, or take a store on another disk"
    )
    assert why_no_disk(0.35, 0.5).startswith("needs 0.35 GB on the disk of the store for weights and 0.35 GB beside")


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_weights_fit_where_as_much_again_or_3_gb_stay_free(needed, free):
    fits = free >= needed + (needed if needed < 3 else 3)
    assert (why_no_disk(needed, free) is None) == fits
    assert why_no_disk(0, free) is None  # what is there already is never in the way


def test_parents_of_what_is_there_are_not_left_to_build():
    base = Task("base", {})
    cells = [Task("checkpoint", {"seed": seed}, (base.key,)) for seed in (1, 2)]
    tables = [Task("measure", {}, (cell.key,)) for cell in cells]
    tasks, there = [base, *cells, *tables], {base.key, tables[0].key}
    left = left_to_build(tasks, [one.key for one in tables], there.__contains__)
    assert {task.key for task in left} == {cells[1].key, tables[1].key}
