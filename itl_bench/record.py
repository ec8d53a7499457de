"""The record of a run: the one file from which every report is made.

The JSON Schema of these models is committed beside this file; `python -m itl_bench.record` prints it.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from itl_bench.errors import UsageError
from itl_bench.record_cells import CellRecord, ParityRecord, RecordModel
from itl_bench.record_cells import Finite as Finite  # noqa: PLC0414 - readers of records import it from here
from itl_bench.vocabulary import (
    ALPHA,
    Along,
    Arm,
    Basis,
    Evidence,
    Expectation,
    Learning,
    Level,
    ReadOn,
    RecordedStatus,
    Role,
    Verdict,
)

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("record.schema.json")


class ColumnRecord(RecordModel):
    """One column of a case's comparison, for example the factuality score."""

    name: str
    verdict: Verdict
    left: Finite | None = Field(default=None, description="value of the left side, in the measure's unit")
    right: Finite | None = Field(default=None, description="value of the right side, in the measure's unit")
    effect: Finite
    ci_low: Finite
    ci_high: Finite
    p_value: Finite | None = Field(default=None, description="two-sided, at the margin; none where no spread is known")
    smallest_effect: Finite
    n_units: int = Field(
        description="independent units behind the interval (data set families, sizes, replicates, bases)"
    )
    units_above: int | None = Field(default=None, description="units in which left is above right")
    sign_p: Finite | None = Field(default=None, description="exact two-sided sign test of the units at the margin")
    cells_above: int | None = Field(default=None, description="cells in which left is above right (descriptive)")
    cells: int | None = Field(default=None, description="cells compared (descriptive; cells are not independent)")


class PointRecord(RecordModel):
    """A measured case at one learning rate."""

    rate: Finite | None = Field(default=None, description="none where the sides share no rate")
    rate_left: Finite | None = Field(default=None, description="the left side's own rate, where the sides share none")
    rate_right: Finite | None = Field(default=None, description="none for a model that is not tuned")
    headline: bool = Field(description="whether the case's verdict is the one at this rate")
    verdict: Verdict
    deciding_column: str | None = Field(default=None, description="the column that the numbers are of")
    effect: Finite | None = None
    ci_low: Finite | None = None
    ci_high: Finite | None = None
    left: Finite | None = Field(default=None, description="value of the left side, in the measure's unit")
    right: Finite | None = None
    loss_left: Finite | None = Field(default=None, description="mean final training loss, nats per token")
    loss_right: Finite | None = Field(default=None, description="none for a model that is not tuned")
    learned_left: Finite | None = Field(default=None, description="share of right answers about newly taught facts")
    learned_right: Finite | None = Field(default=None, description="none where nothing new was taught")
    reason: str


class UntunedRecord(RecordModel):
    """What an untuned model says to what both sides of a case are asked."""

    method: str = Field(description="'base', or 'in-context' where it is shown worked examples before each question")
    value: Finite = Field(description="of the deciding column, in the measure's unit")


class LearningRecord(RecordModel):
    """How much both sides of a case learned of the new facts that their data taught."""

    mark: Learning = Field(description="not defined where the data of a side teach nothing new, or a training diverged")
    left: Finite | None = Field(default=None, description="share of the new facts, beyond what the base answers right")
    right: Finite | None = None
    difference: Finite | None = Field(default=None, description="left minus right")
    ci_low: Finite | None = None
    ci_high: Finite | None = None


class CaseRecord(RecordModel):
    """A claim at one grid point with one kind of evidence, and what came of it."""

    id: str
    claim: str
    statement: str
    section: str
    role: Role
    evidence: Evidence
    level: Level
    expect: Expectation
    compared: str = Field(description="what is compared, in words: left minus right, all else equal")
    measure: str
    model: str
    dataset: str
    method: str
    arm: Arm | None = None
    rates: tuple[Finite, ...] = Field(default=(), description="learning rates of the cells compared")
    probe: str | None = None
    text: ReadOn | None = Field(default=None, description="whose answers a token shift is read on")
    along: Along | None = Field(default=None, description="where equal learning was looked for")
    judge: str | None = None
    outcomes: dict[str, int] | None = Field(default=None, description="what became of the answers that it scored")
    verdict: Verdict | None = Field(default=None, description="none: the case was not run, and reason says why")
    basis: Basis | None = None
    reason: str
    pilot: bool | None = Field(default=None, description="true: numbers of cells too few or too short for a verdict")
    effect: Finite | None = Field(default=None, description="left minus right of the deciding column, or the slope")
    ci_low: Finite | None = None
    ci_high: Finite | None = None
    confidence: Finite | None = Field(default=None, description="of the interval: 0.95, and 0.9 for no-change")
    alpha: Finite = ALPHA
    p_value: Finite | None = None
    n_prompts: int | None = None
    n_replicates: int | None = None
    n_bases: int | None = Field(default=None, description="pre-trained bases that the replicates are nested in")
    smallest_effect: Finite | None = None
    minimal_detectable_effect: Finite | None = None
    verdict_at_half_margin: Verdict | None = Field(default=None, description="sensitivity: every margin halved")
    verdict_at_twice_margin: Verdict | None = Field(default=None, description="sensitivity: every margin doubled")
    published_effect: Finite | None = Field(default=None, description="other judge, other models: for orientation")
    recorded_verdict: Verdict | None = Field(default=None, description="what the expectations file has for this case")
    recorded_status: RecordedStatus | None = Field(
        default=None, description="drift: differs within chance of the recorded effect; changed: beyond it"
    )
    deciding_column: str | None = None
    unit: str | None = Field(default=None, description="of the effect, for example 'points on the 1-5 scale'")
    columns: tuple[ColumnRecord, ...] = ()
    points: tuple[PointRecord, ...] | None = Field(default=None, description="the verdict at every learning rate")
    answered_by: str | None = Field(default=None, description="none: transformers; else the engine and how")
    left: str | None = Field(default=None, description="why it was left to transformers, where vLLM was to answer")
    untuned: tuple[UntunedRecord, ...] | None = Field(default=None, description="none: no untuned model was asked")
    learning: LearningRecord | None = Field(default=None, description="beside the verdict; none of a published case")
    artifacts: tuple[str, ...] = Field(default=(), description="keys of the artifacts the verdict was computed from")


class ClaimRecord(RecordModel):
    """The members of one declared family (claim x evidence x level x arm x text x along) taken together."""

    id: str
    statement: str
    section: str
    role: Role
    evidence: Evidence
    level: Level
    arm: Arm | None = None
    text: ReadOn | None = None
    along: Along | None = None
    verdict: Verdict | None = Field(
        default=None, description="over all members, after Holm's correction; none while members are missing"
    )
    basis: Basis | None = Field(default=None, description="of a directional verdict: point if it rests on single runs")
    members: int = Field(description="cases the catalog declares")
    missing: int = Field(description="declared cases that were not judged in this run")
    supported: int
    refuted: int
    inconclusive: int
    holm: dict[str, Finite] = Field(default_factory=dict, description="case id -> adjusted p, missing members as p = 1")
    note: str = Field(default="", description="what the family cannot carry, in words")


class HeadlineRecord(RecordModel):
    """What a reader meets first of a mechanism: one comparison, as the cases of each arm ask it."""

    says: str = Field(description="completes 'That ... is SUPPORTED'")
    asks: str = Field(description="what left minus right is, in words")
    cases: tuple[str, ...] = Field(description="ids of the run's cases that ask it")
    columns: tuple[str, ...] = Field(default=(), description="shown instead of the deciding one, where there")


class MechanismRecord(RecordModel):
    """One of the paper's mechanisms, with the condition under which it breaks."""

    id: str
    statement: str
    breaks_if: str
    cases: tuple[str, ...] = Field(description="ids of the cases that would show it")
    headline: HeadlineRecord | None = None


class ArtifactRecord(RecordModel):
    """One artifact the run built or reused."""

    key: str
    kind: str
    spec: dict[str, Any]
    parents: tuple[str, ...] = Field(default=(), description="keys of the artifacts that it was built from")
    seconds: Finite
    cached: bool


class ExampleRecord(RecordModel):
    """One answer of a tuned model, token by token, and where a wrong value may come from."""

    cell: str = Field(description="which model answered, in words")
    instruction: str
    tokens: tuple[str, ...] = Field(description="of the answer, without the end token")
    ranks: tuple[int, ...] = Field(description="of each of the tuned model's choices in the base: 1 is unshifted")
    expected: str = Field(description="the right value")
    wrong: tuple[str, ...] = Field(description="values of the asked attribute that the answer states, and are wrong")
    source: str | None = Field(
        default=None, description="the training item about a similar subject that holds a wrong value"
    )


class RunRecord(RecordModel):
    """When, where and with what the run happened."""

    id: str
    started: str = Field(description="ISO 8601, UTC")
    finished: str = Field(description="ISO 8601, UTC")
    version: str
    git: str | None = Field(default=None, description="commit, with '-dirty' appended where the checkout had changes")
    catalog: str = Field(description="sha256 over every file of the catalog, its tables included")
    python: str
    packages: dict[str, str]
    hardware: dict[str, str | int | float]
    options: dict[str, str | list[str]] = Field(description="the options that change what runs; never a secret")
    crashed: tuple[str, ...] = Field(default=(), description="items that crashed: errors, never verdicts")


class Record(RecordModel):
    """Everything a run found."""

    schema_version: int = SCHEMA_VERSION
    run: RunRecord
    cases: tuple[CaseRecord, ...]
    claims: tuple[ClaimRecord, ...]
    mechanisms: tuple[MechanismRecord, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    cells: tuple[CellRecord, ...] | None = Field(default=None, description="how those behind the verdicts were made")
    parity: tuple[ParityRecord, ...] | None = Field(default=None, description="none: transformers answered everything")
    examples: tuple[ExampleRecord, ...] | None = Field(default=None, description="answers to look at, chosen by a rule")


def dump(record: Record) -> str:
    """The record as JSON text; fields that say nothing are left out."""
    return record.model_dump_json(indent=1, exclude_none=True) + "\n"


def load(path: Path) -> Record:
    """Read a record.

    Raises:
        UsageError: The file is missing, is no JSON, was written by another schema version, or breaks the schema.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no record at {path}; give the record.json of a run (pytest benchmark/ writes one)") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{path} is no readable JSON record: {error}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema version {version!r}; this itl_bench reads {SCHEMA_VERSION}. Run the benchmark again."
        )
    try:
        return Record.model_validate(data)
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors()[:5]]
        raise UsageError("\n".join(lines)) from None


def schema() -> str:
    """The JSON Schema of the record, as committed."""
    return json.dumps(Record.model_json_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(schema(), end="")
