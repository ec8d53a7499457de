"""What this machine has, which process takes which GPU, and what a cell takes of it.

Imports methods; plan, stages and run import it.
"""
