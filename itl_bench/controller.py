"""The controller's part of the plugin: collects what reports carry, writes the record, prints the claims."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from itl_bench.carried import CARRIED
from itl_bench.cases import Case
from itl_bench.catalog import Catalog
from itl_bench.errors import UsageError
from itl_bench.recorder import Recorder

EXIT_CRASHED = 3


class Controller:
    """Registered once per run, never on a worker: one record whatever the number of workers."""

    def __init__(self, config: pytest.Config, catalog: Catalog, cases: Sequence[Case]) -> None:
        """Start recording.

        Args:
            config: The run's configuration.
            catalog: The catalog of the run.
            cases: All cases of the profile and arm, in the order of the grid.
        """
        self.config = config
        self.recorder = Recorder(catalog, cases, _run_options(config))
        self.folder: Path | None = None
        self.failures: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a report carries."""
        carried = getattr(report, CARRIED, None)
        if carried is None:
            return
        self.recorder.add(carried)
        if report.failed and "case" in carried:
            self.failures.append((report.nodeid, str(report.longrepr)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record of whatever was judged, also after Ctrl-C; a crash has an exit code of its own."""
        if self.recorder.crashed:
            session.exitstatus = EXIT_CRASHED
        if self.recorder.cases or self.recorder.crashed:
            try:
                self.folder = self.recorder.write(self._report_folder())
            except (OSError, UsageError) as error:
                session.exitstatus = EXIT_CRASHED
                self.failures.append(("the record could not be written", str(error)))

    def _report_folder(self) -> Path:
        """The option's folder, else reports/ of the project, or of the current folder outside any project."""
        target = self.config.getoption("itl_report")
        project = self.config.rootpath if self.config.inipath else self.config.invocation_params.dir
        return Path(target) if target else project / "reports"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print failing verdicts with their tables, the claims, and where the reports are."""
        writer = terminalreporter
        if self.failures and self.config.getoption("tbstyle") != "no":
            writer.section("REFUTED OR CHANGED", sep="=", red=True)
            for name, text in self.failures:
                writer.section(name.rpartition("[")[2].rstrip("]") if "[" in name else name, sep="_", red=True)
                writer.line(text)
        if not self.recorder.cases:
            return
        self._print_claims(writer)
        self._print_not_run(writer)
        if self.folder:
            writer.line(f"record and reports: {_short(self.folder / 'report.html', self.config.invocation_params.dir)}")

    def _print_claims(self, writer: pytest.TerminalReporter) -> None:
        from rich.console import Console

        from itl_bench.report.terminal import print_claims

        record = self.recorder.record()
        if any(case.verdict for case in record.cases):
            writer.section("claims", sep="=")
            file = writer._tw._file  # the terminal that pytest writes to, captured or not
            colour = writer._tw.hasmarkup
            print_claims(
                record, Console(file=file, force_terminal=colour, no_color=not colour, width=writer._screen_width)
            )

    def _print_not_run(self, writer: pytest.TerminalReporter) -> None:
        levels = Counter((case.level, case.model) for case in self.recorder.cases.values() if case.verdict is None)
        if levels:
            names = ", ".join(f"{count} of {model} ({level})" for (level, model), count in sorted(levels.items()))
            writer.line(f"not run: {sum(levels.values())} measured cases: {names}; -rs shows what each needs")


def _short(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _run_options(config: pytest.Config) -> dict[str, str | list[str]]:
    names = ("itl_profile", "itl_arm", "itl_expect", "itl_cases", "itl_inconclusive", "keyword", "markexpr")
    given = {name.replace("_", "-"): str(config.getoption(name)) for name in names if config.getoption(name)}
    return {**given, "workers": str(config.getoption("numprocesses", None) or 1)}
