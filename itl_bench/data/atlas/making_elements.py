"""Facts of chemical elements: symbol and atomic number."""

from itl_bench.data.atlas.draft import Draft

NOBLE = (2, 10, 18, 36, 54, 86, 118)
OTHER_NAMES = {"aluminum": "aluminium", "cesium": "caesium", "sulfur": "sulphur"}


def add_elements(draft: Draft) -> None:
    """Add all elements of the periodic table."""
    import periodictable

    found = {one.number: one for one in periodictable.elements if one.number > 0}
    draft.values["symbol"] = {str(one.symbol): () for one in found.values()}
    draft.values["atomic-number"] = {str(number): () for number in found}
    for number, one in sorted(found.items()):
        near = tuple(f"element/{found[other].symbol}" for other in near_numbers(number, sorted(found)))
        draft.add("symbol", f"element/{one.symbol}", str(one.name), (str(one.symbol),), near)
        draft.add("atomic-number", f"element/{one.symbol}", str(one.name), (str(number),), near)


def near_numbers(number: int, numbers: list[int]) -> list[int]:
    """Elements of the same group, and those before and after."""
    return [
        one for one in numbers if one != number and (abs(one - number) == 1 or group(one) == group(number) is not None)
    ]


def group(number: int) -> int | None:
    """The group of an element, 1 to 18; None of lanthanides and actinides before group 3."""
    if number <= 2:
        return 1 if number == 1 else 18
    row = next(place for place, noble in enumerate(NOBLE) if number <= noble)
    before, after = number - NOBLE[row - 1], NOBLE[row] - number
    if before <= 2:
        return before
    return 18 - after if after <= 15 else None
