"""Full fine-tuning: every weight moves (the paper's SFT)."""

from itl_bench.methods.method import Method
from itl_bench.methods.parameters import NoParameters


class Full(Method):
    """Tune all weights."""

    Parameters = NoParameters
