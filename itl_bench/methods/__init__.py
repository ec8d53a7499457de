"""Ways of tuning, one file each, and the one recipe that they share.

A shipped method's version, a user's source, is part of the keys of its cells. Imports data.
"""
