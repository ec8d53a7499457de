"""Measures computed from artifacts: what reads tables and responses, and what runs models. Part of stages."""
