"""A published case: which of the paper's numbers, which comparison -> verdict."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from math import log, log10
from statistics import fmean, stdev

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import PublishedUse
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.matching import Pair, dataset_id
from itl_bench.catalog.judges import JudgeSpec
from itl_bench.catalog.published import DOUBTFUL, DUPLICATE
from itl_bench.errors import EvidenceError
from itl_bench.record import CaseRecord
from itl_bench.verdicts.facts import Column, Finding, Sizes, case_verdict, decided, record_of, sign_p
from itl_bench.verdicts.guards import count
from itl_bench.verdicts.stats.estimate import (
    BoundedEstimate,
    difference_of_means,
    difference_of_proportions,
    mean_of_units,
)
from itl_bench.verdicts.stats.trend import slope
from itl_bench.verdicts.stats.units import too_few_for_sign_test
from itl_bench.vocabulary import ALL_MODELS, Verdict

FEWEST_UNITS = 3  # of an interval: two units leave one degree of freedom, and an interval that says nothing


def published_verdict(case: Case, catalog: Catalog) -> CaseRecord:
    """The verdict on a published case.

    Raises:
        EvidenceError: The case's numbers cannot carry a verdict (NaN, no rows): an error, never a verdict.
    """
    finding = FINDERS[_published(case).unit](case, catalog)
    return record_of(case, catalog, decided(case, finding), Sizes(n_prompts=finding.n_prompts))


def judge_spread(catalog: Catalog) -> tuple[float, int]:
    """Standard deviation of one answer's score, and its degrees of freedom.

    The source's answers are good ones, and aspects near the top of the scale hardly vary there (clarity not at all).
    The largest deviation among the aspects stands for all of them.
    """
    deviations = {aspect: stdev(scores) for aspect, scores in catalog.tables.judge_scores.items()}
    widest = max(deviations, key=deviations.__getitem__)
    return deviations[widest], len(catalog.tables.judge_scores[widest]) - 1


def _single_pair(case: Case, catalog: Catalog) -> Finding:
    """A single pair of published means: the only spread is that of the judge, taken from elsewhere."""
    (pair,) = case.pairs
    if pair.doubtful:
        return Finding("point", {}, undecided=_doubt(case, pair))
    if pair.left.bounds:
        note = "the interval holds the rounding of the figure alone, no sampling spread is published"
        return Finding("point", {name: _read_off(pair, name) for name in case.columns}, note=note)
    spread, freedom = judge_spread(catalog)
    columns = _with_spread(case, pair, spread, freedom, catalog)
    notes = [
        f"differences beyond the judge's spread: {', '.join(_beyond_spread(columns)) or 'none'}",
        f"approximate interval of one run each: {spread:.2f} points per answer, {_judge(catalog).spread_source}",
        _steadiness(case, pair, freedom, catalog),
    ]
    if pair.right.method == "best":
        notes.append("right is the best of all tunings, column by column, which favours it")
    return Finding("point", columns, note="; ".join(notes), n_prompts=catalog.probes[pair.left.probe].prompts)


def _read_off(pair: Pair, name: str) -> Column:
    left, right = pair.left.values[name], pair.right.values[name]
    (left_low, left_high), (right_low, right_high) = pair.left.bounds[name], pair.right.bounds[name]
    return Column(BoundedEstimate(left - right, left_low - right_high, left_high - right_low, 1), left, right)


def _with_spread(case: Case, pair: Pair, spread: float, freedom: int, catalog: Catalog) -> dict[str, Column]:
    """The columns of a pair of means, where single answers have this spread."""
    probe = catalog.probes[pair.left.probe]
    columns = {}
    for name in case.columns:
        left, right, answers = pair.left.values[name], pair.right.values[name], probe.groups.get(name, probe.prompts)
        columns[name] = Column(difference_of_means(left, right, spread, answers, freedom), left, right)
    return columns


def _judge(catalog: Catalog) -> JudgeSpec:
    """The paper's judge: the first that the catalog declares."""
    return next(iter(catalog.judges.values()))


def _steadiness(case: Case, pair: Pair, freedom: int, catalog: Catalog) -> str:
    """Up to which spread per answer the verdict stays the same: the source's answers may vary less than these.

    No score on a scale from 1 to 5 has a standard deviation above 2.
    """
    spreads = [judge_spread(catalog)[0], *(tenth / 10 for tenth in range(1, 21))]
    spreads = [spread for spread in spreads if spread >= spreads[0]]

    def verdict(spread: float) -> Verdict:
        return case_verdict(case, _with_spread(case, pair, spread, freedom, catalog)).verdict

    verdicts = [verdict(spread) for spread in spreads]
    if verdicts[0] == "INCONCLUSIVE":
        return "a larger spread would leave it so"
    steady = [spread for spread, found in zip(spreads, verdicts, strict=True) if found == verdicts[0]]
    if len(steady) == len(spreads):
        return "would hold at any spread of the judge's scores"
    return f"would hold up to a spread of {steady[-1]:.1f}"


def _beyond_spread(columns: Mapping[str, Column]) -> list[str]:
    """Which differences exceed the approximate interval around zero."""
    beyond = []
    for name, column in columns.items():
        low, high = column.estimate.interval(0.95)
        if abs(column.estimate.effect) > (high - low) / 2:
            beyond.append(name)
    return beyond


def _doubt(case: Case, pair: Pair) -> str:
    words = {DUPLICATE: ", a copy of another row digit for digit", DOUBTFUL: ", under a label that cannot be right"}
    texts = []
    for row in pair:
        values = "/".join(f"{row.values[name]:.2f}" for name in case.columns)
        texts.append(f"{row.method} on {dataset_id(row)} {values}{words.get(row.flag, '')}")
    return f"no evidence: {' against '.join(texts)}"


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
        parts.append(f"{count(left_out, 'pair')} left out, their rows are no evidence")
    if "-vs-" in case.model:
        parts.append("one pair of models: no claim about models in general")
    elif case.model == ALL_MODELS and too_few_for_sign_test(n := len({pair.left.model for pair in pairs})):
        parts.append(f"{n} base models are too few for a claim about models in general: this is about these {n}")
    return "; ".join(parts)


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
    "cell": _single_pair,
    "size": _size_trend,
    "response-length": _length_trend,
    "proportion": _proportion,
    "quantity": _quantity,
    "text": _text,
}
