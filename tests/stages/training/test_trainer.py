"""Dividing an update: every row goes through the model once, within the limits, and sees no other row."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from itl_bench.data.tokens.template import IGNORED, Example
from itl_bench.stages.training.trainer import micro_batches, packed_rows, padded_rows
from itl_bench.stages.training.tuning import collate
from tests.helpers.tiny_training import EXAMPLES, gemma, llama


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    rows=st.none() | st.integers(1, 10),
    tokens=st.none() | st.integers(1, 120),
    grouped=st.booleans(),
)
def test_every_row_is_in_one_part_within_the_limits(lengths, rows, tokens, grouped):
    parts = micro_batches(lengths, rows, tokens, grouped)
    order = [row for part in parts for row in part]
    assert sorted(order) == list(range(len(lengths)))
    for part in parts:
        assert rows is None or len(part) <= rows
        assert tokens is None or len(part) == 1 or len(part) * max(lengths[row] for row in part) <= tokens
    if grouped:
        assert [lengths[row] for row in order] == sorted(lengths, reverse=True)
    else:
        assert order == list(range(len(lengths)))
    if rows is None and tokens is None:
        assert len(parts) == 1


@given(st.lists(st.integers(1, 50), min_size=8, max_size=8), st.sampled_from([1, 2, 4]))
def test_parts_by_length_need_no_more_padding_than_any_other(lengths, rows):
    def positions(parts):
        return sum(len(part) * max(lengths[row] for row in part) for part in parts)

    assert positions(micro_batches(lengths, rows, None, True)) <= positions(micro_batches(lengths, rows, None, False))


@pytest.mark.parametrize("rows", [[0], [3, 0], [2, 1, 0], [0, 1, 2, 3]])
def test_a_part_is_what_its_rows_would_be_alone(rows):
    part = padded_rows(collate(EXAMPLES, 0), rows)
    for name, values in collate([EXAMPLES[row] for row in rows], 0).items():
        assert torch.equal(part[name], values)


def test_joined_rows_have_no_padding_and_predict_no_other_row():
    labelled = [Example(one.ids, one.ids) for one in EXAMPLES]  # also the first token bears a label
    part = packed_rows(collate(labelled, 0), [1, 0])
    assert part["input_ids"].tolist() == [[6, 7, 8, 9, 10, 11, 12, 3, 4, 5]]
    assert part["labels"].tolist() == [[IGNORED, 7, 8, 9, 10, 11, 12, IGNORED, 4, 5]]
    assert part["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 6, 0, 1, 2]]
    assert "attention_mask" not in part


@pytest.mark.parametrize("make", [llama, gemma])
@torch.no_grad()
def test_rows_never_see_each_other(make):
    model = make()
    model.config.use_cache = False
    batch = collate(EXAMPLES, 0)
    padded = model(**{k: v for k, v in padded_rows(batch, [2, 1, 0]).items() if k != "labels"}).logits
    packed = model(**{k: v for k, v in packed_rows(batch, [2, 1, 0]).items() if k != "labels"}).logits[0]
    start = 0
    for place, row in enumerate([2, 1, 0]):
        alone = model(input_ids=torch.tensor([EXAMPLES[row].ids])).logits[0]
        length = len(alone)
        assert torch.allclose(padded[place, :length], alone, atol=1e-5)
        assert torch.allclose(packed[start : start + length], alone, atol=1e-5)
        start += length
