"""What models are tuned on and asked: rows, invented worlds, atlas, files from elsewhere, weights; text as token ids.

Every room but store may import it.
"""
