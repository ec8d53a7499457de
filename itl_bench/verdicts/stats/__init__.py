"""Estimates with intervals, the verdict rule, power and multiplicity: no torch, no files."""
