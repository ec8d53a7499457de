"""Fields that say what bears the loss: here all responses do, and nothing else, so that any other wish is refused."""

import re
from collections.abc import Mapping

from itl_bench.errors import UsageError, short

_TRAINED = frozenset(
    {"weight", "loss_weight", "train", "trainable", "training", "train_on", "train_on_turn", "loss", "loss_mask"}
)
_LEFT_OUT = frozenset({"masked"})
_WORD = re.compile(r"(?i:(?<![a-z])(?:weight|train|mask|loss))|(?<=[a-z])(?:Weight|Train|Mask|Loss)")


def speaks_of_loss(name: str) -> bool:
    """Whether a field's name has a word that begins with weight, train, mask or loss: "lossMask", not "constraints"."""
    return bool(_WORD.search(name))


def refuse_flags(fields: Mapping[str, object], bears: bool, where: str) -> None:
    """Refuse fields that ask for another loss than the one there is.

    A field that says what is done anyway changes nothing, nor does null, nor the weight of what is no response.

    Args:
        fields: Of a message, or of a row beside those that are read.
        bears: Whether the loss is on it.
        where: File, row and message, for messages.

    Raises:
        UsageError: A field says otherwise, or nobody can say what it means.
    """
    for name, value in fields.items():
        if value is None or not speaks_of_loss(name) or ("weight" in name.lower() and not bears):
            continue
        plain = name.lower()
        if not (plain in _TRAINED and value == bears) and not (plain in _LEFT_OUT and value == (not bears)):
            whole = "all responses bear the loss, and nothing else does; leave the row out, or the field"
            raise UsageError(f"{where}: {name!r} of {short(value)} is not honoured here: {whole}")
