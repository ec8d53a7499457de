"""Do the names that specs use exist? A misspelt name gets its nearest match, and nothing is silently left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from itl_bench.errors import unknown
from itl_bench.published import HEADERS
from itl_bench.specs import ClaimSpec, MeasureUse, PublishedUse, Side
from itl_bench.vocabulary import LEVELS

if TYPE_CHECKING:
    from itl_bench.catalog import Catalog

Report = Callable[[str, str], None]  # key path, message

TABLE_DATASETS = ("", "all-datasets")  # chat models have no dataset; Figure 4 averages over three


def check_references(catalog: Catalog, problems: list[str]) -> None:
    """Append one line to `problems` for every name that is not declared."""
    for spec in catalog.datasets.values():
        path = catalog.sources[spec.name]
        for probe in spec.probes:
            if probe not in catalog.probes:
                problems.append(f"{path}: {spec.name}: probes: {unknown('probe', probe, catalog.probes)}")
    _check_dataset_ids(catalog, problems)
    for judge in catalog.judges.values():
        if judge.spread_table.removesuffix(".csv") not in HEADERS:
            message = unknown("table", judge.spread_table, ["judge_scores.csv"])
            problems.append(f"{catalog.sources[judge.id]}: {judge.id}: spread_table: {message}")
    for claim in catalog.claims.values():
        _check_claim(claim, catalog, problems)
    _check_tables(catalog, problems)


def _check_dataset_ids(catalog: Catalog, problems: list[str]) -> None:
    owners: dict[str, str] = {}
    for spec in catalog.datasets.values():
        for key in spec.variants:
            if owners.setdefault(key, spec.name) != spec.name:
                message = f"the id {key!r} also comes from {owners[key]!r}; rename one"
                problems.append(f"{catalog.sources[spec.name]}: {spec.name}: {message}")


def _check_claim(claim: ClaimSpec, catalog: Catalog, problems: list[str]) -> None:
    path = catalog.sources[claim.id]

    def report(key: str, message: str) -> None:
        problems.append(f"{path}: {key}: {message}")

    _names(report, "axes.model", "model or level", claim.axes.model, [*catalog.models, *LEVELS[1:]])
    if claim.axes.dataset != "all":
        _names(report, "axes.dataset", "dataset", claim.axes.dataset, catalog.datasets)
    _names(report, "axes.method", "method", claim.axes.method or (), catalog.methods)
    for number, compare in enumerate(claim.compare):
        for left, right in compare.pairs:
            _check_side(report, f"compare.{number}.left", left, catalog)
            _check_side(report, f"compare.{number}.right", right, catalog)
        _check_side(report, f"compare.{number}.within", compare.within, catalog)
    for number, use in enumerate(claim.measures):
        _check_measure(report, f"measures.{number}", use, catalog)
    for number, published in enumerate(claim.published):
        _check_published(report, f"published.{number}", published, claim, catalog)


def _names(report: Report, key: str, kind: str, given: Iterable[str], accepted: Iterable[str]) -> None:
    known = list(accepted)
    for name in given:
        if name not in known:
            report(key, unknown(kind, name, known))


def _check_side(report: Report, key: str, side: Side, catalog: Catalog) -> None:
    accepted = {
        "model": list(catalog.models),
        "method": [*catalog.methods, "best"],
        "dataset": list(catalog.dataset_rows),
        "probe": list(catalog.probes),
    }
    for name, names in accepted.items():
        if (value := getattr(side, name)) is not None:
            _names(report, f"{key}.{name}", name, [value], names)


def _check_measure(report: Report, key: str, use: MeasureUse, catalog: Catalog) -> None:
    _names(report, f"{key}.probes", "probe", use.probes, catalog.probes)
    if use.measure not in catalog.measures:
        report(f"{key}.measure", unknown("measure", use.measure, catalog.measures))
        return
    columns = tuple(catalog.measures[use.measure].columns)
    if use.columns != "all":
        _names(report, f"{key}.columns", "column", use.columns, columns)
        columns = use.columns
    if isinstance(use.smallest_effect, dict):
        _names(report, f"{key}.smallest_effect", "column", use.smallest_effect, columns)
        for column in columns:
            if column not in use.smallest_effect:
                report(f"{key}.smallest_effect", f"no smallest effect for the column {column!r}; add one")


def _check_published(report: Report, key: str, use: PublishedUse, claim: ClaimSpec, catalog: Catalog) -> None:
    if use.measure:
        _names(
            report, f"{key}.measure", "measure of this claim", [use.measure], [one.measure for one in claim.measures]
        )
    _names(report, f"{key}.models", "model", use.models or (), catalog.models)
    if use.quantity:
        figures = catalog.tables.figures
        _names(report, f"{key}.quantity", "quantity", [use.quantity], [one.quantity for one in figures])
        cells = [one.cell for one in figures if one.quantity == use.quantity]
        _names(report, f"{key}.cell", "cell", [cell for cell in (use.left, use.right) if cell], cells)


def _check_tables(catalog: Catalog, problems: list[str]) -> None:
    """Names in the published tables must be declared, else their rows would silently be no evidence."""
    chat = [model.chat.name for model in catalog.models.values() if model.chat]
    judges = list(catalog.judges)
    accepted = {
        "model": {*catalog.models, *chat, *judges},
        "method": set(catalog.methods),
        "dataset": {*catalog.datasets, *TABLE_DATASETS},
        "probe": set(catalog.probes),
    }
    for row in catalog.tables.rows:
        for name, names in accepted.items():
            if (value := getattr(row, name)) not in names:
                problems.append(f"published/{row.table}.csv: {name}: {unknown(name, value, names)}")
        sizes = catalog.datasets[row.dataset].sizes if row.dataset in catalog.datasets else None
        if sizes is not None and row.size not in sizes:
            problems.append(f"published/{row.table}.csv: size: {unknown(f'size of {row.dataset}', row.size, sizes)}")
