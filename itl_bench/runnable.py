"""Why a measured case cannot be run here, and what it would need; None where it can."""

from collections.abc import Sequence
from importlib.util import find_spec

from itl_bench.case_tasks import MEASURE_TABLES
from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.cell_specs import CellTable
from itl_bench.cell_tables import DEFAULT_PROFILE, FEWEST_OF_A_CURVE, OVER_CELLS, OVER_DATASETS, cell_table, has_cells
from itl_bench.chosen_rates import why_no_rate
from itl_bench.data.bios.shipped import manifest_file, shipped_bases
from itl_bench.data.sources.loading import first_found
from itl_bench.data.sources.spec import SourceSpec
from itl_bench.dataset_specs import DatasetSpec, ProbeSpec
from itl_bench.errors import UsageError
from itl_bench.model_specs import ModelSpec
from itl_bench.plan import missing, who_scores, why_no_memory
from itl_bench.specs import ProfileSpec
from itl_bench.weights import why_no_weights

PACKAGES = ("torch", "transformers", "peft", "accelerate")


def why_not(case: Case, catalog: Catalog, profile: ProfileSpec | None) -> str | None:
    """One line that says why the case cannot run here, and what it would need."""
    if case.evidence != "measured":
        return missing(case, catalog)
    table = cell_table(case, catalog, profile)
    needs = lacking(case, catalog, table)
    unknown = _not_measured(case)
    if unknown:
        return "not run: " + "; ".join([f"this version does not measure {unknown}", *needs])
    if table is None or not has_cells(case, table):
        name = profile.id if profile else DEFAULT_PROFILE
        few = f"cells at {FEWEST_OF_A_CURVE} shared rates, which equal training loss needs" if case.at != "rate" else ""
        no_cells = f"profile {name} trains no {few or 'cells for it'}; {_elsewhere(case, catalog)}"
        return "not run: " + "; ".join([no_cells, *needs])
    if reason := "; ".join(needs) or why_no_cells() or lacking_base(table, catalog):
        return f"not run: {reason}"
    unchosen = why_no_rate(case, catalog, table)
    return f"not run: {unchosen}" if unchosen else None


def lacking(case: Case, catalog: Catalog, table: CellTable | None) -> list[str]:
    """What of memory, models, data and judges a case needs and this machine lacks, each with how to get it."""
    names = dict.fromkeys(side.model for side in (case.left, case.right) if side.model)
    datasets = sorted({catalog.dataset_of(cell.dataset).name for cell in case.cells})
    probes = dict.fromkeys(side.probe or case.probe or "" for side in (case.left, case.right))
    found = [
        why_no_memory(case, catalog, table),
        *(why_no_model(catalog.models[name]) for name in names),
        *(why_no_data(catalog.datasets[name]) for name in datasets),
        *(why_no_prompts(catalog.probes[name]) for name in probes if name in catalog.probes),
        *who_scores(case, catalog),
    ]
    return list(dict.fromkeys(reason for reason in found if reason))


def why_no_model(model: ModelSpec) -> str | None:
    """What is missing of a model's weights, and the command that gets them."""
    return why_no_weights(model.weights)


def why_no_data(dataset: DatasetSpec) -> str | None:
    """What is missing of a dataset, and the command that gets it."""
    if dataset.bios or dataset.atlas:
        return None
    return _why_no_rows(dataset.name, dataset.rows_from) if dataset.rows_from else _undeclared(dataset.name)


def why_no_prompts(probe: ProbeSpec) -> str | None:
    """What is missing of a probe, and the command that gets it."""
    if probe.world:
        return None
    return _why_no_rows(probe.id, probe.rows_from) if probe.rows_from else _undeclared(probe.id)


def _undeclared(name: str) -> str:
    return f"{name}: no entry says where its rows come from; add 'rows_from' (docs/datasets.md)"


def _why_no_rows(name: str, sources: Sequence[SourceSpec]) -> str | None:
    try:
        _, found = first_found(name, sources, download=False)
    except UsageError as error:
        return "; ".join(str(error).splitlines())
    if any(path.suffix == ".parquet" for path in found.files) and find_spec("pyarrow") is None:
        return f"{name}: Parquet files need pyarrow; pip install 'itl_bench[data]'"
    return None


def why_no_cells() -> str | None:
    """Why no cell at all can be trained here: the installation lacks something; None where they can."""
    if not manifest_file().exists():
        return "this installation has no pre-trained bases; itl-bench bios pretrain makes them"
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        install = "pip install 'itl_bench[train]' (or make bench) installs it"
        return f"{', '.join(absent)} not installed; {install}"
    return None


def lacking_base(table: CellTable, catalog: Catalog) -> str | None:
    """Which bases of a table this installation does not have; None where it has all of them."""
    if not catalog.models[table.model].weights.shipped:
        return None
    there = {one.number for one in shipped_bases().bases}
    if absent := [str(number) for number in table.bases if number not in there]:
        return f"this installation has no base {' and '.join(absent)}; itl-bench bios pretrain makes bases"
    return None


def _not_measured(case: Case) -> str:
    measure = case.measure.measure
    if measure not in MEASURE_TABLES:
        return measure
    if any(side.method == "chat" for side in (case.left, case.right)):
        return "a vendor's chat model"
    controls = [side.control for side in (case.left, case.right) if side.control]
    if controls:
        return f"{measure} with the control {controls[0]}"
    if case.over not in (None, OVER_CELLS, *OVER_DATASETS):
        return f"a trend over {case.over}"
    return ""


def _elsewhere(case: Case, catalog: Catalog) -> str:
    """Which profiles have the cells, if any."""
    for name, profile in catalog.profiles.items():
        table = cell_table(case, catalog, profile)
        if table is not None and has_cells(case, table):
            return f"--itl-profile {name} does"
    return "no profile of this version does"
