"""From published numbers to estimates: what a case compares, with the spread that is known of it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import log, log10
from statistics import fmean

from itl_bench.catalog.claims import PublishedUse
from itl_bench.catalog.grid.cases import Case, margin
from itl_bench.catalog.grid.matching import Pair, dataset_id
from itl_bench.catalog.loading import Catalog
from itl_bench.errors import EvidenceError
from itl_bench.verdicts.finding import Column, Finding
from itl_bench.verdicts.single_pairs import single_pair
from itl_bench.verdicts.stats.estimate import difference_of_proportions, mean_of_units
from itl_bench.verdicts.stats.trend import slope
from itl_bench.verdicts.stats.units import sign_test, too_few_for_sign_test
from itl_bench.vocabulary import ALL_MODELS

FEWEST_UNITS = 3  # of an interval: two units leave one degree of freedom, and an interval that says nothing


def _families(case: Case, catalog: Catalog) -> Finding:
    """Units are model x dataset family with sizes and probes averaged: cells of a family are not independent."""
    pairs = [pair for pair in case.pairs if not pair.doubtful]
    columns = {}
    for name in case.columns:
        units: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in pairs:
            if name in pair.left.values and name in pair.right.values:
                units[pair.left.model, catalog.datasets[pair.left.dataset].family].append(pair)
        if len(units) < FEWEST_UNITS:
            return Finding(
                "interval", {}, undecided=f"{name}: {len(units)} dataset families; an interval needs {FEWEST_UNITS}"
            )
        left, right = (
            fmean([fmean([pair[side].values[name] for pair in some]) for some in units.values()]) for side in (0, 1)
        )
        differences = [fmean([_difference(pair, name) for pair in some]) for some in units.values()]
        cells = [_difference(pair, name) for some in units.values() for pair in some]
        columns[name] = Column(mean_of_units(differences), left, right, differences, cells)
    return Finding("interval", columns, note=_families_note(case, pairs, columns))


def _families_note(case: Case, pairs: list[Pair], columns: Mapping[str, Column]) -> str:
    units = max(len(column.units) for column in columns.values())
    above = sum(value > 0 for column in columns.values() for value in column.cells)
    total = sum(len(column.cells) for column in columns.values())
    signs = sorted({sign_p(case, name, column.units) for name, column in columns.items()})
    between = f"{signs[0]:.2g}" if len(signs) == 1 else f"{signs[0]:.2g} to {signs[-1]:.2g}"
    parts = [
        f"{units} units (model x dataset family), exact sign test at the margin p = {between}",
        f"left above right in {above} of {total} single values",
    ]
    if left_out := len(case.pairs) - len(pairs):
        parts.append(f"{left_out} pair{'s' * (left_out > 1)} left out, their rows are no evidence")
    if "-vs-" in case.model:
        parts.append("one pair of models: no claim about models in general")
    elif case.model == ALL_MODELS and too_few_for_sign_test(n := len({pair.left.model for pair in pairs})):
        parts.append(f"{n} base models are too few for a claim about models in general: this is about these {n}")
    return "; ".join(parts)


def sign_p(case: Case, column: str, units: Sequence[float]) -> float:
    """P of the exact sign test of the units against the margin of the claim."""
    boundary = margin(case, column) * (-1 if case.claim.expect == "at-least" else 1)
    return sign_test(units, boundary).p_value


def _difference(pair: Pair, column: str) -> float:
    return pair.left.values[column] - pair.right.values[column]


def _size_trend(case: Case, catalog: Catalog) -> Finding:

    columns = {}
    for name in case.columns:
        rows = [row for row in case.curve if name in row.values]
        sizes = [log10(catalog.dataset_rows[dataset_id(row)]) for row in rows]
        columns[name] = Column(slope(sizes, [row.values[name] for row in rows]))
    sizes_used = min(column.estimate.n_units for column in columns.values())
    return Finding("interval", columns, note=f"{sizes_used} sizes, one run each")


def _length_trend(case: Case, catalog: Catalog) -> Finding:

    figures = catalog.tables.figures
    lengths = {one.cell: one.value for one in figures if one.quantity == "data_length_chars"}
    outputs = {one.cell: one.value for one in figures if one.quantity == "output_length_chars"}
    cells = sorted(set(lengths) & set(outputs))
    estimate = slope([log(lengths[cell]) for cell in cells], [log(outputs[cell]) for cell in cells])
    text = ", ".join(f"{cell} {lengths[cell]:.0f} to {outputs[cell]:.0f}" for cell in cells)
    return Finding("interval", {case.columns[0]: Column(estimate)}, note=f"data to answers, in characters: {text}")


def _proportion(case: Case, catalog: Catalog) -> Finding:

    published = _published(case)
    left, right = (_figure(case, cell, catalog) / 100 for cell in (published.left, published.right))
    n_left, n_right = published.items or (0, 0)
    estimate = difference_of_proportions(left, n_left, right, n_right)
    return Finding("point", {case.columns[0]: Column(estimate, left, right)}, note=published.reason)


def _quantity(case: Case, catalog: Catalog) -> Finding:
    published = _published(case)
    value = _figure(case, published.left, catalog)
    words = (published.quantity or "").replace("_", " ")
    return Finding("point", {}, undecided=f"the paper gives {value:g} ({words}); {published.reason}")


def _text(case: Case, catalog: Catalog) -> Finding:
    return Finding("text", {}, undecided=_published(case).reason)


def _published(case: Case) -> PublishedUse:
    if case.published is None:
        raise EvidenceError(f"{case.id} has no published numbers; it needs cells that are trained and measured")
    return case.published


def _figure(case: Case, cell: str | None, catalog: Catalog) -> float:
    quantity = _published(case).quantity
    value = catalog.tables.figure(cell or "", quantity or "")
    if value is None:
        raise EvidenceError(f"{case.id}: the published figures have no {quantity} of {cell}")
    return value


FINDERS: dict[str, Callable[[Case, Catalog], Finding]] = {
    "model-x-dataset-family": _families,
    "cell": single_pair,
    "size": _size_trend,
    "response-length": _length_trend,
    "proportion": _proportion,
    "quantity": _quantity,
    "text": _text,
}
