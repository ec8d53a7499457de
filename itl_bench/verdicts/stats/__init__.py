"""Estimates with intervals, the verdict rule, power and multiplicity: no files, no torch. Only verdicts imports it."""
