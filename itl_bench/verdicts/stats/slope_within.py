"""A slope within groups: one intercept for each group, so that what differs between groups is no part of it."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import fsum, isfinite
from statistics import fmean

from itl_bench.errors import EvidenceError


def slope_within(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable]) -> float:
    """Return the least squares slope of y along x with one intercept per group, in units of y per unit of x.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        groups: Shape (n,): what each point belongs to; one group for all is ordinary least squares.

    Raises:
        EvidenceError: If the lengths differ, if no group has two different x, or if a number is NaN or infinite.
    """
    if not len(x) == len(y) == len(groups):
        raise EvidenceError(f"a slope needs lists of one length, not {len(x)}, {len(y)} and {len(groups)}")
    if not all(map(isfinite, (*x, *y))):
        raise EvidenceError("a point is NaN or infinite")
    members: dict[Hashable, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    if all(len({x[number] for number in some}) == 1 for some in members.values()):
        raise EvidenceError("a slope within groups needs two different x in one of them")
    centres = {group: (fmean(x[n] for n in some), fmean(y[n] for n in some)) for group, some in members.items()}
    centred = [(a - centres[group][0], b - centres[group][1]) for a, b, group in zip(x, y, groups, strict=True)]
    return fsum(a * b for a, b in centred) / fsum(a * a for a, _ in centred)
