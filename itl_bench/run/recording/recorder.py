"""Collects the verdicts of a run, on whatever workers they were found, and writes one record."""

import datetime
import platform
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import itl_bench
from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.loading import shipped
from itl_bench.catalog.profiles import ProfileSpec
from itl_bench.machine.this_machine import git_commit, hardware, package_versions
from itl_bench.record import ArtifactRecord, CaseRecord, ExampleRecord, Record, RunRecord
from itl_bench.record_cells import CellRecord, ParityRecord
from itl_bench.run.recording.mechanisms import mechanism_records
from itl_bench.store.keys import Task
from itl_bench.store.store import Store


class Behind(NamedTuple):
    """What is behind the verdicts on measured cases: artifacts, how cells were made, answers to look at, parity."""

    artifacts: tuple[ArtifactRecord, ...] = ()
    cells: tuple[CellRecord, ...] | None = None
    examples: tuple[ExampleRecord, ...] | None = None
    parity: tuple[ParityRecord, ...] | None = None


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_run_id() -> str:
    """Sortable by time, and unique among runs that start in the same second."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def artifact_records(tasks: Iterable[Task], store: Store, started: str) -> tuple[ArtifactRecord, ...]:
    """What the store says of artifacts; one that is not there any more is left out.

    Args:
        tasks: What the verdicts rest on.
        store: Where the artifacts are.
        started: When the run started, ISO 8601; what was made before counts as cached.
    """
    start = datetime.datetime.fromisoformat(started)
    found = []
    for task in tasks:
        with suppress(OSError, ValueError):
            manifest = store.manifest(task.key)
            cached = datetime.datetime.fromisoformat(manifest.created) < start
            found.append(
                ArtifactRecord(
                    key=task.key,
                    kind=task.kind,
                    spec=manifest.spec,
                    parents=manifest.parents,
                    seconds=manifest.seconds,
                    cached=cached,
                )
            )
    return tuple(found)


def behind(tasks: Sequence[Task], catalog: Catalog, profile: ProfileSpec | None, store: Store, started: str) -> Behind:
    """What the store has of the tasks that verdicts rest on; arguments as for `artifact_records`."""
    from itl_bench.run.recording.cells import cells_of  # loads numpy and scipy, which collecting does not need
    from itl_bench.run.recording.examples import examples_of
    from itl_bench.run.recording.parity import parity_of

    examples = examples_of(tasks, catalog, profile, store)
    cells, parity = cells_of(tasks, catalog, store), parity_of(tasks, store)
    return Behind(artifact_records(tasks, store, started), cells, examples, parity)


class Recorder:
    """The verdicts of a run as they arrive; `record()` puts them into the order of the grid."""

    def __init__(self, catalog: Catalog, declared: Sequence[Case], options: Mapping[str, str | list[str]]) -> None:
        """Start a run.

        Args:
            catalog: The catalog of the run.
            declared: All cases of the profile and arm, in the order of the grid; `-k` may select fewer.
            options: The options that change what runs.
        """
        self.catalog = catalog
        self.declared = declared
        self.options = dict(options)
        self.run_id = new_run_id()
        self.started = now()
        self.cases: dict[str, CaseRecord] = {}
        self.crashed: list[str] = []
        self.lost: set[str] = set()  # ids of cases that crashed

    def add(self, data: Mapping[str, object]) -> None:
        """Take what one report carries: a case's record, or the name of an item that crashed."""
        if "crashed" in data:
            self.crashed.append(str(data["crashed"]))
            self.lost.add(str(data["case_id"]))
            self.cases.pop(str(data["case_id"]), None)  # a crash is never a verdict, whichever came first
            return
        record = CaseRecord.model_validate(data["case"])
        if record.id not in self.lost:
            self.cases[record.id] = record

    def record(self, measured: Behind = Behind()) -> Record:  # noqa: B008 - it is immutable
        """The record of the run so far, with what is behind its verdicts on measured cases."""
        from itl_bench.verdicts.summary import summarise  # loads scipy, which collecting does not need

        order = {case.id: number for number, case in enumerate(self.declared)}
        cases = sorted(self.cases.values(), key=lambda case: order.get(case.id, len(order)))
        with_verdict = {case.id: case for case in cases if case.verdict}
        return Record(
            run=self._run(),
            cases=tuple(cases),
            claims=summarise(self.declared, with_verdict, self.catalog),
            mechanisms=mechanism_records(self.catalog, [case.id for case in cases]),
            **measured._asdict(),
        )  # fmt: skip

    def _run(self) -> RunRecord:
        packages = {name: version for name, version in package_versions().items() if name != "itl_bench"}
        return RunRecord(
            id=self.run_id, started=self.started, finished=now(), version=itl_bench.__version__,
            git=git_commit(shipped("cases").parent), catalog=self.catalog.sha256,
            python=platform.python_version(), packages=packages, hardware=hardware(), options=self.options,
            crashed=tuple(sorted(self.crashed)),
        )  # fmt: skip

    def write(self, record: Record, folder: Path) -> Path:
        """Write record and reports into `folder`/run id, point `latest` there, and return that folder."""
        from itl_bench.report.write import point_latest, write_reports

        target = folder / self.run_id
        write_reports(record, target)
        point_latest(target)
        return target
