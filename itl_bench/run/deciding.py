"""From a selection to verdicts: what it needs is built, by transformers where vLLM cannot; then the tables decide."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.record import CaseRecord
from itl_bench.run.building import Built, Work, build, require, work_of, work_of_case
from itl_bench.store.store import DamagedArtifactError, Store


def build_cases(
    work: Work, cases: Sequence[Case], catalog: Catalog, profile: ProfileSpec | None, store: Store, run_id: str,
    on_start: Callable[[Work], None] = lambda work: None,
) -> tuple[Catalog, Built]:  # fmt: skip
    """Build what cases need; those whose answers vLLM cannot give as transformers does are left to transformers.

    Args:
        work: What the cases need.
        cases: The selection.
        catalog: What is declared.
        profile: Whose cells are trained; None for the default one's.
        store: Where artifacts are.
        run_id: The same for all workers of the run.
        on_start: As for `build`.

    Returns:
        The catalog, with which cases are left; and what came of the build.
    """
    built = build(work, store, run_id, on_start=on_start)
    left = left_to_transformers(cases, catalog, profile, store.root, built)
    if not left:
        return catalog, built
    catalog = catalog.leaving(left)
    again = build(work_of(cases, catalog, profile, store.root), store, run_id, on_start=on_start)
    return catalog, replace(again, failed={**built.failed, **again.failed}, damaged=built.damaged + again.damaged)


def left_to_transformers(
    cases: Iterable[Case], catalog: Catalog, profile: ProfileSpec | None, root: Path, built: Built
) -> dict[str, str]:
    """Ids of the cases that rest on answers which vLLM cannot give, with why; both of their sides are left.

    Args:
        cases: The selection.
        catalog: What is declared.
        profile: Whose cells are trained.
        root: Folder of the store.
        built: What came of the build.
    """
    unserved = {key: one.message for key, one in built.failed.items() if one.unserved}
    left: dict[str, str] = {}
    for case in cases if unserved else ():
        found = (task.key for task in work_of([case], catalog, profile, root).needed())
        if key := next((key for key in found if key in unserved), None):
            left[case.id] = unserved[key]
    return left


def measured_verdict(
    case: Case, catalog: Catalog, profile: ProfileSpec | None, store: Store, run_id: str, built: Built
) -> CaseRecord:
    """The verdict of a measured case, from the tables in the store; one found damaged is built again first.

    Where a tuning diverged there are no tables: the case gives no verdict at its rate, and that is no error.

    Raises:
        CannotBeAskedError: The base cannot be asked what the case asks.
        NotBuiltError: A table is not there because something failed in this run.
        UsageError: An entry of the catalog that the case needs cannot be used.
        EvidenceError: The tables cannot carry a verdict.
        KeyError: A table is not in the store.
    """
    from itl_bench.verdicts.measured import verdict_from_store

    if built.failed or built.stopped:
        require(work_of_case(case, catalog, profile, store.root).without(built.diverged), store, built)
    try:
        return verdict_from_store(case, catalog, profile, store, built.diverged)
    except (DamagedArtifactError, KeyError) as error:  # a key: set aside by another worker that found it damaged
        if isinstance(error, DamagedArtifactError):
            warnings.warn(str(error), stacklevel=2)
    work = work_of_case(case, catalog, profile, store.root)
    catalog, built = build_cases(work, [case], catalog, profile, store, run_id)
    require(work_of_case(case, catalog, profile, store.root).without(built.diverged), store, built)
    return verdict_from_store(case, catalog, profile, store, built.diverged)
