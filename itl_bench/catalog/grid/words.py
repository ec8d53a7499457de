"""A case in words, and the one declared case that a few words mean."""

from collections.abc import Callable, Mapping, Sequence

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.measured import measured_cases
from itl_bench.catalog.grid.published import published_cases
from itl_bench.errors import UsageError, unknown
from itl_bench.vocabulary import NOT_TUNED

PER = {
    "size": "per tenfold data",
    "rank": "per tenfold rank",
    "response-length": "per e-fold length of the data's responses",
    "log-kl": "per e-fold divergence",
}
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
    "text": lambda case: case.text or "",
    "along": lambda case: case.along or "",
}


def compared(case: Case) -> str:
    """What is compared, for example "lora on tulu-1k minus full on medinstruct-52k, llama7b, medinstruct-test"."""
    where = ", ".join(part for part in (case.model, case.probe, _way(case)) if part)
    if case.over:
        data = case.dataset.removesuffix("-sizes").removesuffix("-ranks") or "the data"
        text = f"trend over {case.over.replace('-', ' ')} of {data} with {case.method or 'full'}"
    elif case.published and case.published.unit in ("quantity", "text"):
        text = "a statement" if case.published.unit == "text" else (case.published.quantity or "").replace("_", " ")
    elif case.published and case.published.unit == "proportion":
        text = f"{case.published.left} minus {case.published.right}"
    else:
        text = f"{_side(case, case.left)} minus {_side(case, case.right)}"
    return f"{text}; {where}" if where else text


def _way(case: Case) -> str:
    """What both sides share, where it is no learning rate, and whose answers are read, where they are not their own."""
    equal = {"equal-loss": "at equal training loss", "equal-learning": "at equal shares of new facts learned"}
    along = " within a run" if case.along == "updates" else ""
    text = "on the base's answers" if case.text == "common" else ""
    return ", ".join(part for part in (equal.get(case.arm or "", "") + along, text) if part)


def unit_of(case: Case, catalog: Catalog) -> str:
    """The unit of the case's effect."""
    unit = catalog.measures[case.measure.measure].unit
    if unit == "by column":
        unit = "; ".join(catalog.measures[case.measure.measure].columns[name] for name in case.columns)
    return f"{unit}, {PER[case.over]}" if case.over else unit


def _side(case: Case, side: Side) -> str:
    """One side of the comparison: its method, data, and whatever else differs from the other side."""
    words = side.method or ""
    if side.dataset and side.method not in ("chat", "best"):
        words += f" on {side.dataset}"
    elif side.method not in ("chat", "best", *NOT_TUNED):
        words += f" on {case.dataset}"
    if case.left.model != case.right.model:
        words += f" ({side.model})"
    if side.control:
        words += f", {side.control}"
    return f"{words}, asked {side.probe}" if side.probe else words


def side_name(case: Case, side: Side) -> str:
    """The side's method, and its data where both sides are tuned by one method."""
    method = side.method or case.method
    return f"{method} on {side.dataset}" if side.dataset and case.left.method == case.right.method else method


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
