"""Why a measured case cannot be run here, and what it would need; None where it can."""

from importlib.util import find_spec

from itl_bench.case_tasks import MEASURE_TABLES
from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.cell_specs import CellTable
from itl_bench.cell_tables import DEFAULT_PROFILE, FEWEST_OF_A_CURVE, OVER_CELLS, OVER_DATASETS, cell_table, has_cells
from itl_bench.chosen_rates import why_no_rate
from itl_bench.data.bios.shipped import manifest_file, shipped_bases
from itl_bench.plan import missing
from itl_bench.specs import ProfileSpec

PACKAGES = ("torch", "transformers", "peft", "accelerate")


def why_not(case: Case, catalog: Catalog, profile: ProfileSpec | None) -> str | None:
    """One line that says why the case cannot run here, and what it would need."""
    if case.level != "bios" or case.evidence != "measured":
        return missing(case, catalog)
    unknown = _not_measured(case)
    if unknown:
        return f"not run: this version does not measure {unknown}"
    table = cell_table(case, catalog, profile)
    if table is None or not has_cells(case, table):
        name = profile.id if profile else DEFAULT_PROFILE
        few = f"cells at {FEWEST_OF_A_CURVE} shared rates, which equal training loss needs" if case.at != "rate" else ""
        return f"not run: profile {name} trains no {few or 'cells for it'}; {_elsewhere(case, catalog)}"
    if reason := why_no_cells() or lacking_base(table):
        return f"not run: {reason}"
    unchosen = why_no_rate(case, catalog, table)
    return f"not run: {unchosen}" if unchosen else None


def why_no_cells() -> str | None:
    """Why no cell at all can be trained here: the installation lacks something; None where they can."""
    if not manifest_file().exists():
        return "this installation has no pre-trained bases; itl-bench bios pretrain makes them"
    if lacking := [name for name in PACKAGES if find_spec(name) is None]:
        install = "pip install 'itl_bench[train]' (or make bench) installs it"
        return f"{', '.join(lacking)} not installed; {install}"
    return None


def lacking_base(table: CellTable) -> str | None:
    """Which bases of a table this installation does not have; None where it has all of them."""
    there = {one.number for one in shipped_bases().bases}
    if lacking := [str(number) for number in table.bases if number not in there]:
        return f"this installation has no base {' and '.join(lacking)}; itl-bench bios pretrain makes bases"
    return None


def _not_measured(case: Case) -> str:
    measure = case.measure.measure
    if measure not in MEASURE_TABLES:
        return measure
    controls = [side.control for side in (case.left, case.right) if side.control]
    if controls:
        return f"{measure} with the control {controls[0]}"
    if case.over not in (None, OVER_CELLS, *OVER_DATASETS):
        return f"a trend over {case.over}"
    return ""


def _elsewhere(case: Case, catalog: Catalog) -> str:
    """Which profiles have the cells, if any."""
    found = [table.profile for table in catalog.cells.values() if table.arm == case.arm and has_cells(case, table)]
    return f"--itl-profile {found[0]} does" if found else "no profile of this version does"
