from dataclasses import replace

import pytest

from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.matching import dataset_id, matched_pairs, size_curves, with_base_models
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.published import Row

ROWS = {"1k": 1000, "10k": 10_000, "52k": 52_000}


def rank(row):
    return ROWS.get(row.size, 0)


def row(model, method, dataset="alpaca", size="1k", probe="just-eval", score=1.0, flag=""):
    return Row("aspect_scores", model, method, dataset, size, probe, {"depth": score}, flag=flag)


LORA, FULL = row("a", "lora"), row("a", "full")


def names(pairs):
    return [tuple(f"{r.model}/{r.method}/{dataset_id(r)}/{r.probe}" for r in pair) for pair in pairs]


@pytest.mark.parametrize(
    "other",
    [
        row("b", "full"), row("a", "full", dataset="lima"), row("a", "full", size="10k"),
        row("a", "full", probe="medinstruct-test"), row("a", "full-neftune"),
    ],
)  # fmt: skip
def test_what_neither_side_fixes_must_be_equal(other):
    assert matched_pairs([LORA, other], Side(method="lora"), Side(method="full"), rank) == []
    pairs = matched_pairs([LORA, other, FULL], Side(method="lora"), Side(method="full"), rank)
    assert pairs == [(LORA, FULL)]


def test_the_order_of_rows_does_not_matter():
    rows = [row("a", "lora"), row("b", "lora"), row("b", "full"), row("a", "full")]
    forward = matched_pairs(rows, Side(method="lora"), Side(method="full"), rank)
    backward = matched_pairs(rows[::-1], Side(method="lora"), Side(method="full"), rank)
    assert sorted(names(forward)) == sorted(names(backward))
    assert len(forward) == 2


def test_models_are_compared_method_by_method():
    rows = [row(model, method) for model in "ab" for method in ("lora", "full")]
    pairs = matched_pairs(rows, Side(model="a"), Side(model="b"), rank)
    assert names(pairs) == [
        ("a/lora/alpaca-1k/just-eval", "b/lora/alpaca-1k/just-eval"),
        ("a/full/alpaca-1k/just-eval", "b/full/alpaca-1k/just-eval"),
    ]


def test_a_fixed_dataset_frees_the_dataset_of_the_other_side():
    rows = [row("a", "lora", "tulu"), row("a", "full", "medinstruct", "52k"), row("a", "full", "tulu")]
    left, right = Side(method="lora", dataset="tulu-1k"), Side(method="full", dataset="medinstruct-52k")
    assert matched_pairs(rows, left, right, rank) == [(rows[0], rows[1])]


def test_largest_and_smallest_stay_within_a_dataset():
    rows = [row("a", "lora", "alpaca", size) for size in ("10k", "1k", "52k")] + [row("a", "lora", "lima")]
    pairs = matched_pairs(rows, Side(method="lora", size="largest"), Side(method="lora", size="smallest"), rank)
    assert names(pairs) == [("a/lora/alpaca-52k/just-eval", "a/lora/alpaca-1k/just-eval")]


def test_the_best_row_is_best_column_by_column_and_never_a_copy():
    chat = Row("aspect_scores", "a", "chat", "", "", "just-eval", {"depth": 3.0, "clarity": 3.0})
    tuned = [
        replace(row("a", "lora"), values={"depth": 2.0, "clarity": 1.0}),
        replace(row("a", "full"), values={"depth": 1.0, "clarity": 2.5}),
        replace(row("a", "full", "lima", flag="duplicate-of-another-row"), values={"depth": 5.0, "clarity": 5.0}),
        replace(row("b", "lora"), values={"depth": 4.0, "clarity": 4.0}),
        replace(row("a", "lora", probe="medinstruct-test"), values={"depth": 4.0, "clarity": 4.0}),
    ]
    ((left, right),) = matched_pairs([chat, *tuned], Side(method="chat"), Side(method="best"), rank)
    assert left == chat
    assert right.values == {"depth": 2.0, "clarity": 2.5}


def test_a_chat_model_is_the_chat_row_of_its_base():
    base = {"name": "a-chat", "weights": "vendor/a-chat"}
    model = ModelSpec(id="a", title="A", level="paper", parameters=1, weights={"folder": "a"}, chat=base)
    rows = [row("a", "lora"), row("a-chat", "chat"), row("judge", "chat")]
    assert [(r.model, r.method) for r in with_base_models(rows, {"a": model})] == [("a", "lora"), ("a", "chat")]


def test_a_curve_grows_by_size_leaves_copies_out_and_needs_three_points():
    sizes = [row("a", "lora", size=size) for size in ("52k", "1k", "10k")]
    short = [row("b", "lora", size=size) for size in ("52k", "1k")]
    copied = [*short, row("b", "lora", size="10k", flag="duplicate-of-another-row")]
    full = [row("c", "full", size=size) for size in ("52k", "1k", "10k")]
    curves = size_curves([*sizes, *copied, *full], Side(method="lora"), rank)
    assert list(curves) == [("a", "lora", "alpaca", "just-eval")]
    assert [r.size for r in curves["a", "lora", "alpaca", "just-eval"]] == ["1k", "10k", "52k"]
