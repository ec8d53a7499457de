"""Which prompts of a case are in what its models were tuned on, in words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from itl_bench.data.rows import Table, read_table
from itl_bench.data.sources.overlap import EXACT, SHARE, in_words
from itl_bench.plan.graph import parents_of
from itl_bench.store.artifact import TABLE
from itl_bench.store.keys import Task
from itl_bench.store.store import DamagedArtifactError, Store


class Found(NamedTuple):
    """What a dataset, in all its replicates together, has of a probe.

    Attributes:
        prompts: How many the probe has.
        exact: Prompts that some replicate was tuned on word for word.
        shared: Further prompts of which it was tuned on an n-gram.
        n: Words of an n-gram.
        everywhere: Whether it is the same prompts in all replicates.
    """

    dataset: str
    probe: str
    prompts: int
    exact: int
    shared: int
    n: int
    everywhere: bool

    def in_words(self) -> str:
        """For example "1 of 800 prompts of just-eval is in lima-1k word for word"."""
        text = in_words(self.probe, self.dataset, self.prompts, self.exact, self.shared, self.n)
        return text if self.everywhere else f"{text} (all replicates together)"


def found_in(tasks: Iterable[Task], by_key: Mapping[str, Task], store: Store) -> list[Found]:
    """What the tables of overlap among tasks say, by dataset and probe; other tasks are passed over.

    Args:
        tasks: Tasks whose tables are in the store.
        by_key: Those tasks' parents, by key.
        store: Where the tables are.

    Raises:
        KeyError: A table is not in the store.
        DamagedArtifactError: One of them is damaged.
    """
    tables: dict[tuple[str, str, int], list[Table]] = defaultdict(list)
    for task in tasks:
        if task.spec.get("measure") == "overlap":
            corpus, probe = (by_key[parents_of(task)[name]].spec for name in ("corpus", "probe"))
            pair = str(corpus["dataset"]), str(probe["probe"]), int(str(task.spec["n"]))
            tables[pair].append(read_table(store.open(task.key).folder / TABLE))
    return [_together(dataset, probe, n, some) for (dataset, probe, n), some in tables.items()]


def in_case(tasks: Iterable[Task], by_key: Mapping[str, Task], store: Store) -> list[str]:
    """The notes of a case: a sentence for each dataset and probe that share anything; as `found_in` otherwise."""
    return [one.in_words() for one in found_in(tasks, by_key, store) if one.exact or one.shared]


def in_plan(tasks: Iterable[Task], by_key: Mapping[str, Task], store: Store) -> list[str]:
    """A sentence for each dataset and probe, also where they share nothing; none at all if a table cannot be read."""
    with suppress(KeyError, OSError, DamagedArtifactError):
        return [one.in_words() for one in found_in(tasks, by_key, store)]
    return []


def _together(dataset: str, probe: str, n: int, tables: Sequence[Table]) -> Found:
    exact, shared = ([_having(table, column) for table in tables] for column in (EXACT, SHARE))
    every = frozenset[str]().union(*exact)
    more = frozenset[str]().union(*shared) - every
    same = len(set(exact)) == len(set(shared)) == 1
    return Found(dataset, probe, len(tables[0].prompts), len(every), len(more), n, same)


def _having(table: Table, column: str) -> frozenset[str]:
    """Ids of the prompts with a value above 0."""
    return frozenset(prompt for prompt, value in zip(table.prompts, table.columns[column], strict=True) if value)
