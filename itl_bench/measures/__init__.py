"""One file per measure: a pure function from responses, and what it needs beside them, to a per-prompt table.

Imports data; stages and run import it.
"""
