"""The pytest plugin: options, cases as parameters, verdicts as outcomes, carried to the controller in reports."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from itl_bench.catalog.catalog import Catalog
from itl_bench.errors import ItlError, UsageError, unknown
from itl_bench.run.carried import CARRIED, status_of
from itl_bench.run.options import add_options, check_options
from itl_bench.run.state import CONTROLLER, RUN_ID, STATE, State

if TYPE_CHECKING:
    from itl_bench.catalog.grid.cases import Case
    from itl_bench.run.evidence import CaseWithVerdict
    from itl_bench.store.keys import Task

pytest_plugins = ("itl_bench.run.fixtures",)

claims = pytest.mark.claims
"""Marks a test with the claims whose cases it takes as `case`: `@claims("C01", "C02")`, or `@claims(own=True)` for
those that only a user's own folder declares."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options; a plan runs in this process alone."""
    config.addinivalue_line("markers", "claims(*ids): the claims whose cases a test takes as its parameter `case`")
    check_options(config)
    if config.getoption("itl_plan"):
        config.option.dist = "no"
        config.option.tx = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Load the catalog, so that a mistake in it ends the run at once, in one line each."""
    config = session.config
    try:
        state = config.stash[STATE] = State(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        state.begin(workerinput[RUN_ID])
    else:
        from itl_bench.run.controller import Controller

        config.pluginmanager.register(Controller(config, state), CONTROLLER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test marked with claims their cases as the parameter `case`."""
    marks = list(metafunc.definition.iter_markers("claims"))
    if not marks or "case" not in metafunc.fixturenames:
        return
    state = metafunc.config.stash[STATE]
    wanted = [name for mark in marks for name in mark.args]
    own = any(mark.kwargs.get("own") for mark in marks)
    if not wanted and not own:
        pytest.fail(f"{metafunc.definition.nodeid}: name the claims, as in @claims('C01')", pytrace=False)
    wanted += sorted(state.catalog.own_claims) if own else []
    for name in wanted:
        if name not in state.catalog.claims:
            message = f"{metafunc.definition.nodeid}: {unknown('claim', name, state.catalog.claims)}"
            pytest.fail(message, pytrace=False)  # ends the collection of this file with the message alone
    cases = [case for case in state.cases if case.claim.id in wanted]
    metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop the placeholder that pytest makes for a test without any case in this profile."""
    empty = [
        item
        for item in items
        if item.get_closest_marker("claims") and "case" in getattr(item, "fixturenames", ()) and _case_of(item) is None
    ]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]


def _case_of(item: pytest.Item) -> Case | None:
    from itl_bench.catalog.grid.cases import Case

    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, Case) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Build what the selected cases need, before any item; under --itl-plan, print the plan and run nothing."""
    config = session.config
    selected = [case for item in session.items if (case := _case_of(item))]
    if config.getoption("itl_plan"):
        _print_plan(selected, config.stash[STATE])
        return True
    broken = session.testsfailed and not config.getoption("continue_on_collection_errors")  # pytest runs nothing then
    if selected and not broken and not config.getoption("collectonly"):
        _build(selected, config)
    return None


def _print_plan(selected: list[Case], state: State) -> None:
    """Print what the selection needs, with what of it is in the store; a store that is not there is not made."""
    from itl_bench.machine.this_machine import free_gb
    from itl_bench.plan.overlaps import in_plan
    from itl_bench.plan.table import Builds, print_plan
    from itl_bench.run.building import work_of
    from itl_bench.store.store import MARK

    problems: dict[str, None] = {}

    def work(cases: Sequence[Case]) -> tuple[Sequence[Task], Sequence[str]]:
        found = work_of({case.id: case for case in cases}.values(), state.catalog, state.profile, state.store_root)
        problems.update(dict.fromkeys(found.problems))
        return found.needed(), found.targets

    has = state.store.has if (state.store_root / MARK).exists() else lambda key: False
    builds = Builds(work, has, lambda tasks, by_key: in_plan(tasks, by_key, state.store) if tasks else [])
    print_plan(
        selected, state.catalog, lambda case: _reason_not_run(case, state) is None, builds, free_gb(state.store_root)
    )
    state.unplanned = bool(problems)
    for problem in problems:
        print(f"ERROR: cases that are not planned, because of {problem}")


def _build(selected: list[Case], config: pytest.Config) -> None:
    """Build in this process; what goes wrong is kept for the cases that need it, so that the others are decided."""
    from itl_bench.run.building import Built, work_of
    from itl_bench.run.deciding import build_cases

    state = config.stash[STATE]
    controller = config.pluginmanager.getplugin(CONTROLLER)  # none on a worker of xdist
    cases = list({case.id: case for case in selected}.values())
    try:
        work = work_of(cases, state.catalog, state.profile, state.store_root)
        if work.targets:
            watch = controller.watch if controller else lambda work: None
            found = build_cases(work, cases, state.catalog, state.profile, state.store, state.run_id, watch)
            state.catalog, state.built = found
    except Exception as error:
        state.built = Built(stopped=error)


def _reason_not_run(case: Case, state: State) -> str | None:
    if case.evidence == "published":  # for which nothing more need be loaded
        return None
    from itl_bench.plan.runnable import why_not

    return why_not(case, state.catalog, state.profile, state.store_root)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a case that cannot run here, saying what it needs."""
    case = _case_of(item)
    reason = _reason_not_run(case, item.config.stash[STATE]) if case else None
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the case's record to the report: reports travel from any worker to the controller."""
    report = yield
    case = _case_of(item)
    if case is None or (call.when != "call" and not (report.failed or report.skipped)):
        return report
    state = item.config.stash[STATE]
    verdict, state.verdict = state.verdict, None
    if verdict is not None and verdict.record.id != case.id:
        verdict = None
    if report.failed and not _is_finding(call, verdict):
        carried: dict[str, Any] = {"crashed": item.nodeid, "case_id": case.id}
        _shorten(call, report)
    elif verdict is not None:
        carried = {"case": verdict.record.model_dump(mode="json")}
        _show(verdict, item, call, report, carried)
    elif report.skipped:
        carried = {"case": _not_run(case, state.catalog, report)}
        report.longrepr = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {carried['case']['reason']}")
    else:
        return report
    setattr(report, CARRIED, carried)
    return report


def _is_finding(call: pytest.CallInfo[None], verdict: CaseWithVerdict | None) -> bool:
    """A verdict that fails the test, or a user's own assertion on one; anything else that fails is a crash."""
    return verdict is not None and call.excinfo is not None and call.excinfo.errisinstance(AssertionError)


def _shorten(call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """What could not be built is said in one line, unless its cause is a mistake in code: then pytest shows it all."""
    from itl_bench.run.building import NotBuiltError

    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, NotBuiltError) and isinstance(error.__cause__, ItlError | OSError | None):
        report.longrepr = str(error)


def _show(
    verdict: CaseWithVerdict,
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    carried: dict[str, Any],
) -> None:
    """Put the verdict into the report: properties for JUnit, and the table instead of a traceback."""
    from itl_bench.run.evidence import VerdictError

    item.user_properties += [("verdict", verdict.verdict), ("recorded_verdict", verdict.record.recorded_verdict or "")]
    report.user_properties = list(item.user_properties)
    if report.failed and call.excinfo is not None:
        if call.excinfo.errisinstance(VerdictError):
            report.longrepr = str(call.excinfo.value)
        else:
            carried["asserted"] = True  # the user's own assertion: pytest shows it as any other


def _not_run(case: Case, catalog: Catalog, report: pytest.TestReport) -> dict[str, Any]:
    from itl_bench.verdicts.facts import not_run_record

    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return not_run_record(case, catalog, reason.removeprefix("Skipped: ")).model_dump(mode="json")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """The verdicts' own words and letters: an expected REFUTED never reads "passed"."""
    carried = getattr(report, CARRIED, None)
    return status_of(carried) if carried else None
