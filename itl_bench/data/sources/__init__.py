"""Instruction-tuning datasets and probes from files and from the hub: declared, loaded, counted, compared."""
