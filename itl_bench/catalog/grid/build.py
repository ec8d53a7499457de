"""Claims x axes -> cases with stable ids that read well under `-k`, and selections of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import ClaimSpec, MechanismSpec
from itl_bench.catalog.grid.asked_cells import cell_table, has_cells
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.measured import measured_cases
from itl_bench.catalog.grid.published import published_cases
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.errors import UsageError, nearest, unknown


def build_grid(catalog: Catalog) -> tuple[Case, ...]:
    """All cases of the catalog, in the order of claims.

    Raises:
        UsageError: A published entry matches no row, a mechanism's pattern no case, or two cases share an id.
    """
    cases: list[Case] = []
    problems: list[str] = []
    for claim in catalog.claims.values():
        published, measured = list(published_cases(claim, catalog)), list(measured_cases(claim, catalog))
        problems += [f"{catalog.source(claim)}: {message}" for message in _without_cases(claim, published, measured)]
        cases += published + measured
    problems += _shared_ids(cases, catalog)
    for mechanism in catalog.mechanisms.values():
        for field, pattern in _patterns(mechanism):
            if not any(fnmatchcase(case.id, pattern) for case in cases):
                where = f"{catalog.source(mechanism)}: {mechanism.id}: {field}"
                problems.append(f"{where}: no case matches {pattern!r}; {_like(pattern, cases, catalog)}")
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(cases)


def _patterns(mechanism: MechanismSpec) -> Iterator[tuple[str, str]]:
    """Every pattern of a mechanism, with the field that it stands in."""
    yield from (("cases", pattern) for pattern in mechanism.cases)
    if mechanism.headline:
        yield from (("headline.cases", pattern) for pattern in mechanism.headline.cases)


def _without_cases(claim: ClaimSpec, published: list[Case], measured: list[Case]) -> Iterator[str]:
    """What a claim declares and no case asks: it would be left out without a word."""
    for number, use in enumerate(claim.published):
        if not any(case.published == use for case in published):
            yield (
                f"published.{number}: no row of {use.table}.csv fits the claim's comparison, probes, models and "
                "datasets; correct them, or remove this entry"
            )
    if "measured" in claim.evidence and not measured:
        yield "evidence: no measured case: no model, dataset and probe of the claim fit together; correct its axes"


def _shared_ids(cases: Iterable[Case], catalog: Catalog) -> Iterator[str]:
    """One line for each claim whose cases share ids, with one of them: a claim has hundreds of cases."""
    shared: dict[str, list[str]] = defaultdict(list)
    for (claim, key), count in Counter((case.claim.id, case.id) for case in cases).items():
        if count > 1:
            shared[claim].append(key)
    for claim, keys in shared.items():
        more = f" (and {len(keys) - 1} more ids)" if len(keys) > 1 else ""
        yield (
            f"{catalog.source(catalog.claims[claim])}: several cases share the id {keys[0]!r}{more}; "
            "an entry of compare, measures, probes or published repeats another one"
        )


def _like(pattern: str, cases: Iterable[Case], catalog: Catalog) -> str:
    claim = pattern.split("-", 1)[0]
    if claim not in catalog.claims:
        return unknown("claim", claim, catalog.claims)
    ids = [case.id for case in cases if case.claim.id == claim]
    return f"its ids look like {nearest(pattern, ids) or ids[0]!r}" if ids else f"{claim} has no cases"


def named_cases(patterns: Sequence[str], cases: Iterable[str]) -> tuple[str, ...]:
    """Ids of the cases that any of the patterns names."""
    return tuple(key for key in cases if any(fnmatchcase(key, pattern) for pattern in patterns))


def find_profile(catalog: Catalog, name: str) -> ProfileSpec:
    """The profile of a name.

    Raises:
        UsageError: No profile has this name.
    """
    if name not in catalog.profiles:
        raise UsageError(f"--itl-profile: {unknown('profile', name, catalog.profiles)}")
    return catalog.profiles[name]


def in_profile(case: Case, profile: ProfileSpec | None, catalog: Catalog) -> bool:
    """Whether a case belongs to a profile; without one, every case does.

    Where a profile declares the cells of a model, only cases of these cells belong to it.
    """
    if profile is None or case.evidence == "published":
        return profile is None or "published" in profile.evidence
    if case.evidence not in profile.evidence or case.level not in profile.levels or case.arm not in profile.arms:
        return False
    if profile.probes and not {side.probe or case.probe for side in (case.left, case.right)} <= set(profile.probes):
        return False
    table = cell_table(case, catalog, profile)
    return table is None or has_cells(case, table)
