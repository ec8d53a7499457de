"""The public fixtures: a test of one's own asks for a cell, its answers, a measure or a verdict (docs/fixtures.md)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from itl_bench.errors import ItlError, UsageError
from itl_bench.machine.devices import take_gpu
from itl_bench.run.carried import CARRIED
from itl_bench.run.evidence import CaseWithVerdict, EvidenceSource, VerdictError
from itl_bench.run.state import STATE

if TYPE_CHECKING:
    import torch

    from itl_bench.catalog.grid.cases import Case
    from itl_bench.data.rows import Response, Table
    from itl_bench.plan.cells import TunedCell
    from itl_bench.record import CaseRecord
    from itl_bench.run.built_cells import BuiltCell, BuiltCells


NAMES = ("device", "cell", "responses", "measure", "evidence")


@dataclass(frozen=True)
class Evidence(EvidenceSource):
    """The fixture `evidence`."""

    reason_not_run: Callable[[Case], str | None]

    def ask(
        self,
        claim: str,
        *,
        model: str | None = None,
        dataset: str | None = None,
        method: str | None = None,
        measure: str | None = None,
        probe: str | None = None,
        evidence: str | None = None,
        arm: str | None = None,
        text: str | None = None,
        along: str | None = None,
    ) -> CaseWithVerdict:
        """The verdict on the one declared case that fits the words; what it lacks is built now.

        The test is skipped where the case cannot run. The verdict is no part of the run's record, which holds the
        cases that were selected.

        Raises:
            UsageError: No case fits, or several do; one line with the nearest, or with what tells them apart.
            EvidenceError: The case's numbers cannot carry a verdict, or could not be built.
        """
        from itl_bench.catalog.grid.words import find_case

        words = {
            "evidence": evidence, "model": model, "dataset": dataset, "method": method, "measure": measure,
            "probe": probe, "arm": arm, "text": text, "along": along,
        }  # fmt: skip
        case = find_case(self.catalog, claim, {word: value for word, value in words.items() if value is not None})
        if reason := self.reason_not_run(case):
            pytest.skip(reason)
        return replace(self, remember=lambda verdict: None).verdict(case)


@pytest.fixture(scope="session")
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Gives verdicts: `evidence.verdict(case).check()`, or `evidence.ask("C10a", model="bios1m", ...).check()`.

    What the case of a marked test (`@claims`) reads was built before the first test began. `ask` finds the one declared
    case that fits the words (model, dataset, method, measure, probe, evidence, arm, text, along), and builds what it
    lacks.
    """
    from itl_bench.run.building import Built
    from itl_bench.run.deciding import measured_verdict

    state = request.config.stash[STATE]
    built = state.built or Built()
    for message in built.damaged:
        warnings.warn(message, stacklevel=1)

    def remember(verdict: CaseWithVerdict) -> None:
        state.verdict = verdict

    def measured(case: Case) -> CaseRecord:
        return measured_verdict(case, state.catalog, state.profile, state.store, state.run_id, built)

    def reason(case: Case) -> str | None:
        from itl_bench.plan.runnable import why_not

        return why_not(case, state.catalog, state.profile, state.store_root)

    inconclusive = request.config.getoption("itl_inconclusive")
    return Evidence(state.catalog, state.expectations, inconclusive, remember, measured, reason)


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The torch device that cells are trained on: cuda where there is one, else cpu."""
    _skip_without_training()
    take_gpu(os.environ.get("PYTEST_XDIST_WORKER", ""))  # before CUDA counts them
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="session")
def cell(request: pytest.FixtureRequest) -> Callable[..., BuiltCell]:
    """Gives a tuned model: `cell(dataset, method, rate, *, model="bios1m", base=1, seed=11, recipe=None)`.

    It is trained if the store (`--itl-store`) lacks it, once however many tests and workers ask for it. It has a
    `folder` (the checkpoint), a `training` (its `losses` in nats per response token), and can be the key of a dict.
    `cell(dataset, "base")` is the untuned model. Where this machine lacks what it takes (memory, weights, data, disk),
    the test is skipped with the line that the cases of the benchmark have.
    """
    from itl_bench.plan.runnable import why_not_cell

    cells = _cells(request)

    def skip(asked: TunedCell) -> None:
        if reason := why_not_cell(asked, cells.catalog, cells.store.root):
            pytest.skip(reason)

    return replace(cells, before=skip).cell


@pytest.fixture(scope="session")
def responses(request: pytest.FixtureRequest) -> Callable[..., list[Response]]:
    """Gives a cell's greedy answers to every prompt of a probe: `responses(cell, "bios-known", backend=None)`.

    Each has the id of its `prompt`, the `text`, and both as token ids (`prompt_ids`, `response_ids`). A backend is
    "hf", "vllm" or "auto"; None stands for what `--itl-backend` or the cell's recipe asks for.
    """
    cells = _cells(request)

    def ask(cell: BuiltCell, probe: str, *, backend: str | None = None) -> list[Response]:
        _skip_without_prompts(cells, cell, probe)
        return cells.responses(cell, probe, backend)

    return ask


@pytest.fixture(scope="session")
def measure(request: pytest.FixtureRequest) -> Callable[[BuiltCell, str, str], Table]:
    """Gives a table with a row for every prompt: `measure(cell, "bios-known", "knowledge")`.

    Measures are knowledge, borrowing, style and shift (of the token distributions against the base). The table has
    `prompts`, `units` (what is drawn independently), `columns` by name, and `facts` about the whole.
    """
    cells = _cells(request)

    def ask(cell: BuiltCell, probe: str, measure: str) -> Table:
        _skip_without_prompts(cells, cell, probe)
        return cells.measure(cell, probe, measure)

    return ask


def _cells(request: pytest.FixtureRequest) -> BuiltCells:
    from itl_bench.run.built_cells import BuiltCells

    _skip_without_training()
    state = request.config.stash[STATE]
    backend = state.profile.backend if state.profile else None
    return BuiltCells(state.catalog, state.store, state.run_id, backend=backend)


def _skip_without_training() -> None:
    from itl_bench.plan.lacking import why_no_cells

    if reason := why_no_cells():
        pytest.skip(f"not run: {reason}")


def _skip_without_prompts(cells: BuiltCells, cell: BuiltCell, probe: str) -> None:
    """Skip where a probe that the cell can be asked is not here; a wrong probe or cell is an error of `cells`."""
    from itl_bench.plan.lacking import why_no_prompts
    from itl_bench.run.built_cells import BuiltCell

    level = cells.catalog.models[cell.cell.model].level if isinstance(cell, BuiltCell) else None
    declared = cells.catalog.probes.get(probe)
    if declared and level in declared.levels and (reason := why_no_prompts(declared)):
        pytest.skip(f"not run: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in one line what a test asked for in vain, as an error and never as a finding; a verdict shows its table."""
    report = yield
    error = call.excinfo.value if report.failed and call.excinfo else None
    if error is None or set(NAMES).isdisjoint(getattr(item, "fixturenames", ())):
        return report
    in_vain = _is_in_vain(error)
    if in_vain or isinstance(error, VerdictError):
        report.longrepr = str(error)
    if in_vain and not hasattr(report, CARRIED):
        setattr(report, CARRIED, {"crashed": item.nodeid, "case_id": ""})
    return report


def _is_in_vain(error: BaseException) -> bool:
    """Whether a name is wrong, or something could not be built; not by a mistake in code, which pytest shows whole."""
    from itl_bench.run.building import NotBuiltError

    return isinstance(error, UsageError | NotBuiltError) and isinstance(error.__cause__, ItlError | OSError | None)
