"""What a benchmark test asks for: the verdict on a case, and the check that turns it into a pytest outcome."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from itl_bench.catalog.catalog import Catalog
from itl_bench.catalog.grid.cases import Case
from itl_bench.record import CaseRecord
from itl_bench.run.recording.expectations import Expectations, compare
from itl_bench.vocabulary import RecordedStatus, Verdict


class VerdictError(AssertionError):
    """The verdict fails the test: refuted, or changed against the recorded one. A finding, not a crash."""


@dataclass(frozen=True)
class CaseWithVerdict:
    """A case's record, and how it relates to what was recorded earlier.

    `status` is None where the run was given no expectations.
    """

    record: CaseRecord
    status: RecordedStatus | None
    inconclusive: str

    @property
    def verdict(self) -> Verdict | None:
        """SUPPORTED, REFUTED or INCONCLUSIVE."""
        return self.record.verdict

    def check(self) -> None:
        """Pass if supported (or as recorded); fail if refuted or changed; inconclusive as `--itl-inconclusive` says.

        Raises:
            VerdictError: The claim is refuted, or its verdict changed against the recorded one.
        """
        if self.status == "changed" or (self.verdict == "REFUTED" and self.status in (None, "new")):
            raise VerdictError(failure_message(self.record, self.status))
        if self.verdict == "INCONCLUSIVE":
            outcomes: dict[str, Callable[[str], object]] = {"xfail": pytest.xfail, "skip": pytest.skip, "fail": _fail}
            outcomes[self.inconclusive](self.record.reason)


def _fail(reason: str) -> None:
    raise VerdictError(f"INCONCLUSIVE: {reason}")


@dataclass(frozen=True)
class EvidenceSource:
    """The fixture `evidence`: gives verdicts, and remembers each for the record of the run."""

    catalog: Catalog
    expectations: Expectations | None
    inconclusive: str
    remember: Callable[[CaseWithVerdict], None]
    measured_verdict: Callable[[Case], CaseRecord]

    def verdict(self, case: Case) -> CaseWithVerdict:
        """The verdict on a case: from the paper's tables, or from what was measured here.

        The test is skipped where the case asks what cannot be asked of its base.

        Raises:
            EvidenceError: The case's numbers cannot carry a verdict, or could not be built; the test ends as an error.
        """
        record = self._record(case)
        status = None
        if self.expectations is not None:
            status = compare(record, self.expectations.cases)
            if status != "new":
                old = self.expectations.cases[case.id].verdict
                record = record.model_copy(update={"recorded_verdict": old, "recorded_status": status})
        verdict = CaseWithVerdict(record, status, self.inconclusive)
        self.remember(verdict)
        return verdict

    def _record(self, case: Case) -> CaseRecord:
        if case.evidence == "measured":
            return self._measured(case)
        from itl_bench.verdicts.published import published_verdict  # scipy loads only when something is decided

        return published_verdict(case, self.catalog)

    def _measured(self, case: Case) -> CaseRecord:
        from itl_bench.run.building import CannotBeAskedError

        try:
            return self.measured_verdict(case)
        except CannotBeAskedError as error:  # known only once the base has been asked
            reason = f"not run: {error}"
        pytest.skip(reason)


def failure_message(record: CaseRecord, status: RecordedStatus | None) -> str:
    """The table a failing case shows: both numbers of every column, the difference, its interval and the margin."""
    was = f", recorded was {record.recorded_verdict}" if status == "changed" else ""
    lines = [
        f"{record.verdict}{was}: {record.statement}",
        f"  compared: {record.compared}; expected: {record.expect} (left minus right)",
    ]
    if record.columns:
        lines.append(f"  {'':18} {'left':>8} {'right':>8} {'effect':>8}  {'interval':^18} {'margin':>7}")
    for column in record.columns:
        sides = " ".join(f"{'' if value is None else f'{value:.2f}':>8}" for value in (column.left, column.right))
        interval = f"[{column.ci_low:+.2f}, {column.ci_high:+.2f}]"
        numbers = f"{sides} {column.effect:>+8.2f}  {interval:^18} {column.smallest_effect:>7.2f}"
        lines.append(f"  {column.name:18} {numbers}  {column.verdict}")
    return "\n".join([*lines, f"  {record.reason}"])
