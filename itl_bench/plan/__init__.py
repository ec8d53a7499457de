"""What cases need: tasks with their keys, what they cost, and what this machine lacks.

Builds nothing, loads no torch; verdicts and run import it.
"""
