"""Artifacts by the hash of what they are made from: kept, verified, queued, built once by whoever comes first.

Knows no model; plan, stages, verdicts and run import it.
"""
