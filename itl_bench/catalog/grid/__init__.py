"""The cases that follow from what is declared: claims x models x datasets x methods.

Imports catalog; plan, verdicts and run import it.
"""
