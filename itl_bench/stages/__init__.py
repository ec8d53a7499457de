"""How each kind of artifact is made from its parents, and from nothing else: the only room where models run.

Imports no catalog and no plan; only run imports it.
"""
