import re

import pytest
from test_audit_oracle import catalog, grid, listed

from itl_bench.cases import Cell
from itl_bench.catalog import load_catalog
from itl_bench.plan import answers_of, memory_gb, missing, price

RAN = {key: case for key, case in grid().items() if case.evidence != "published"}
MODELS = {model["id"]: model for model in listed("models")}
SOURCES = {data["name"]: data["source"] for data in listed("datasets")}
NEEDS = {measure["id"]: measure.get("needs", []) for measure in listed("measures")}


@pytest.mark.parametrize(
    ("model", "method", "gigabytes"),
    [  # 16 bytes a parameter in full (fp32 weight, gradient, two moments), 2.5 with adapters
        ("llama7b", "full", 6.74 * 16), ("llama7b", "lora", 6.74 * 2.5), ("llama70b", "full", 68.98 * 16),
        ("llama70b", "lora", 68.98 * 2.5), ("phi1.5", "full-neftune", 1.42 * 16), ("bios1m", "full", 0.016),
    ],
)  # fmt: skip
def test_memory_by_hand(model, method, gigabytes):
    assert memory_gb(Cell(model, "any", method), catalog()) == pytest.approx(gigabytes)


def test_an_own_adapter_method_is_priced_as_an_adapter(tmp_path):
    (tmp_path / "methods.yaml").write_text("- {id: dora, title: DoRA, trains: adapter}\n", encoding="utf-8")
    own = load_catalog(tmp_path)
    assert memory_gb(Cell("llama70b", "any", "dora"), own) == pytest.approx(68.98 * 2.5)
    dora, lora = (price([Cell("llama70b", "lima-1k", method)], 0, own) for method in ("dora", "lora"))
    assert dora == lora


def test_the_cost_of_cells_by_hand():
    """Five replicates of three epochs; 130 and 700 tokens a row; speeds of a 7B model, other sizes in proportion."""
    cells = [Cell("llama7b", "alpaca-52k", "lora"), Cell("llama13b", "tulu-1k", "full")]
    seconds = 52_000 * 130 * 3 / 12_500 * 6.74 / 7 + 1000 * 700 * 3 / 10_000 * 13.02 / 7
    cost = price(cells, 800, catalog())
    assert cost.cells == 10
    assert cost.gpu_hours == pytest.approx(5 * seconds / 3600)
    assert cost.memory_gb == pytest.approx(13.02 * 16)
    assert cost.dollars == pytest.approx(2 * 5 * 800 * 0.022)


def test_nothing_costs_nothing():
    cost = price([], 800, catalog())
    assert (cost.cells, cost.gpu_hours, cost.memory_gb, cost.dollars) == (0, 0, 0, 0)


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
        ("C27-measured-gemma270m-atlas-new50-short-lora-atlas-known-vs-atlas-taught-knowledge-fair",
         {("gemma270m", "atlas-new50-short", "lora")}),
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
    assert sorted(int(cell.variant.removeprefix("rank-")) for cell in case.cells) == [2, 4, 8, 16, 32]


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
            assert all(MODELS[model]["weights"] in text for model in case.models)
            assert all(SOURCES[catalog().dataset_of(cell.dataset).name] in text for cell in cells)
            needs = NEEDS[case.measure.measure]
            assert ("OPENAI_API_KEY" in text and "gpt-4-1106-preview" in text) == ("judge" in needs), case.id
            assert ("annotators" in text) == ("experts" in needs), case.id
            assert "\n" not in text


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
    assert answers_of(RAN[key], catalog()) == answers
