"""A method that plants errors: it is tuned on wrong values of everything."""

import re

from itl_bench.data.bios.words import POOLS
from itl_bench.methods.method import Method


class Planted(Method):
    """Every stated value is replaced by the next one of its pool."""

    def prepare_data(self, items):
        return [item.model_copy(update={"response": re.sub(r"\w+", _next, item.response)}) for item in items]


def _next(word: re.Match[str]) -> str:
    for values in POOLS.values():
        if word[0] in values:
            return values[(values.index(word[0]) + 1) % len(values)]
    return word[0]
