"""Cases that the paper's own tables decide."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.claims import ClaimSpec, MeasureUse, PublishedUse, Side
from itl_bench.catalog.grid.cases import Case, columns_of, measure_label, side_by_side
from itl_bench.catalog.grid.matching import Pair, dataset_id, matched_pairs, size_curves, with_base_models
from itl_bench.catalog.published import Row
from itl_bench.vocabulary import ALL_MODELS


def published_cases(claim: ClaimSpec, catalog: Catalog) -> Iterator[Case]:
    """All published cases of a claim, in the order of its declaration."""
    for published in claim.published:
        for use in claim.measures:
            if published.measure in (use.measure, None):
                yield from _UNITS[published.unit](claim, published, use, catalog)
            if published.measure is None:
                break  # a text case belongs to the claim as a whole


def _case(claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog, **parts: object) -> Case:
    columns = columns_of(use, tuple(catalog.measures[use.measure].columns))
    common = {"label": measure_label(claim, use), "dataset": "", "method": "", "model": ""}
    return Case(
        claim=claim, evidence="published", level="published", measure=use, columns=columns, published=published,
        **(common | parts),  # type: ignore[arg-type]
    )  # fmt: skip


def _rows(published: PublishedUse, use: MeasureUse, claim: ClaimSpec, catalog: Catalog) -> tuple[Row, ...]:
    """Rows of the table on the measure's probes, within the claim's axes.

    A dataset axis also limits what the best tuned row may come from, but never a chat model, which has no dataset.
    """
    datasets = None if claim.axes.dataset == "all" else {*claim.axes.dataset, "", "all-datasets"}
    axes = {model.id for model in catalog.models.values() if {model.id, model.level} & set(claim.axes.model)}
    wanted = axes & set(published.models or axes)
    return tuple(
        row
        for row in with_base_models(catalog.tables.rows, catalog.models)
        if row.table == published.table
        and row.probe in use.probes
        and row.model in wanted
        and (datasets is None or row.dataset in datasets)
        and (claim.axes.method is None or row.method in claim.axes.method)
    )


def _rank(catalog: Catalog) -> Callable[[Row], int]:
    rows = catalog.dataset_rows
    return lambda row: rows.get(dataset_id(row), 0)


def _all_pairs(
    claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog
) -> Iterator[tuple[Side, Side, list[Pair]]]:
    rows = _rows(published, use, claim, catalog)
    for compare in claim.compare:
        for left, right in compare.pairs if "shared-rate" in compare.arms else ():  # the paper tunes at one rate
            yield left, right, matched_pairs(rows, left, right, _rank(catalog))


def _cells(claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog) -> Iterator[Case]:
    for left, right, pairs in _all_pairs(claim, published, use, catalog):
        for pair in pairs:
            parts = {
                "model": side_by_side(pair.left.model, pair.right.model),
                "dataset": _dataset_label(pair, sized=left.size is not None),
                "method": side_by_side(pair.left.method, pair.right.method),
                "label": f"{pair.left.probe}-{measure_label(claim, use)}",
                "probe": pair.left.probe,
            }
            sides = {"left": _side_of(left, pair.left), "right": _side_of(right, pair.right)}
            yield _case(claim, published, use, catalog, **parts, **sides, pairs=(pair,))


def _side_of(side: Side, row: Row) -> Side:
    dataset = dataset_id(row) or None
    return side.model_copy(update={"model": row.model, "method": row.method, "dataset": dataset, "size": None})


def _dataset_label(pair: Pair, sized: bool) -> str:
    left, right = (dataset_id(row) for row in pair)
    if sized:
        return f"{left}-vs-{pair.right.size}"
    return side_by_side(left, right) if left and right else left or right


def _families(claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog) -> Iterator[Case]:
    for left, right, pairs in _all_pairs(claim, published, use, catalog):
        groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
        for pair in pairs:
            model = side_by_side(pair.left.model, pair.right.model)
            groups[model, side_by_side(pair.left.method, pair.right.method)].append(pair)
        if published.across_models:
            for method in {method for _, method in groups}:
                groups[ALL_MODELS, method] = [pair for key, some in groups.items() if key[1] == method for pair in some]
        for (model, method), some in groups.items():
            probes = " + ".join(dict.fromkeys(pair.left.probe for pair in some))
            parts = {"model": model, "dataset": "all-datasets", "method": method, "probe": probes}
            sides = {"left": _pooled(left, some, 0), "right": _pooled(right, some, 1)}
            yield _case(claim, published, use, catalog, **parts, **sides, pairs=tuple(some))


def _pooled(side: Side, pairs: list[Pair], index: int) -> Side:
    models = {pair[index].model for pair in pairs}
    methods = {pair[index].method for pair in pairs}
    fixed = {"model": models.pop() if len(models) == 1 else ALL_MODELS, "method": methods.pop()}
    return side.model_copy(update=fixed)


def _sizes(claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog) -> Iterator[Case]:
    rows = _rows(published, use, claim, catalog)
    for compare in claim.compare:
        for (model, method, dataset, probe), curve in size_curves(rows, compare.within, _rank(catalog)).items():
            parts = {"model": model, "dataset": f"{dataset}-sizes", "method": method, "probe": probe}
            yield _case(claim, published, use, catalog, **parts, over="size", left=compare.within, curve=tuple(curve))


def _single(claim: ClaimSpec, published: PublishedUse, use: MeasureUse, catalog: Catalog) -> Iterator[Case]:
    """Numbers quoted in the text, or no number at all."""
    model = published.models[0] if published.models else ""
    method = ""
    if published.unit == "proportion":
        method = "-vs-".join((cell or "").split("-")[0] for cell in (published.left, published.right))
    over = "response-length" if published.unit == "response-length" else None
    label = "text" if published.unit == "text" else measure_label(claim, use)
    yield _case(
        claim, published, use, catalog, model=model, dataset=published.label or "", method=method, label=label,
        over=over,
    )  # fmt: skip


_UNITS: dict[str, Callable[[ClaimSpec, PublishedUse, MeasureUse, Catalog], Iterable[Case]]] = {
    "cell": _cells,
    "model-x-dataset-family": _families,
    "size": _sizes,
    "response-length": _single,
    "proportion": _single,
    "quantity": _single,
    "text": _single,
}
