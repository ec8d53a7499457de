"""Multiplicity: p values of one claim, adjusted over the family that the catalog declares."""

from collections.abc import Mapping

from itl_bench.errors import EvidenceError


def holm(p_values: Mapping[str, float | None]) -> dict[str, float]:
    """Adjust p values by Holm's step-down procedure (1979, Scandinavian Journal of Statistics 6:65-70).

    Args:
        p_values: The declared family by name; None for a member that was not judged counts as 1, because leaving it
            out would let a smaller selection make the others significant.

    Returns:
        The adjusted p of every member, in the order given.

    Raises:
        EvidenceError: If a p is NaN or not in [0, 1].
    """
    family = {name: 1.0 if p is None else p for name, p in p_values.items()}
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(family, key=lambda member: family[member])):
        if not 0 <= family[name] <= 1:
            raise EvidenceError(f"the p value of {name} is {family[name]}, not in [0, 1]")
        largest = max(largest, min(1.0, (len(family) - rank) * family[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in family}
