"""Tensors with NaN or infinity are found by name, in every precision, and nothing else is taken for one."""

import pytest
import torch
from torch import nn

from itl_bench.errors import ItlError
from itl_bench.stages.finite import NotFinite, check_finite, is_finite, kept_tensors, not_finite

PRECISIONS = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "largest", "smallest", 0.0])
@pytest.mark.parametrize("place", [0, 501, 1002])
def test_one_value_that_is_no_number_is_found_wherever_it_is(precision, value, place):
    limits = torch.finfo(precision)
    number = {"largest": limits.max, "smallest": limits.min}.get(value, value)
    tensor = torch.zeros(1003, dtype=torch.float64)
    tensor[place] = number
    tensor = tensor.to(precision)
    plain = all(one == one and abs(one) != float("inf") for one in tensor.double().tolist())
    assert is_finite(tensor) == plain


def test_what_has_no_values_or_is_no_fraction_is_finite():
    assert all(
        map(is_finite, (torch.zeros(0), torch.tensor([1, 2]), torch.tensor([True]), torch.empty(3, device="meta")))
    )


class Kept(nn.Module):
    """A weight under two names, a buffer that is saved, and one that is computed anew."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("mask", torch.full((2,), -float("inf")), persistent=False)


def test_what_is_kept_of_a_model_counts_once_and_what_is_computed_anew_does_not():
    assert [name for name, _ in kept_tensors(Kept())] == ["first.weight", "scale"]
    assert not_finite(kept_tensors(Kept())) is None


def test_a_tensor_is_named_and_the_others_are_counted():
    model = Kept()
    with torch.no_grad():
        model.scale[1] = float("nan")
    assert not_finite(kept_tensors(model)) == NotFinite("scale", 1, 2)
    with pytest.raises(ItlError) as error:
        check_finite(kept_tensors(model), "mine")
    assert str(error.value) == (
        "mine holds NaN or infinity in the tensor scale (1 of 2 tensors do); get the files again, or give other weights"
    )


def test_complex_numbers_and_types_without_nan_are_looked_at_as_well():
    assert is_finite(torch.tensor([1 + 2j]))
    assert not is_finite(torch.tensor([complex(0, float("nan"))]))
    assert is_finite(torch.zeros(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2))
    assert not is_finite(torch.full((4,), 255, dtype=torch.uint8).view(torch.float8_e8m0fnu))
