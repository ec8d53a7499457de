"""Which published rows are compared with which: what neither side of a comparison fixes must be equal on both."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from itl_bench.catalog.claims import Side
from itl_bench.catalog.models import ModelSpec
from itl_bench.catalog.published import Row

Key = tuple[str, ...]


class Pair(NamedTuple):
    """Two published rows that differ in what is compared and in nothing else."""

    left: Row
    right: Row

    @property
    def doubtful(self) -> bool:
        """One of the rows is no evidence: a copy of another row, or under a wrong label."""
        return self.left.doubtful or self.right.doubtful


def dataset_id(row: Row) -> str:
    """The id of the row's dataset, size included; empty where a row has no dataset."""
    return f"{row.dataset}-{row.size}" if row.dataset and row.size else row.dataset


def with_base_models(rows: Iterable[Row], models: Mapping[str, ModelSpec]) -> tuple[Row, ...]:
    """Rows of declared models; a vendor's chat model becomes the row 'chat' of its base model."""
    chat = {model.chat.name: model.id for model in models.values() if model.chat}
    named = (replace(row, model=chat.get(row.model, row.model)) for row in rows)
    return tuple(row for row in named if row.model in models)


def matched_pairs(rows: Sequence[Row], left: Side, right: Side, rank: Callable[[Row], int]) -> list[Pair]:
    """All pairs (left, right) of rows that are equal in what neither side fixes.

    Args:
        rows: Rows of one table.
        left: What the left row must be.
        right: What the right row must be.
        rank: Rows of the dataset that a published row was tuned on, to find the largest and the smallest.
    """
    fixed = {name for name in ("model", "method", "dataset") if getattr(left, name) or getattr(right, name)}
    if "best" in (left.method, right.method) or "chat" in (left.method, right.method):
        fixed.add("dataset")  # a chat model has no dataset of ours, and the best row may come from any

    def key(row: Row) -> Key:
        dataset = row.dataset if left.size else dataset_id(row)
        parts = {"model": row.model, "method": row.method, "dataset": dataset}
        return (row.probe, *("" if name in fixed else value for name, value in parts.items()))

    rights = _one_per_key(rows, right, key, rank)
    lefts = _one_per_key(rows, left, key, rank)
    return [Pair(row, rights[at]) for at, row in lefts.items() if at in rights and rights[at] is not row]


def _one_per_key(
    rows: Sequence[Row], side: Side, key: Callable[[Row], Key], rank: Callable[[Row], int]
) -> dict[Key, Row]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if _fits(row, side):
            groups[key(row)].append(row)
    choose: dict[str | None, Callable[[list[Row]], Row]] = {
        "largest": lambda group: max(group, key=rank),
        "smallest": lambda group: min(group, key=rank),
        None: _best if side.method == "best" else lambda group: group[0],
    }
    return {at: choose[side.size](group) for at, group in groups.items()}


def _fits(row: Row, side: Side) -> bool:
    method = bool(row.dataset) if side.method == "best" else side.method in (None, row.method)
    return method and side.model in (None, row.model) and side.dataset in (None, dataset_id(row))


def _best(group: list[Row]) -> Row:
    """A row that is the best of the group in every column: beating it is beating all of them in everything."""
    rows = [row for row in group if not row.doubtful] or group
    columns = {column: max(row.values[column] for row in rows) for column in rows[0].values}
    return replace(rows[0], method="best", dataset="", size="", values=columns, bounds={})


def size_curves(
    rows: Sequence[Row], within: Side, rank: Callable[[Row], int]
) -> dict[tuple[str, str, str, str], list[Row]]:
    """(model, method, dataset, probe) -> its rows by growing size, where at least three sizes are published."""
    curves: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if _fits(row, within) and not row.doubtful:
            curves[row.model, row.method, row.dataset, row.probe].append(row)
    return {key: sorted(curve, key=rank) for key, curve in curves.items() if len(curve) >= 3}
