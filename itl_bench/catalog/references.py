"""Do the names that specs use exist? A misspelt name gets its nearest match, and nothing is silently left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from itl_bench.catalog.cells import ALL, OWN, CellTable
from itl_bench.catalog.claims import ClaimSpec, MeasureUse, PublishedUse, Side
from itl_bench.catalog.published import DOUBTFUL, HEADERS, Row
from itl_bench.catalog.rates import ChosenRate
from itl_bench.data.atlas.familiarity_table import table_file
from itl_bench.errors import UsageError, nearest, unknown
from itl_bench.vocabulary import IN_CONTEXT, LEVELS, UNTUNED

if TYPE_CHECKING:
    from itl_bench.catalog.catalog import Catalog

Report = Callable[[str, str], None]  # key path, message

UNITS_OF_ROWS = ("model-x-dataset-family", "cell", "size")
LENGTHS = ("data_length_chars", "output_length_chars")  # what the trend over the length of the responses needs
TABLE_DATASETS = ("", "all-datasets")  # chat models have no dataset; Figure 4 averages over three


def check_references(catalog: Catalog, problems: list[str]) -> None:
    """Append one line to `problems` for every name that is not declared."""
    for spec in catalog.datasets.values():
        path = catalog.source(spec)
        for probe in spec.probes:
            if probe not in catalog.probes:
                problems.append(f"{path}: {spec.name}: probes: {unknown('probe', probe, catalog.probes)}")
        if spec.recipe and spec.recipe not in catalog.recipes:
            problems.append(f"{path}: {spec.name}: recipe: {unknown('recipe', spec.recipe, catalog.recipes)}")
    _check_dataset_ids(catalog, problems)
    for model in catalog.models.values():
        if model.familiarity is not None:
            try:
                table_file(model.familiarity)
            except UsageError as error:
                problems.append(f"{catalog.source(model)}: {model.id}: familiarity: {error}")
    for profile in catalog.profiles.values():
        for probe in profile.probes:
            if probe not in catalog.probes:
                message = unknown("probe", probe, catalog.probes)
                problems.append(f"{catalog.source(profile)}: {profile.id}: probes: {message}")
    for judge in catalog.judges.values():
        if judge.spread_table and judge.spread_table.removesuffix(".csv") not in HEADERS:
            message = unknown("table", judge.spread_table, ["judge_scores.csv"])
            problems.append(f"{catalog.source(judge)}: {judge.id}: spread_table: {message}")
    for table in catalog.cells.values():
        _check_cells(table, catalog, problems)
    for rate in catalog.rates.values():
        _check_rate(rate, catalog, problems)
    for claim in catalog.claims.values():
        _check_claim(claim, catalog, problems)
    _check_tables(catalog, problems)


def _check_dataset_ids(catalog: Catalog, problems: list[str]) -> None:
    owners: dict[str, str] = {}
    for spec in catalog.datasets.values():
        for key in spec.variants:
            if owners.setdefault(key, spec.name) != spec.name:
                message = f"the id {key!r} also comes from {owners[key]!r}; rename one"
                problems.append(f"{catalog.source(spec)}: {spec.name}: {message}")


def _check_rate(rate: ChosenRate, catalog: Catalog, problems: list[str]) -> None:
    def report(key: str, message: str) -> None:
        problems.append(f"{catalog.source(rate)}: {rate.id}: {key}: {message}")

    fair = [table.id for table in catalog.cells.values() if table.arm == "fair"]
    _names(report, "cells", "cells in the arm fair", [rate.cells], fair)
    _names(report, "dataset", "dataset", [rate.dataset], catalog.dataset_rows)
    _names(report, "method", "method", [rate.method], catalog.methods)


def _check_cells(table: CellTable, catalog: Catalog, problems: list[str]) -> None:
    def report(key: str, message: str) -> None:
        problems.append(f"{catalog.source(table)}: {table.id}: {key}: {message}")

    _names(report, "profile", "profile", [table.profile], catalog.profiles)
    levels = LEVELS[1:] if table.arm == "shared-rate" else ()  # a rate of its own is of one model
    _names(report, "model", "model", [table.model], [*catalog.models, *levels])
    _names(report, "recipe", "recipe", [table.recipe] if table.recipe else [], catalog.recipes)
    training = [method.id for method in catalog.methods.values() if method.code]
    if table.profile in catalog.profiles and table.arm not in (arms := catalog.profiles[table.profile].arms):
        report("arm", unknown(f"arm of the profile {table.profile}", table.arm, arms))
    same = [one.id for one in catalog.cells.values() if one.used_in == table.used_in]
    if table.id != same[0]:
        report("profile", f"the cells {same[0]!r} are of the same profile, model and arm; write them into one entry")
    shipped = table.model in catalog.models and catalog.models[table.model].weights.shipped
    if (shipped or table.model == "bios") and IN_CONTEXT in table.untuned:
        report("untuned", f"models of a world have no room for the examples of {IN_CONTEXT!r}; accepted: {UNTUNED!r}")
    for number, group in enumerate(table.cells):
        _names(report, f"cells.{number}.datasets", "dataset", group.datasets, [*catalog.dataset_rows, ALL, OWN])
        _names(report, f"cells.{number}.methods", "method that trains", group.methods, training)


def _check_claim(claim: ClaimSpec, catalog: Catalog, problems: list[str]) -> None:
    path = catalog.source(claim)

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
        meant = {nearest(name, columns) for name in use.smallest_effect if name not in columns}
        for column in columns:
            if column not in use.smallest_effect and column not in meant:
                report(f"{key}.smallest_effect", f"no smallest effect for the column {column!r}; add one")


def _check_published(report: Report, key: str, use: PublishedUse, claim: ClaimSpec, catalog: Catalog) -> None:
    if use.measure:
        _names(
            report, f"{key}.measure", "measure of this claim", [use.measure], [one.measure for one in claim.measures]
        )
    _names(report, f"{key}.models", "model", use.models or (), catalog.models)
    _check_columns(report, key, use, claim, catalog)
    figures = catalog.tables.figures
    if use.quantity:
        _names(report, f"{key}.quantity", "quantity", [use.quantity], [one.quantity for one in figures])
        cells = [one.cell for one in figures if one.quantity == use.quantity]
        for side, cell in (("left", use.left), ("right", use.right)):
            _names(report, f"{key}.{side}", "cell", [cell] if cell and cells else [], cells)
    if use.unit == "response-length":
        lengths, outputs = ({one.cell for one in figures if one.quantity == name} for name in LENGTHS)
        if single := ", ".join(sorted(lengths ^ outputs)):
            report(key, f"other_figures.csv gives only one of {' and '.join(LENGTHS)} for {single}; give both")


def _check_columns(report: Report, key: str, use: PublishedUse, claim: ClaimSpec, catalog: Catalog) -> None:
    """A table that lacks a measure's columns would crash the case, or leave it without a single unit."""
    rows = [row for row in catalog.tables.rows if row.table == use.table]
    if use.unit not in UNITS_OF_ROWS:
        if rows:
            report(f"{key}.table", f"unit {use.unit!r} reads single numbers; accepted is other_figures")
        return
    available = {column for row in rows for column in row.values}
    for measure in claim.measures:
        if measure.measure == use.measure and measure.measure in catalog.measures:
            columns = tuple(catalog.measures[measure.measure].columns)
            wanted = columns if measure.columns == "all" else tuple(set(columns) & set(measure.columns))
            if lacking := sorted(set(wanted) - available):
                given = f"{use.table} has no column {', '.join(lacking)} of the measure {use.measure!r}"
                fits = {row.table for row in catalog.tables.rows if set(wanted) <= set(row.values)}
                report(f"{key}.table", f"{given}; accepted: {', '.join(sorted(fits)) or 'none of the tables'}")


def _check_tables(catalog: Catalog, problems: list[str]) -> None:
    """Names in the published tables must be declared, else their rows would silently be no evidence."""
    found: dict[tuple[str, str], list[str]] = {}  # the same name in one table is one mistake, however many rows
    for row in catalog.tables.rows:
        for name, message in _unknown_in(row, catalog):
            found.setdefault((row.table, f"{name}: {message}"), []).append(row.where)
    for (_, message), places in found.items():
        more = f" (and {len(places) - 1} more rows)" if len(places) > 1 else ""
        problems.append(f"{places[0]}: {message}{more}")


def _unknown_in(row: Row, catalog: Catalog) -> Iterator[tuple[str, str]]:
    chat = [model.chat.name for model in catalog.models.values() if model.chat]
    tuned = row.method in catalog.methods and catalog.methods[row.method].trains != "none"
    accepted = {
        "model": {*catalog.models, *chat, *catalog.judges},
        "method": set(catalog.methods),
        "dataset": {*catalog.datasets, *(("all-datasets",) if tuned else TABLE_DATASETS)},
        "probe": set(catalog.probes),
    }
    for name, names in accepted.items():
        if (value := getattr(row, name)) not in names:
            yield name, unknown(name, value, names)
    if row.dataset in catalog.datasets:
        sizes: Iterable[str] = catalog.datasets[row.dataset].sizes or [""]
        kind = f"size of {row.dataset}"
    else:
        sizes = {size for spec in catalog.datasets.values() for size in spec.sizes or ()} if row.dataset else [""]
        kind = "size"
    if row.dataset in catalog.datasets and not row.doubtful:
        yield from _wrong_probe(row, catalog)
    known = row.dataset in accepted["dataset"]
    if known and row.size not in sizes:
        yield "size", unknown(kind, row.size, sizes)


def _wrong_probe(row: Row, catalog: Catalog) -> Iterator[tuple[str, str]]:
    probes = catalog.datasets[row.dataset].probes
    declared = set(catalog.probes)  # a misspelt probe is its own mistake
    if row.probe in declared and declared.issuperset(probes) and row.probe not in probes:
        yield "eval", f"{row.dataset} is not asked on {row.probe} (accepted: {', '.join(probes)}); flag it {DOUBTFUL!r}"
