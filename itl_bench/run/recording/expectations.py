"""Recorded verdicts: written from a record by a command, compared with the verdicts of a later run."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from statistics import NormalDist

import yaml
from pydantic import BaseModel, ConfigDict

from itl_bench.catalog.explain import validate
from itl_bench.catalog.yaml_file import read_yaml
from itl_bench.errors import UsageError
from itl_bench.files import write_atomically
from itl_bench.record import CaseRecord, Finite, Record
from itl_bench.vocabulary import Expectation, RecordedStatus, Verdict

SHOWN = 20  # mistakes of one file; a file of another kind has one for every case


class Frozen(BaseModel):
    """Base: immutable, unknown keys rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Recorded(Frozen):
    """What a case gave when it was recorded."""

    verdict: Verdict
    expect: Expectation
    smallest_effect: Finite | None = None
    effect: Finite | None = None
    ci_low: Finite | None = None
    ci_high: Finite | None = None
    column: str | None = None  # that decided: a later run is compared in the same one
    confidence: Finite | None = None  # of the interval


class RecordedFrom(Frozen):
    """Which run the expectations were taken from."""

    run: str
    finished: str
    version: str
    git: str | None = None
    catalog: str


class Expectations(Frozen):
    """A file of recorded verdicts."""

    recorded_from: RecordedFrom
    cases: dict[str, Recorded]


def from_record(record: Record) -> Expectations:
    """The expectations that a record gives: the cases it decided."""
    return Expectations(
        recorded_from=RecordedFrom(
            run=record.run.id, finished=record.run.finished, version=record.run.version, git=record.run.git,
            catalog=record.run.catalog,
        ),
        cases={
            case.id: Recorded(
                verdict=case.verdict, expect=case.expect, smallest_effect=case.smallest_effect, effect=case.effect,
                ci_low=case.ci_low, ci_high=case.ci_high, column=case.deciding_column, confidence=case.confidence,
            )
            for case in record.cases
            if case.verdict
        },
    )  # fmt: skip


def save(expectations: Expectations, path: Path) -> None:
    """Write expectations as YAML, complete or not at all."""
    data = expectations.model_dump(mode="json", exclude_none=True)
    head = "# Recorded verdicts. Written by `itl-bench baseline accept`; do not edit by hand.\n"
    write_atomically(path, head + yaml.safe_dump(data, sort_keys=False, width=120))


def load(path: Path) -> Expectations:
    """Read expectations.

    Raises:
        UsageError: The file is missing or is not what `itl-bench baseline accept` writes.
    """
    if not path.is_file():
        raise UsageError(f"--itl-expect: no file {path}; write one with `itl-bench baseline accept RECORD`")
    problems: list[str] = []
    data = read_yaml(path, problems)
    loaded = None if data is None else validate(Expectations, data, str(path), problems)
    if loaded is None:
        more = [f"{path}: {len(problems) - SHOWN} more mistakes"] if len(problems) > SHOWN else []
        raise UsageError("\n".join(problems[:SHOWN] + more))
    return loaded


def compare(case: CaseRecord, recorded: Mapping[str, Recorded]) -> RecordedStatus:
    """How a verdict relates to the recorded one.

    A differing verdict is *changed* if the new effect lies outside the recorded effect's prediction interval, and
    *drift* inside it: a case near its margin flips by chance alone. The prediction interval of a repetition with the
    same precision is the recorded 95% interval widened by the square root of 2. Without an interval there is no chance
    to speak of, and a differing verdict is a change. The effects compared are those of the column that decided then.

    Published tables are fixed: there, and where the expectation or the margin moved, nothing differs by chance.
    """
    old = recorded.get(case.id)
    if old is None:
        return "new"
    if old.verdict == case.verdict:
        return "as-recorded"
    if case.evidence == "published" or case.expect != old.expect:
        return "changed"
    now = next((column for column in case.columns if column.name == old.column), case)
    effect, margin = now.effect, now.smallest_effect
    if margin != old.smallest_effect:
        return "changed"
    if effect is None or old.ci_low is None or old.ci_high is None:
        return "changed"
    normal = NormalDist()
    to_95 = normal.inv_cdf(0.975) / normal.inv_cdf((1 + (old.confidence or 0.95)) / 2)
    half_width = math.sqrt(2) * to_95 * (old.ci_high - old.ci_low) / 2
    return "drift" if abs(effect - (old.ci_low + old.ci_high) / 2) <= half_width else "changed"


def gone(expectations: Expectations, every_id: Collection[str]) -> list[str]:
    """Recorded cases that the catalog no longer has: renamed or deleted, and no longer watched."""
    return [key for key in expectations.cases if key not in every_id]
