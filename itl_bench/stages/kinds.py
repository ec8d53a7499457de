"""Which models can be tuned and asked here, by class and config; any other is one line that says what it is."""

from collections.abc import Mapping
from typing import Any

from transformers import CONFIG_MAPPING
from transformers.models.auto import modeling_auto as auto

from itl_bench.errors import UsageError, short

CAUSAL: Mapping[str, str] = auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
OTHERS: Mapping[str, Mapping[str, Any]] = {  # transformers' lists of classes by type of model, the most telling first
    "an encoder-decoder": auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "a model of images and text": auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    "a model of several kinds of input": auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
    "a model of speech": auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    "a model that fills gaps": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "a model without an output head": auto.MODEL_MAPPING_NAMES,
}


def check_causal(architecture: str, name: str) -> None:
    """Refuse what transformers itself cannot run as a causal language model.

    Args:
        architecture: The class that a config names.
        name: Of the weights, for the message.

    Raises:
        UsageError: It is another kind of model, or needs code from its folder, which is never run.
    """
    if architecture in CAUSAL.values():
        return
    kind = next((kind for kind, names in OTHERS.items() if architecture in _flat(names.values())), None)
    known = "no causal language model that the installed transformers knows"
    if kind is None:
        raise UsageError(f"{name} is a {architecture}, {known}; code that comes with weights is never run")
    raise UsageError(f"{name} is a {architecture}, {known}, but {kind}; give a decoder of text, as LlamaForCausalLM")


def check_config(config: Mapping[str, Any], name: str) -> None:
    """Refuse the config of a model that is no causal one, by the class and the type that it names.

    Args:
        config: What config.json holds.
        name: Of the weights, for the message.

    Raises:
        UsageError: It is another kind of model, or class and type are not of one model.
    """
    named, kind = config.get("architectures") or [], config.get("model_type")
    if not (isinstance(named, list) and all(isinstance(one, str) for one in named)):
        raise UsageError(f"{name} has the architectures {short(named)} in its config.json; accepted is a list of names")
    for architecture in named:
        check_causal(architecture, name)
    if kind in CONFIG_MAPPING and kind not in CAUSAL:
        other = next((words for words, names in OTHERS.items() if kind in names), "another kind of model")
        raise UsageError(f"{name} is of the type {kind}, {other}; give a decoder of text, as LlamaForCausalLM")
    loaded = _flat([CAUSAL[str(kind)]]) if kind in CAUSAL else set(named)
    if strange := [one for one in named if one not in loaded]:
        raise UsageError(
            f"{name} is a {strange[0]} by the architectures in its config.json, and a {' or '.join(sorted(loaded))} by "
            f"its model_type ({kind}), as which it would be loaded; get the config of these weights again"
        )


def _flat(names: Any) -> set[str]:  # noqa: ANN401 - some types have several classes
    return {one for name in names for one in ((name,) if isinstance(name, str) else name)}
