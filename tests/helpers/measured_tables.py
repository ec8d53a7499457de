"""Small tables of measured cells, and the verdict of a case of the grid on them."""

import math

import numpy as np
from hypothesis import strategies as st

from itl_bench.data.rows import Table
from itl_bench.plan.cells import Replicate
from itl_bench.record import CaseRecord
from itl_bench.verdicts.comparison import RatePoint, Sample
from itl_bench.verdicts.difference import verdict_on_difference
from tests.helpers.shipped_catalog import catalog, grid

REPLICATES = tuple(Replicate(base, seed) for base in range(3) for seed in range(2))
N_UNITS, PER_UNIT = 150, 3
START, ONE = 4.0, Replicate(0, 0)
ENDS = st.lists(st.floats(1e-3, 3.0), min_size=2, max_size=5)  # losses that cells of a replicate end at
TRAINED, UNTRAINED = (4.0, 0.5), (4.0, 3.5)
BETTER = "C10b-measured-bios1m-bios-new30-short-lora-vs-full-bios-known-knowledge-shared-rate"
SHIFT = "C01-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-token-shift-shared-rate"
SHIFT_IN_ALL = "C02-measured-bios1m-bios-new30-short-full-vs-lora-bios-known-token-shift-shared-rate"
AGAINST_BASE = "C18-measured-bios1m-bios-new30-short-full-vs-base-bios-known-hallucination-shared-rate"
KNOWN_TAUGHT = "C27-measured-bios1m-bios-new30-short-lora-bios-known-vs-bios-taught-knowledge-shared-rate"


def as_table(columns, n_units=N_UNITS, prefix="p"):
    """A table of prompts in threes: columns of shape (units * 3,), NaN where there is no value."""
    prompts = [f"{prefix}{unit}-{number}" for unit in range(n_units) for number in range(PER_UNIT)]
    values = {
        name: tuple(None if math.isnan(value) else float(value) for value in column) for name, column in columns.items()
    }
    return Table(prompts=tuple(prompts), units=tuple(prompt.split("-")[0] for prompt in prompts), columns=values)


def answers(seed, share=0.5, n_units=N_UNITS, spread=0.1, column="accuracy", prefix="p"):
    """Right or wrong, for each replicate; some units are easier than others."""
    generator = np.random.default_rng(seed)
    ease = np.repeat(generator.normal(0, 0.15, n_units), PER_UNIT)
    return {
        one: as_table(
            {column: generator.random(ease.size) < share + ease + generator.normal(0, spread / 10)}, n_units, prefix
        )
        for one in REPLICATES
    }


def tuned(tables, losses=TRAINED):
    """Two runs never end at exactly the same loss."""
    return Sample(tables, {one: (losses[0], losses[1] + 1e-6 * number) for number, one in enumerate(tables)})


def at(rate, left, right, losses=TRAINED):
    return RatePoint(rate, tuned(left, losses), tuned(right, losses))


def verdict(points, case=BETTER, headline=1e-4, floors="", obstacles=()) -> CaseRecord:
    return verdict_on_difference(grid()[case], catalog(), points, headline, floors, obstacles)


def divergence(seed, scale):
    generator = np.random.default_rng(seed)
    return {
        one: as_table(
            {
                "kl": generator.gamma(0.5, scale, 450), "base_improbability": generator.uniform(0, scale / 4, 450),
                "base_rank": 1 + generator.exponential(scale, 450),
            }
        )
        for one in REPLICATES
    }  # fmt: skip
