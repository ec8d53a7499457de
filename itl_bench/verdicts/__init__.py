"""From tables, or from the paper's numbers, to SUPPORTED, REFUTED or INCONCLUSIVE.

Loads no torch; only run imports it.
"""
