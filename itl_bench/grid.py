"""Claims x axes -> cases with stable ids that read well under `-k`, and selections of them."""

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase

from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.errors import UsageError, unknown
from itl_bench.grid_measured import measured_cases
from itl_bench.grid_published import published_cases
from itl_bench.specs import MechanismSpec, ProfileSpec


def build_grid(catalog: Catalog) -> tuple[Case, ...]:
    """All cases of the catalog, in the order of claims.

    Raises:
        UsageError: A published entry matches no row, a mechanism's pattern no case, or two cases share an id.
    """
    cases: list[Case] = []
    problems: list[str] = []
    for claim in catalog.claims.values():
        published = list(published_cases(claim, catalog))
        if claim.published and not published:
            problems.append(f"{catalog.sources[claim.id]}: published: no row of the table fits the comparison")
        cases += published
        cases += measured_cases(claim, catalog)
    for key, count in Counter(case.id for case in cases).items():
        if count > 1:
            source = catalog.sources[key.split("-", 1)[0]]
            problems.append(f"{source}: {count} cases share the id {key!r}; the compared sides do not differ")
    for mechanism in catalog.mechanisms.values():
        for pattern in mechanism.cases:
            if not any(fnmatchcase(case.id, pattern) for case in cases):
                problems.append(f"{catalog.sources[mechanism.id]}: {mechanism.id}: no case matches {pattern!r}")
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(cases)


def mechanism_cases(mechanism: MechanismSpec, cases: Iterable[str]) -> tuple[str, ...]:
    """Ids of the cases that would show the mechanism broken."""
    return tuple(key for key in cases if any(fnmatchcase(key, pattern) for pattern in mechanism.cases))


def find_profile(catalog: Catalog, name: str) -> ProfileSpec:
    """The profile of a name.

    Raises:
        UsageError: No profile has this name.
    """
    if name not in catalog.profiles:
        raise UsageError(f"--itl-profile: {unknown('profile', name, catalog.profiles)}")
    return catalog.profiles[name]


def in_profile(case: Case, profile: ProfileSpec | None) -> bool:
    """Whether a case belongs to a profile; without one, every case does."""
    if profile is None or case.evidence == "published":
        return profile is None or "published" in profile.evidence
    return case.evidence in profile.evidence and case.level in profile.levels and case.arm in profile.arms
