"""Worlds, datasets and probes: what models are tuned on and asked."""
