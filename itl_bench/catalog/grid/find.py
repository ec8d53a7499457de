"""Finds the one declared case that a few words mean."""

from collections.abc import Callable, Mapping, Sequence

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.measured import measured_cases
from itl_bench.catalog.grid.published import published_cases
from itl_bench.errors import UsageError, unknown

FEW = 4  # candidates, and values of each word, that a message names

# What tells the cases of a claim apart.
WORDS: Mapping[str, Callable[[Case], str]] = {
    "evidence": lambda case: case.evidence,
    "model": lambda case: case.model,
    "dataset": lambda case: case.dataset,
    "method": lambda case: case.method,
    "measure": lambda case: case.measure.measure,
    "probe": lambda case: case.probe or "",
    "arm": lambda case: case.arm or "",
    "at": lambda case: case.at,
}


def find_case(catalog: Catalog, claim: str, words: Mapping[str, str]) -> Case:
    """The one declared case of a claim that fits the words.

    Args:
        catalog: What is declared.
        claim: Id of the claim.
        words: Any of `WORDS`, each with its value.

    Raises:
        UsageError: No case fits, or several do; one line with the nearest, or with what tells them apart.
    """
    if claim not in catalog.claims:
        raise UsageError(unknown("claim", claim, catalog.claims))
    spec = catalog.claims[claim]
    cases = [*published_cases(spec, catalog), *measured_cases(spec, catalog)]
    asked = claim
    for word, value in words.items():
        fitting = [case for case in cases if WORDS[word](case) == value]
        if not fitting:
            raise UsageError(f"{asked}: {unknown(word, value, map(WORDS[word], cases))}")
        cases, asked = fitting, f"{asked}, {word} {value}"
    if len(cases) > 1:
        raise UsageError(f"{asked}: {_several(cases)}")
    return cases[0]


def _several(cases: Sequence[Case]) -> str:
    values = {word: sorted({value(case) for case in cases}) for word, value in WORDS.items()}
    apart = [f"{word} ({_listed([repr(one) for one in some])})" for word, some in values.items() if len(some) > 1]
    return f"{len(cases)} cases fit: {_listed([case.id for case in cases])}; tell them apart by {', '.join(apart)}"


def _listed(values: Sequence[str]) -> str:
    return ", ".join([*values[:FEW], "..."] if len(values) > FEW else values)
