"""Judges: models behind an OpenAI-compatible server that score answers."""
