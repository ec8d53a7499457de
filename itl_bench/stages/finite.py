"""Weights that are numbers: a tensor with NaN or infinity is found before anything is made of it, or kept."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from torch import nn

from itl_bench.errors import ItlError

Named = Iterable[tuple[str, torch.Tensor]]
WITHOUT_NAN = (torch.float4_e2m1fn_x2,)  # types without NaN and infinity, two numbers in a byte
PLAIN = ("F64", "F32", "F16", "BF16")  # types of weights that are what they say, as safetensors names them


class NotFinite(NamedTuple):
    """Tensors with NaN or infinity.

    Attributes:
        first: The name of the first of them.
        broken: How many they are.
        total: Of how many tensors.
    """

    first: str
    broken: int
    total: int


def not_finite(tensors: Named) -> NotFinite | None:
    """Which tensors hold NaN or infinity; None where all are numbers.

    Each is looked at where it is, and nothing of its size is made beside it.

    Args:
        tensors: By name.
    """
    found = [(name, is_finite(tensor)) for name, tensor in tensors]
    broken = [name for name, fine in found if not fine]
    return NotFinite(broken[0], len(broken), len(found)) if broken else None


def is_finite(tensor: torch.Tensor) -> bool:
    """Whether every value of a tensor is a number: smallest and largest are NaN where one value is."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if not tensor.is_floating_point() or not tensor.numel() or tensor.is_meta or tensor.dtype in WITHOUT_NAN:
        return True
    values = tensor.float() if tensor.dtype.itemsize == 1 else tensor  # torch orders no numbers of 8 bits
    return all(bool(one.isfinite()) for one in torch.aminmax(values.detach()))


def check_types(types: Mapping[str, str], name: str) -> None:
    """Refuse weights in a form that has to be decoded, as quantized ones are: as numbers they would be others.

    Args:
        types: Of the weights by name, as safetensors names them.
        name: Of the weights, for the message.

    Raises:
        ItlError: A type is none of plain weights.
    """
    if other := sorted(tensor for tensor, kind in types.items() if kind not in PLAIN):
        raise ItlError(
            f"{name} holds the tensor {other[0]} in {types[other[0]]} ({len(other)} such in all); accepted are "
            f"{', '.join(PLAIN)}; give the full weights"
        )


def check_finite(tensors: Named, name: str) -> None:
    """Refuse weights that are no numbers: whatever is made of them would be none either.

    Args:
        tensors: By name.
        name: Of the weights, for the message.

    Raises:
        ItlError: A tensor holds NaN or infinity.
    """
    if found := not_finite(tensors):
        raise ItlError(
            f"{name} holds NaN or infinity in the tensor {found.first} "
            f"({found.broken} of {found.total} tensors do); get the files again, or give other weights"
        )


def tensors_in(files: Iterable[Path]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of safetensors files, one after the other: never more than one of them takes memory."""
    for path in files:
        with safe_open(path, framework="pt") as file:
            yield from ((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118


def kept_tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights of a model and what it keeps beside them, each once; not what it computes anew when it is loaded."""
    yield from model.named_parameters()
    kept = model.state_dict().keys()
    yield from ((name, buffer) for name, buffer in model.named_buffers() if name in kept)
