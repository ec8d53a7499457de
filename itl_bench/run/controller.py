"""The controller's part of the plugin: collects what reports carry, writes the record, prints the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from itl_bench.errors import UsageError
from itl_bench.run.carried import CARRIED
from itl_bench.run.recording.recorder import Behind, Recorder, behind
from itl_bench.run.serving import asks_for_auto
from itl_bench.run.state import RUN_ID, SERVING, State

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

    from itl_bench.catalog.catalog import Catalog
    from itl_bench.catalog.grid.cases import Case
    from itl_bench.record import Record
    from itl_bench.run.building import Work
    from itl_bench.run.progress import BuildProgress

EXIT_REFUTED = 1
EXIT_CRASHED = 3
FEW = 10  # verdicts whose reasons are printed unasked
SILENT = -2  # -qq
SETTLING_SECONDS = 0.5  # in which xdist ends its own output before ours begins


class Controller:
    """Registered once per run, never on a worker: one record whatever the number of workers."""

    def __init__(self, config: pytest.Config, state: State) -> None:
        """Start recording.

        Args:
            config: The run's configuration.
            state: The catalog of the run, its declared cases, and the expectations.
        """
        self.config = config
        self.state = state
        self.declared = {case.id for case in state.cases}
        serving = state.catalog.serving
        asked = asks_for_auto(serving, state.profile, state.catalog)
        auto = {"auto-backend": serving.auto} if asked else {}
        self.recorder = Recorder(state.catalog, state.cases, _run_options(config) | auto)
        state.begin(self.recorder.run_id)
        self.collecting: set[str] = set()  # workers of xdist that still collect
        self.workers = 0
        self.watching = False  # whether progress was begun: a worker that replaces a dead one does not begin it again
        self.progress: BuildProgress | None = None
        self.interrupted = False  # while building
        self.record: Record | None = None
        self.written = ""  # where, or why not
        self.failures: list[tuple[str, str]] = []
        self.gone: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker of xdist which run it works for: all share one, whatever `--testrunuid` says."""
        node.workerinput[RUN_ID] = self.recorder.run_id
        node.workerinput[SERVING] = self.state.catalog.serving.model_dump_json()
        self.collecting.add(node.gateway.id)
        self.workers += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: WorkerController, ids: Sequence[str]) -> None:
        """Workers begin to build when they have collected; show how far they are once all of them have."""
        self.collecting.discard(node.gateway.id)
        if not self.collecting and not self.watching:
            self.watching = True
            names = {_case_id(name) for name in ids}
            with suppress(Exception):  # the workers meet the same error, and report it with the cases
                self.watch(self._work(case for case in self.state.cases if case.id in names), SETTLING_SECONDS)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """A worker that died collects no more; xdist replaces it."""
        self.collecting.discard(node.gateway.id)

    def _work(self, cases: Iterable[Case], catalog: Catalog | None = None) -> Work:
        from itl_bench.run.building import work_of

        return work_of(cases, catalog or self.state.catalog, self.state.profile, self.state.store_root)

    def watch(self, work: Work, delay: float = 0.0) -> None:
        """Show how far the build is, until the first test begins; nothing where nothing is to be built."""
        from itl_bench.run.progress import BuildProgress
        from itl_bench.store.queue import Queue

        store = self.state.store
        if all(store.has(key) for key in work.targets):
            return
        queue = Queue(store, work.tasks, self.recorder.run_id, work.targets)
        if self.progress:  # of what has been built so far; other work was found on the way
            self.progress.stop()
        self.progress = BuildProgress(queue, max(1, self.workers), *_screen(self.config))
        self.progress.start(delay)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """The first test begins: the build is over, and its line goes."""
        if self.progress:
            self.progress.stop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a report carries; a worker that died could carry nothing any more."""
        carried = getattr(report, CARRIED, None)
        case_id = _case_id(report.nodeid)
        if carried is None and report.failed and case_id in self.declared:
            carried = {"crashed": report.nodeid, "case_id": case_id}
        if carried is None:
            return
        self.recorder.add(carried)
        if report.failed and "case" in carried and not carried.get("asserted"):
            self.failures.append((case_id or report.nodeid, str(report.longrepr)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record of whatever has a verdict, also after Ctrl-C; a crash has an exit code of its own."""
        if self.progress and self.progress.running:
            self.interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED
            self.progress.clear()
        if self.state.unplanned:
            session.exitstatus = EXIT_CRASHED
        if not self.recorder.cases and not self.recorder.crashed:
            return
        self.record = self.recorder.record(self._measured())
        if self.state.expectations:
            from itl_bench.run.recording.expectations import gone

            self.gone = gone(self.state.expectations, self.state.every_id)
        if self.gone and session.exitstatus == 0:
            session.exitstatus = EXIT_REFUTED
        if self.recorder.crashed:
            session.exitstatus = EXIT_CRASHED
        try:
            folder = self.recorder.write(self.record, self._report_folder())
            self.written = f"record and reports: {_short(folder / 'report.html', self.config.invocation_params.dir)}"
        except (OSError, UsageError) as error:
            session.exitstatus = EXIT_CRASHED
            self.written = f"ERROR: the record could not be written: {error}"

    def _measured(self) -> Behind:
        """What is behind the verdicts on measured cases."""
        with_verdict = [case for case in self.state.cases if (one := self.recorder.cases.get(case.id)) and one.verdict]
        if not any(case.evidence == "measured" for case in with_verdict):
            return Behind()
        state, records = self.state, self.recorder.cases.values()
        catalog = state.catalog.leaving({one.id: one.left for one in records if one.left})  # as the workers found
        tasks = self._work(with_verdict, catalog).needed()
        return behind(tasks, catalog, state.profile, state.store, self.recorder.started)

    def _report_folder(self) -> Path:
        """The option's folder, else reports/ of the project, or of the current folder outside any project."""
        target = self.config.getoption("itl_report")
        project = self.config.rootpath if self.config.inipath else self.config.invocation_params.dir
        return Path(target) if target else project / "reports"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print failing verdicts with their tables, the claims, and where the reports are."""
        if self.failures and self.config.getoption("tbstyle") != "no":
            terminalreporter.section("failing verdicts", sep="=", red=True)
            for name, text in self.failures:
                terminalreporter.line("")
                terminalreporter.line(name, bold=True)
                terminalreporter.line(text)
        if self.interrupted and self.progress:
            counts = self.progress.look()
            kept = f"{counts.done} of {counts.total} artifacts kept in {self.state.store_root}"
            terminalreporter.line(f"interrupted: {kept}; run the same command again to go on")
        if self.record is None:
            return
        self._print_reasons(terminalreporter, self.record)
        self._print_claims(terminalreporter, self.record)
        self._print_differences(terminalreporter, self.record)
        self._print_not_run(terminalreporter, self.record)
        terminalreporter.line(self.written)

    def _print_reasons(self, writer: pytest.TerminalReporter, record: Record) -> None:
        """Every verdict with its reason, where they are few or were asked for (-v, -ra, -rA, -rx)."""
        with_verdict = [case for case in record.cases if case.verdict]
        asked = self.config.getoption("verbose") > 0 or set("axAP") & set(self.config.getoption("reportchars") or "")
        if with_verdict and (asked or len(with_verdict) <= FEW):
            writer.section("verdicts", sep="=")
            for case in with_verdict:
                writer.line(f"{case.verdict} {case.id}")
                writer.line(f"    {case.reason}")

    def _print_claims(self, writer: pytest.TerminalReporter, record: Record) -> None:
        from rich.console import Console

        from itl_bench.report.terminal import print_claims

        if any(case.verdict for case in record.cases):
            writer.section("claims", sep="=")
            file = writer._tw._file  # the terminal that pytest writes to, captured or not
            colour = writer._tw.hasmarkup
            console = Console(file=file, force_terminal=colour, no_color=not colour, width=writer._screen_width)
            print_claims(record, console)

    def _print_differences(self, writer: pytest.TerminalReporter, record: Record) -> None:
        """What differs from the recorded verdicts, drift and vanished cases included."""
        lines = [
            f"{case.recorded_status}: {case.id} is {case.verdict}, recorded was {case.recorded_verdict}"
            for case in record.cases
            if case.recorded_status in ("changed", "drift")
        ]
        lines += [f"gone: {key} was recorded, and the catalog no longer has it" for key in self.gone]
        if self.state.expectations:
            new = [case.id for case in record.cases if case.verdict and case.id not in self.state.expectations.cases]
            lines += [f"new: {key} has no recorded verdict" for key in new]
        if lines:
            writer.section("against the recorded verdicts", sep="=")
            for line in lines:
                writer.line(line)
        if self.state.expectations:
            same = sum(case.recorded_status == "as-recorded" for case in record.cases)
            path = self.config.getoption("itl_expect")
            writer.line(f"{same} verdicts as recorded in {path}; {len(lines)} differ or are not in both")

    def _print_not_run(self, writer: pytest.TerminalReporter, record: Record) -> None:
        levels = Counter((case.level, case.model) for case in record.cases if case.verdict is None)
        if levels:
            names = ", ".join(f"{count} of {model} ({level})" for (level, model), count in sorted(levels.items()))
            writer.line(f"not run: {sum(levels.values())} measured cases: {names}; -rs shows what each needs")


def _case_id(nodeid: str) -> str:
    """The part of an item's name in brackets; `--dist loadgroup` appends a group to it."""
    return nodeid.partition("[")[2].rpartition("]")[0]


def _screen(config: pytest.Config) -> tuple[Callable[[str], object], int | None]:
    """How progress is written, and how wide the terminal is (None: there is none)."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.getoption("verbose") <= SILENT:
        return lambda text: None, None
    file = reporter._tw._file  # as it is: pytest's own writer would count what is overwritten as part of its line

    def write(text: str) -> None:
        file.write(text)
        file.flush()

    return write, reporter._tw.fullwidth if file.isatty() else None


def _short(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _run_options(config: pytest.Config) -> dict[str, str | list[str]]:
    names = (
        "itl_profile",
        "itl_backend",
        "itl_judge",
        "itl_max_cost",
        "itl_arm",
        "itl_expect",
        "itl_cases",
        "itl_inconclusive",
        "keyword",
        "markexpr",
    )
    given = {name.replace("_", "-"): str(config.getoption(name)) for name in names if config.getoption(name)}
    return {**given, "workers": str(config.getoption("numprocesses", None) or 1)}
