"""Full fine-tuning: every weight moves (the paper's SFT)."""

from itl_bench.methods.method import Method


class Full(Method):
    """Tune all weights."""
