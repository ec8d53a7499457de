"""What an answer says: the values it states of one attribute, told from refusals and empty answers.

It is read as answers about atlas are: without markup, invisible characters and what is denied in known words. The
world's own models have words for neither.
"""

import re
from typing import Literal

from itl_bench.data.asserting import assertions
from itl_bench.data.bios.words import POOLS
from itl_bench.data.plain_text import is_blank, plain_text

Outcome = Literal["right", "wrong", "none", "empty"]
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_VALUES = {name: frozenset(values) for name, values in POOLS.items()}


def stated(text: str, attribute: str) -> tuple[str, ...]:
    """The values of an attribute that a text states, in order, each once."""
    said = " ".join(rest for _, rest in assertions(plain_text(text), _SENTENCES.split, lambda words: False))
    return tuple(dict.fromkeys(word for word in re.findall(r"\w+", said) if word in _VALUES[attribute]))


def outcome(text: str, attribute: str, truth: str) -> Outcome:
    """Right if the truth is the only value stated; wrong if any other is; none if the answer states no value."""
    if is_blank(text):
        return "empty"
    values = stated(text, attribute)
    if not values:
        return "none"
    return "right" if values == (truth,) else "wrong"
