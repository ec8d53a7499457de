"""The evidence matrix: claims against levels and models, with counts of verdicts in every cell."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from itl_bench.record import CaseRecord, Record
from itl_bench.vocabulary import ALL_MODELS, LEVELS, VERDICTS, Level, Role, Verdict


@dataclass(frozen=True)
class Counts:
    """How many cases have each verdict, and how many were not run."""

    supported: int = 0
    refuted: int = 0
    inconclusive: int = 0
    not_run: int = 0

    idle: ClassVar[str] = "not run"  # what cases without a verdict are called

    @property
    def with_verdict(self) -> int:
        """Cases that have a verdict."""
        return self.supported + self.refuted + self.inconclusive

    @property
    def total(self) -> int:
        """All cases, with a verdict or not."""
        return self.with_verdict + self.not_run

    def by_verdict(self) -> tuple[tuple[Verdict, int], ...]:
        """The verdicts in their fixed order, each with its count."""
        return tuple(zip(VERDICTS, (self.supported, self.refuted, self.inconclusive), strict=True))


@dataclass(frozen=True)
class FamilyCounts(Counts):
    """The counts of declared families, whose other members were not selected or not run."""

    idle: ClassVar[str] = "not judged"


@dataclass(frozen=True)
class MatrixColumn:
    """One column of the matrix: a model at a level of evidence."""

    level: Level
    model: str

    @property
    def title(self) -> str:
        """The model's name, or "all models" for cases that pool them."""
        return model_in_words(self.model)


@dataclass(frozen=True)
class MatrixRow:
    """One claim, with one cell per column of the matrix."""

    claim: str
    statement: str
    cells: tuple[Counts, ...]


@dataclass(frozen=True)
class Matrix:
    """Claims in the paper's order against levels and models."""

    columns: tuple[MatrixColumn, ...]
    rows: tuple[MatrixRow, ...]

    @property
    def papers(self) -> tuple[MatrixRow, ...]:
        """The rows of the paper's claims."""
        return tuple(row for row in self.rows if not is_own(row.claim))

    @property
    def own(self) -> tuple[MatrixRow, ...]:
        """The rows of the claims that the benchmark itself asks about."""
        return tuple(row for row in self.rows if is_own(row.claim))

    def levels(self) -> tuple[tuple[Level, int], ...]:
        """The levels that have columns, each with how many."""
        widths = [(level, sum(column.level == level for column in self.columns)) for level in LEVELS]
        return tuple((level, width) for level, width in widths if width)


def model_in_words(model: str) -> str:
    """The model's name, or words for the two names that are none."""
    return {ALL_MODELS: "all models", "": "no model"}.get(model, model)


def is_own(claim: str) -> bool:
    """Whether a claim is the benchmark's: only C.. are the paper's, and nothing else may be laid at its door."""
    return not claim.startswith("C")


def natural_key(text: str) -> tuple[tuple[bool, int, str], ...]:
    """A sorting key in which "llama7b" comes before "llama13b"."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def claim_key(claim: str) -> tuple[int, tuple[tuple[bool, int, str], ...]]:
    """A sorting key for claims: the paper's (C01 to C27), then this project's own (X01 on), then anything else."""
    prefixes = {"C": 0, "X": 1}
    return prefixes.get(claim[:1], 2), natural_key(claim)


def count(cases: Iterable[CaseRecord]) -> Counts:
    """Count the verdicts of `cases`, whatever their role."""
    verdicts = [case.verdict for case in cases]
    return Counts(*(verdicts.count(verdict) for verdict in (*VERDICTS, None)))


def with_role(record: Record, role: Role) -> tuple[CaseRecord, ...]:
    """The record's cases of one role, in the record's order."""
    return tuple(case for case in record.cases if case.role == role)


def totals(record: Record) -> Counts:
    """The verdicts of the whole run; sanity cases do not count."""
    return count(with_role(record, "evidence"))


def pooling(record: Record) -> int:
    """How many cases of the totals pool all models: they repeat the others' rows and count in no claim."""
    return sum(case.model == ALL_MODELS for case in with_role(record, "evidence"))


def statements(record: Record) -> dict[str, str]:
    """Claim id -> statement, in the paper's order, for every claim that the record mentions."""
    found: dict[str, str] = {}
    for claim in record.claims:
        found.setdefault(claim.id, claim.statement)
    for case in record.cases:
        found.setdefault(case.claim, case.statement)
    return {claim: found[claim] for claim in sorted(found, key=claim_key)}


def evidence_matrix(record: Record, role: Role = "evidence") -> Matrix:
    """Count the verdicts of one role by claim, level and model.

    Args:
        record: The record of a run.
        role: "evidence" gives every claim a row; "sanity" shows only claims that have sanity cases.
    """
    grouped: dict[tuple[str, MatrixColumn], list[CaseRecord]] = defaultdict(list)
    for case in with_role(record, role):
        grouped[case.claim, MatrixColumn(case.level, case.model)].append(case)
    columns = _columns({column for _, column in grouped})
    with_cases = {claim for claim, _ in grouped}
    rows = (
        MatrixRow(claim, statement, tuple(count(grouped.get((claim, column), [])) for column in columns))
        for claim, statement in statements(record).items()
        if role == "evidence" or claim in with_cases
    )
    return Matrix(columns, tuple(rows))


def _columns(found: Iterable[MatrixColumn]) -> tuple[MatrixColumn, ...]:
    def key(column: MatrixColumn) -> tuple[int, bool, tuple[tuple[bool, int, str], ...]]:
        return LEVELS.index(column.level), column.model == ALL_MODELS, natural_key(column.model)

    return tuple(sorted(found, key=key))
