"""What is declared: the entries of `cases/`, read into frozen specs, every mistake reported at once.

Imports data and methods; plan, verdicts and run import it.
"""
