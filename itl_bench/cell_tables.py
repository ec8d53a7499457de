"""Which declared cells a case is asked of."""

from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.cell_specs import CellTable
from itl_bench.specs import ProfileSpec

DEFAULT_PROFILE = "embedded"  # whose cells a run without a profile trains
FEWEST_OF_A_TREND = 3  # cells in every replicate
OVER_CELLS = "log-kl"  # the axis of a trend over all cells of a table, at whatever rate


def cell_table(case: Case, catalog: Catalog, profile: ProfileSpec | None) -> CellTable | None:
    """The profile's table of cells on the case's model and in its arm; without a profile, the default one's."""
    name = profile.id if profile else DEFAULT_PROFILE
    for table in catalog.cells.values():
        if table.place == (name, case.model, case.arm):
            return table
    return None


def common_rates(case: Case, table: CellTable) -> list[float]:
    """The rates at which the table has every cell that the case compares."""
    declared = set(table.combinations())
    rates = sorted({rate for _, _, rate in declared})
    return [
        rate
        for rate in rates
        if all((cell.dataset, cell.method, rate) in declared and not cell.variant for cell in case.cells)
    ]


def has_cells(case: Case, table: CellTable) -> bool:
    """Whether the table has what the case compares, at one rate at least."""
    if case.over == OVER_CELLS:
        asked = {(cell.dataset, cell.method) for cell in case.cells}
        return sum((dataset, method) in asked for dataset, method, _ in table.combinations()) >= FEWEST_OF_A_TREND
    return bool(common_rates(case, table))
