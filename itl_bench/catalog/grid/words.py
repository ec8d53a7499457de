"""A case in words, and the fields of its record that are known before it is judged."""

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import Side
from itl_bench.catalog.grid.cases import Case

PER = {
    "size": "per tenfold data",
    "rank": "per tenfold rank",
    "response-length": "per e-fold length of the data's responses",
    "log-kl": "per e-fold divergence",
}


def compared(case: Case) -> str:
    """What is compared, for example "lora on tulu-1k minus full on medinstruct-52k, llama7b, medinstruct-test"."""
    equal = "at equal training loss" if case.at == "training-loss" else ""
    where = ", ".join(part for part in (case.model, case.probe, equal) if part)
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
    elif side.method not in ("chat", "best", "base"):
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
