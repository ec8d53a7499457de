"""Methods of which it is known what a comparison must say."""

import re
from itertools import cycle, islice

from itl_bench.data.bios.words import POOLS
from itl_bench.methods.lora import Lora
from itl_bench.methods.method import Method


class Planted(Method):
    """Tunes on wrong values: every stated value is replaced by the next one of its pool."""

    def prepare_data(self, items):
        return [item.model_copy(update={"response": re.sub(r"\w+", _next, item.response)}) for item in items]


def _next(word: re.Match[str]) -> str:
    for values in POOLS.values():
        if word[0] in values:
            return values[(values.index(word[0]) + 1) % len(values)]
    return word[0]


class Idle(Lora):
    """Learns nothing new: in place of items about new facts it sees those about known ones again."""

    def prepare_data(self, items):
        return list(islice(cycle([item for item in items if not item.new]), len(items)))


class Still(Method):
    """Trains nothing: at a rate of 0 no weight moves."""

    def training_arguments(self, arguments):
        return arguments | {"learning_rate": 0.0}


class StillLora(Still, Lora):
    """The same of an adapter, whose second matrices stay zero."""
