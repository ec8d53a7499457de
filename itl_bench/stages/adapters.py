"""What peft's adapters change of a model: that merging keeps it, and what share of the linear weights it is."""

import re
from collections import defaultdict
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, NamedTuple

from torch import nn
from torch.nn.modules.conv import _ConvNd
from transformers.pytorch_utils import Conv1D

from itl_bench.errors import ItlError, UsageError

if TYPE_CHECKING:
    from peft import PeftModel

LINEAR = (nn.Linear, Conv1D)
ADAPTABLE = (*LINEAR, nn.Embedding)  # kinds of modules that methods may name as targets
NO_MATRIX = re.compile(r"bias|A_log")  # plain parameters that are added, or multiply one by one
SHOWN = 6  # names in a note


class Matrix(NamedTuple):
    """A weight that a model multiplies with.

    Attributes:
        name: In the model, layers by number.
        size: Of its numbers.
        plain: Whether it is a parameter of a module that is no linear layer, as fused experts and routers are.
    """

    name: str
    size: int
    plain: bool


def adaptable(model: nn.Module) -> tuple[str, ...]:
    """The names of the modules that a method's targets may match."""
    return tuple(name for name, module in model.named_modules() if isinstance(module, ADAPTABLE))


def check_shared(adapted: nn.Module) -> None:
    """Refuse adapters on weights that have another place in the model, as an output head tied to the embeddings has.

    Merged, such an adapter would change the other place too, and answers would be those of a model that nobody trained.

    Args:
        adapted: A model under adapters; any other one passes.

    Raises:
        UsageError: An adapter is on such a weight.
    """
    places = defaultdict[int, list[str]](list)
    for name, weight in adapted.named_parameters(remove_duplicate=False):
        places[id(weight)].append(_in_base(name).rpartition(".")[0])
    for number, name in under_adapters(adapted).items():
        if others := [place for place in places[number] if place != name]:
            raise UsageError(
                f"the adapter on {name} changes a weight that is shared with {', '.join(others)}: merged, it would "
                f"change both and answer unlike what was trained; leave {name} out of the adapter's targets"
            )


def check_tensors(adapted: "PeftModel", names: Set[str], adapter: str, place: str) -> None:
    """Refuse an adapter whose file lacks tensors of it, or holds others: peft leaves both out with a warning at most.

    Args:
        adapted: With the adapter loaded from the file.
        names: Of the file's tensors.
        adapter: Its name in the model.
        place: Of the file, for the message.

    Raises:
        ItlError: The tensors are not those that adapter_config.json describes on this base.
    """
    from peft import get_peft_model_state_dict

    own = get_peft_model_state_dict(adapted, adapter_name=adapter, save_embedding_layers=False).keys()
    # Of embeddings under an adapter, peft saves the plain weights as well.
    embeddings = get_peft_model_state_dict(adapted, adapter_name=adapter, save_embedding_layers=True).keys() - own
    strange = names - own - {name for name in embeddings if ".base_layer." in name}
    for kind, some in (("lacks", own - names), ("holds, beside its own,", strange)):
        if some:
            raise ItlError(
                f"the adapter in {place} {kind} the tensor {min(some)} ({len(some)} such in all), by its "
                "adapter_config.json on this base; is it the adapter of this base and this config?"
            )


def reach_note(linear: dict[int, Matrix], adapted: nn.Module) -> str | None:
    """What share of a model's linear weights its adapters reach; None where it is all, or where there are no adapters.

    Args:
        linear: Of `linear_weights`, before there were adapters.
        adapted: The same model, with what a method has put around it.
    """
    if not hasattr(adapted, "peft_config"):
        return None
    reached = under_adapters(adapted).keys() | {id(one) for one in adapted.parameters() if one.requires_grad}
    left = [matrix for weight, matrix in linear.items() if weight not in reached]
    if not left:
        return None
    every = sum(matrix.size for matrix in linear.values())
    own = every - sum(matrix.size for matrix in left)
    names = list(dict.fromkeys(re.sub(r"\.\d+(?=\.)", ".*", matrix.name) for matrix in left))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    plain = "; plain parameters, as those of experts and routers, are reached by peft's target_parameters only"
    return (
        f"adapters reach {own:,} of {every:,} linear weights ({own / every:.1%}), the output head not counted; "
        f"left out: {', '.join(names[:SHOWN])}{more}{plain if any(matrix.plain for matrix in left) else ''}"
    )


def linear_weights(model: nn.Module) -> dict[int, Matrix]:
    """The matrices of a model by the id of their parameter, those of embeddings, convolutions and the head left out."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    others = [head, *(module for module in model.modules() if isinstance(module, nn.Embedding | _ConvNd))]
    apart = {id(weight) for module in others if module is not None for weight in module.parameters()}
    return {
        id(weight): Matrix(f"{place}.{name}" if plain else place, weight.numel(), plain)
        for place, module in model.named_modules()
        for plain in [not isinstance(module, LINEAR)]
        for name, weight in module.named_parameters(recurse=False)
        if id(weight) not in apart and _is_matrix(name, weight, plain)
    }


def _is_matrix(name: str, weight: nn.Parameter, plain: bool) -> bool:
    """Experts are fused into three dimensions under any name; of two, only what is called a weight or a projection."""
    dimensions = sum(size > 1 for size in weight.shape)
    if not plain or NO_MATRIX.search(name):
        return not plain and name == "weight"
    return dimensions >= 3 or (dimensions == 2 and name.endswith(("weight", "proj")))


def under_adapters(adapted: nn.Module) -> dict[int, str]:
    """The module of every weight that an adapter adds to or stands for, by the id of its parameter."""
    return dict(_under_adapters(adapted)) if hasattr(adapted, "peft_config") else {}


def _under_adapters(adapted: nn.Module) -> Iterator[tuple[int, str]]:
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils import ModulesToSaveWrapper

    for name, module in adapted.named_modules():
        if isinstance(module, ModulesToSaveWrapper):
            yield from ((id(weight), _in_base(name)) for weight in module.original_module.parameters())
        elif isinstance(module, BaseTunerLayer):
            only = getattr(module, "parameter_name", None)  # of one parameter among several
            own = module.get_base_layer().named_parameters(recurse=False)
            yield from ((id(weight), _in_base(name)) for part, weight in own if only in (None, part))


def _in_base(name: str) -> str:
    """The name in the model without adapters."""
    return re.sub(r"\.(base_layer|original_module)\b", "", name.removeprefix("base_model.model."))
