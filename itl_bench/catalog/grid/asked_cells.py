"""Which declared cells a case is asked of."""

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.cells import ALL, OWN, CellTable
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.vocabulary import EQUAL_ARMS

DEFAULT_PROFILE = "embedded"  # whose cells a run without a profile trains
FEWEST_OF_A_TREND = 3  # cells in every replicate
FEWEST_OF_A_CURVE = 3  # learning rates, or parts of a run, where sides are compared at equal loss or learning
OVER_CELLS = "log-kl"  # the axis of a trend over all cells of a table, at whatever rate
OVER_SETTINGS = ("size", "response-length", "rank")  # the axes of trends over data or methods, at the headline rate


def cell_table(case: Case, catalog: Catalog, profile: ProfileSpec | None) -> CellTable | None:
    """The profile's table of cells on the case's model and in its arm; without a profile, the default one's."""
    name = profile.id if profile else DEFAULT_PROFILE
    arm = "shared-rate" if case.arm in EQUAL_ARMS else case.arm  # whose cells they read
    for model in (case.model or "", case.level):  # a table of its own goes before that of its level
        for table in catalog.cells.values():
            if table.used_in == (name, model, arm):
                return bound(table, case.model or "", catalog)
    return None


def bound(table: CellTable, model: str, catalog: Catalog) -> CellTable:
    """A table for one model: with its own id, and with the datasets that `all` and `own` stand for."""
    if table.model == model and not any({ALL, OWN} & set(group.datasets) for group in table.cells):
        return table
    level = catalog.models[model].level if model in catalog.models else None
    specs = [spec for spec in catalog.datasets.values() if level in spec.levels]
    every = [key for spec in specs for key in spec.variants]
    own = [key for spec in specs if spec.name in catalog.own_datasets for key in spec.variants]
    return table.of(model, {ALL: every, OWN: own})


def recipe_of(catalog: Catalog, table: CellTable, dataset: str) -> str:
    """The recipe of a cell: its dataset's, else its table's, else nothing for the default one."""
    own = catalog.dataset_of(dataset).recipe if dataset in catalog.dataset_rows else None
    return own or table.recipe or ""


def common_rates(case: Case, table: CellTable) -> list[float | None]:
    """The rates at which the table has every cell that the case compares; None stands for each method's own."""
    trained = set(table.trained())
    rates = sorted({rate for _, _, rate in trained}, key=lambda rate: rate or 0.0)
    return [rate for rate in rates if all((*one, rate) in trained for one in _asked(case))]


def common_stops(case: Case, table: CellTable) -> list[float]:
    """After which shares of the updates every cell that the case compares is looked at, at the headline rate."""
    asked = _asked(case)
    shared = set.intersection(*(set(table.stops(*one)) for one in asked)) if asked else set[float]()
    return sorted(shared)


def trend_cells(case: Case, table: CellTable) -> list[tuple[str, str]]:
    """The datasets and methods of a trend over either that the table has at its headline rate, by name."""
    trained = {(dataset, method) for dataset, method, rate in table.trained() if rate == table.headline}
    return sorted(_asked(case) & trained)


def has_cells(case: Case, table: CellTable) -> bool:
    """Whether the table has what the case compares, at one rate at least."""
    if case.over == OVER_CELLS:
        if table.arm == "fair":  # there no rate is shared, within which to look
            return False
        asked = _asked(case)
        return sum((dataset, method) in asked for dataset, method, _ in table.trained()) >= FEWEST_OF_A_TREND
    if case.over in OVER_SETTINGS:
        found = len(trend_cells(case, table))  # a trend over some of the sizes only would be another one
        return found >= FEWEST_OF_A_TREND and (case.over != "size" or found == len(_asked(case)))
    if case.along == "updates":
        return len(common_stops(case, table)) >= FEWEST_OF_A_CURVE
    return len(common_rates(case, table)) >= (FEWEST_OF_A_CURVE if case.arm in EQUAL_ARMS else 1)


def _asked(case: Case) -> set[tuple[str, str]]:
    return {(cell.dataset, cell.method) for cell in case.cells}
