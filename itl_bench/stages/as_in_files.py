"""A loaded model is what its files hold: every tensor of theirs once, in its own shape, and numbers of a known kind."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

from itl_bench.data.weights.folder import types_of
from itl_bench.errors import ItlError
from itl_bench.stages.finite import check_finite, check_types, kept_tensors

MASKS = re.compile(r"\.(attn|attention)\.(masked_)?bias$")  # of all models that descend from GPT-2


def check_weights(model: PreTrainedModel, found: Mapping[str, Any], name: str) -> None:
    """Refuse a model that is not what its files hold, or whose weights are no numbers.

    Args:
        model: As it was loaded.
        found: What transformers says of the loading: of missing weights, which it draws at random, and of others.
        name: Of the weights, for the message.

    Raises:
        ItlError: Weights are missing, of another shape, not used, not tied as the config has it, or no numbers.
    """
    if other := sorted((str(key), *map(list, shapes)) for key, *shapes in found["mismatched_keys"]):
        key, given, wanted = other[0]
        raise ItlError(
            f"{name} holds the tensor {key} in the shape {given}, and its config.json says {wanted} "
            f"({len(other)} such in all); is it the config of these weights?"
        )
    if lost := sorted(found["missing_keys"]):
        raise ItlError(f"{name} lacks weights of its architecture: {lost[0]} ({len(lost)} in all); get the files again")
    if unused := _unused(model, found["unexpected_keys"]):
        raise ItlError(
            f"{name} holds weights that its config.json leaves unused: {unused[0]} ({len(unused)} in all); is it the "
            "config of these weights (number of layers, class, tied embeddings)?"
        )
    if apart := sorted(model.get_expanded_tied_weights_keys(all_submodels=True).keys() - model.all_tied_weights_keys):
        raise ItlError(
            f"{name} holds a {apart[0]} of its own, and its config.json says that it is the embeddings "
            "(tie_word_embeddings); set that to false, or remove the weight"
        )
    check_finite(kept_tensors(model), name)


def _unused(model: PreTrainedModel, unexpected: Iterable[str]) -> list[str]:
    """Tensors in the files that nothing was loaded from; what transformers declares as such is not among them.

    Neither is what a model computes for itself and older versions saved: frequencies of positions, masks of attention.
    """
    computed = [f".{name}" for name, _ in model.named_buffers()]
    strange = (key for key in unexpected if not any(name.endswith(f".{key}") for name in computed))
    return sorted(key for key in strange if not MASKS.search(key))


def check_files(model: PreTrainedModel, files: Sequence[Path], name: str) -> None:
    """Refuse files that leave open which of two tensors is meant, or hold weights in a form that has to be decoded.

    Args:
        model: As it was loaded from them.
        files: Of safetensors.
        name: Of the weights, for the message.

    Raises:
        ItlError: Two tensors become one weight, or one has a type that is none of plain weights.
    """
    types = {tensor: kind for path in files for tensor, kind in types_of(path).items()}
    parameters, places = dict(model.named_parameters(remove_duplicate=False)), defaultdict[str, list[str]](list)
    sources = list(_sources(model, types))
    check_types({one.tensor: types[one.tensor] for one in sources if one.weight in parameters}, name)
    for one in sources:
        places[one.place].append(one.tensor)
    for place, tensors in places.items():
        if len(tensors) > 1:
            raise ItlError(
                f"{name} holds the weight {place} twice, as {tensors[0]} and as {tensors[1]}; one of them would be "
                "left out, remove the wrong one"
            )


class _Source(NamedTuple):
    """A tensor in the files, the weight that it becomes, and its place there: the weight itself, or a piece of it."""

    tensor: str
    weight: str
    place: str


def _sources(model: PreTrainedModel, names: Iterable[str]) -> Iterator[_Source]:
    """What transformers makes of the tensors in files: it adds or takes off a prefix, renames, and joins experts."""
    prefix, weights = model.base_model_prefix, model.state_dict()
    changes = get_model_conversion_mapping(model)
    renamings = [one for one in changes if isinstance(one, WeightRenaming)]
    converters = [one for one in changes if isinstance(one, WeightConverter)]
    for name in sorted(names):
        weight, piece = rename_source_key(name, renamings, converters, prefix, weights)
        if weight not in weights and name in weights:
            weight, piece = name, None
        yield _Source(name, weight, name.removeprefix(f"{prefix}.") if piece else weight)
