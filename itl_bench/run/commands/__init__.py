"""The commands of `itl-bench`, one file each. Part of run."""
