"""What an answer says: the values it states of one attribute, told from refusals and empty answers."""

import re
from typing import Literal

from itl_bench.data.bios.words import POOLS

Outcome = Literal["right", "wrong", "none", "empty"]
_VALUES = {name: frozenset(values) for name, values in POOLS.items()}


def stated(text: str, attribute: str) -> tuple[str, ...]:
    """The values of an attribute that a text states, in order, each once."""
    return tuple(dict.fromkeys(word for word in re.findall(r"\w+", text) if word in _VALUES[attribute]))


def outcome(text: str, attribute: str, truth: str) -> Outcome:
    """Right if the truth is the only value stated; wrong if any other is; none if the answer states no value."""
    if not text.strip():
        return "empty"
    values = stated(text, attribute)
    if not values:
        return "none"
    return "right" if values == (truth,) else "wrong"
