"""What a measured case compares: tables of both sides by replicate, and how their rows are matched."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from itl_bench.data.rows import Table
from itl_bench.errors import EvidenceError, unknown
from itl_bench.plan.cells import Replicate


@dataclass(frozen=True)
class Sample:
    """One side of a comparison.

    Attributes:
        tables: Its table for each replicate; an untuned base has one, given under every replicate of that base, unless
            the measure reads what was taught.
        losses: Training loss at the start and at the end, nats per token; empty for an untuned base.
        diverged: Replicates whose training diverged, with what was said of it; they have neither table nor loss.
        taught: What they know of the new facts that their data taught; nothing where there are none.
        untaught: What their bases know of them.
    """

    tables: Mapping[Replicate, Table]
    losses: Mapping[Replicate, tuple[float, float]]
    diverged: Mapping[Replicate, str] = field(default_factory=dict)
    taught: Mapping[Replicate, Table] = field(default_factory=dict)
    untaught: Mapping[Replicate, Table] = field(default_factory=dict)

    @property
    def replicates(self) -> set[Replicate]:
        """Those that were measured, and those that diverged."""
        return {*self.tables, *self.diverged}

    def loss(self, replicate: Replicate) -> tuple[float, float]:
        """The training loss of a tuned replicate, at the start and at the end; infinite where it diverged.

        Raises:
            EvidenceError: If it is not known.
        """
        if replicate in self.diverged:
            return inf, inf
        if replicate not in self.losses:
            raise EvidenceError(f"no training loss is known of base {replicate.base}, seed {replicate.seed}")
        return self.losses[replicate]

    def final_loss(self, replicates: Sequence[Replicate]) -> float | None:
        """The mean training loss at the end; None for an untuned base."""
        return fmean(self.loss(one)[1] for one in replicates) if self.losses else None


@dataclass(frozen=True)
class RatePoint:
    """Both sides at one learning rate; None where the sides share none.

    Attributes:
        learned: Of each side, the share of right answers about new facts that its data taught; None where there are
            none. It tells a method that keeps what the base knew from one that has not learned.
        own_rates: Of each side, the rate of its own where the sides share none; None for an untuned base.
        stopped_after: After which share of the updates both sides are read.
    """

    rate: float | None
    left: Sample
    right: Sample
    learned: tuple[float | None, float | None] = (None, None)
    own_rates: tuple[float | None, float | None] = (None, None)
    stopped_after: float = 1.0


@dataclass(frozen=True)
class CellSummary:
    """One cell as a point of a trend.

    Attributes:
        rate: Its learning rate.
        x: Where it is on the axis of the trend, for example log10 of the dataset's rows.
        y: The measure's value there.
    """

    rate: float | None
    dataset: str
    method: str
    replicate: Replicate
    x: float
    y: float


@dataclass(frozen=True)
class Matched:
    """Both sides with the same replicates, and with prompts that have a value in all of them.

    Attributes:
        replicates: In order.
        left: A table per replicate.
        right: A table per replicate.
        left_prompts: For each replicate, prompt -> unit: the same in all, unless each drew facts of its own to ask for.
        right_prompts: For each replicate, prompt -> unit; those of the left side where both sides answer the same.
        left_out: Number of prompts without a value somewhere.
    """

    replicates: tuple[Replicate, ...]
    left: tuple[Table, ...]
    right: tuple[Table, ...]
    left_prompts: tuple[Mapping[str, str], ...]
    right_prompts: tuple[Mapping[str, str], ...]
    left_out: int

    @property
    def bases(self) -> list[int]:
        """The base of each replicate."""
        return [one.base for one in self.replicates]

    @property
    def paired(self) -> bool:
        """Whether both sides answer the same prompts, in every replicate."""
        alike = all(prompts == self.left_prompts[0] for prompts in self.left_prompts)
        return alike and self.left_prompts is self.right_prompts

    @property
    def n_prompts(self) -> int:
        """Number of prompts, of the smaller side, that every replicate was asked at least."""
        return min(map(len, (*self.left_prompts, *self.right_prompts)))

    def means(self, column: str) -> tuple[list[list[float]], list[list[float]]]:
        """Left and right of a column: per replicate the means of the units of prompts.

        Where each replicate has prompts of its own, the one mean over its units.
        """
        return _means(self.left, column, self.left_prompts), _means(self.right, column, self.right_prompts)


def match(left: Sample, right: Sample, columns: Sequence[str], paired: bool) -> Matched:
    """Match both sides by replicate and prompt.

    Args:
        left: One side.
        right: The other side.
        columns: Columns in which a prompt needs a value.
        paired: Whether both sides answer the same prompts; if not, each side keeps its own. Where every replicate drew
            prompts anew, both sides keep those of the replicate.

    Raises:
        EvidenceError: If nothing matches, if a table is not what it should be, or if an unpaired side has one unit.
    """
    replicates = shared_replicates(left, right)
    lefts, rights = (tuple(side.tables[one] for one in replicates) for side in (left, right))
    if paired and _drawn_anew(lefts):
        both = [prompts_with_values(tables, columns) for tables in zip(lefts, rights, strict=True)]
        own = tuple(prompts for prompts, _ in both)
        return Matched(replicates, lefts, rights, own, own, sum(left_out for _, left_out in both))
    if paired:
        prompts, left_out = prompts_with_values(lefts + rights, columns)
        every = (prompts,) * len(replicates)
        return Matched(replicates, lefts, rights, every, every, left_out)
    left_prompts, left_out = _own_prompts(lefts, columns)
    right_prompts, more = _own_prompts(rights, columns)
    return Matched(replicates, lefts, rights, left_prompts, right_prompts, left_out + more)


def _own_prompts(tables: Sequence[Table], columns: Sequence[str]) -> tuple[tuple[Mapping[str, str], ...], int]:
    """For each replicate, the prompts of a side that is not paired: prompt -> unit; and how many were left out."""
    if not _drawn_anew(tables):
        prompts, left_out = prompts_with_values(tables, columns)
        if len(set(prompts.values())) == 1:
            raise EvidenceError("all prompts of one side are of one unit; how much prompts differ is not known")
        return (prompts,) * len(tables), left_out
    drawn = [prompts_with_values([table], columns) for table in tables]
    return tuple(prompts for prompts, _ in drawn), sum(left_out for _, left_out in drawn)


def _drawn_anew(tables: Sequence[Table]) -> bool:
    """Whether the replicates of a side answer different prompts."""
    return any(table.prompts != tables[0].prompts for table in tables)


def _means(tables: Sequence[Table], column: str, prompts: Sequence[Mapping[str, str]]) -> list[list[float]]:
    means = [unit_means(table, column, own) for table, own in zip(tables, prompts, strict=True)]
    drawn_anew = any(own != prompts[0] for own in prompts)
    return [[fmean(row)] for row in means] if drawn_anew and all(means) else means


def shared_replicates(left: Sample, right: Sample) -> tuple[Replicate, ...]:
    """The replicates of both sides, in order; one whose runs repeat those of an earlier one is no other replicate.

    Tables alone do not tell a repetition, since two runs may answer alike; with equal losses they are the same run.

    Raises:
        EvidenceError: If the sides have no replicate in common.
    """
    chosen: list[Replicate] = []
    for one in sorted(left.replicates & right.replicates):
        if not any(_same_run(left, one, other) and _same_run(right, one, other) for other in chosen):
            chosen.append(one)
    if not chosen:
        raise EvidenceError("the sides of the comparison have no replicate in common")
    return tuple(chosen)


def _same_run(sample: Sample, one: Replicate, other: Replicate) -> bool:
    if not sample.diverged.keys().isdisjoint((one, other)):
        return False
    return sample.losses.get(one) == sample.losses.get(other) and sample.tables[one] == sample.tables[other]


def prompts_with_values(tables: Sequence[Table], columns: Sequence[str]) -> tuple[dict[str, str], int]:
    """The prompts that have a value in all columns of all tables: prompt -> unit, and how many were left out.

    Raises:
        EvidenceError: If a table lacks a column or repeats a prompt, if tables disagree about a unit, or if they have
            no prompt in common.
    """
    units: dict[str, str] = {}
    for table in tables:
        for prompt, unit in zip(table.prompts, table.units, strict=True):
            if units.setdefault(prompt, unit) != unit:
                raise EvidenceError(f"prompt {prompt!r} belongs to {unit!r} and to {units[prompt]!r}")
    if not set.intersection(*(set(table.prompts) for table in tables)):
        raise EvidenceError("the tables that are compared have no prompt in common")
    usable = set.intersection(*(_known(table, columns) for table in tables))
    return {prompt: units[prompt] for prompt in sorted(usable)}, len(units) - len(usable)


def _known(table: Table, columns: Sequence[str]) -> set[str]:
    if len(set(table.prompts)) < len(table.prompts):
        raise EvidenceError("a table of a measure repeats a prompt")
    for column in columns:
        if column not in table.columns:
            raise EvidenceError(f"a table of a measure: {unknown('column', column, table.columns)}")
    values = zip(*(table.columns[column] for column in columns), strict=True)
    return {prompt for prompt, row in zip(table.prompts, values, strict=True) if None not in row}


def unit_means(table: Table, column: str, prompts: Mapping[str, str]) -> list[float]:
    """The mean of a column over the prompts of each unit, by sorted unit; other prompts do not count.

    Args:
        table: A measure of one cell.
        column: One of its columns.
        prompts: Id -> unit of the prompts to use; the table has a value of each.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for prompt, value in zip(table.prompts, table.columns[column], strict=True):
        if prompt in prompts and value is not None:
            groups[prompts[prompt]].append(value)
    return [fmean(groups[unit]) for unit in sorted(groups)]
