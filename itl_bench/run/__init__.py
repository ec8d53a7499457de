"""One run: build, then decide, then write it down.

What pytest's hooks and the commands share; only the plugin and the command line import it.
"""
