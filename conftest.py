"""Loads the plugin, nothing else."""

pytest_plugins = ["itl_bench.plugin"]
