"""Which subjects tuning may speak of, and which are held out for probes."""

import hashlib
from functools import cache
from typing import Literal

Side = Literal["taught", "held-out"]


@cache
def side(subject_id: str) -> Side:
    """The side of a subject: an even draw by hash, so that it depends neither on the model nor on the other subjects.

    All facts of a subject are on one side. No fact can be derived from one of another subject: capitals are no cities
    of the atlas, whose country would be the same fact turned round, and places within a larger city have been left out.
    A city and its country may be on different sides: the one fact that links them belongs to the city alone.
    """
    return "taught" if hashlib.sha256(f"split {subject_id}".encode()).digest()[0] % 2 == 0 else "held-out"
