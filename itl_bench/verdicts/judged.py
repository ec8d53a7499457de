"""What became of the answers that a judge scored: counted, and in the way of a verdict where too many have no score."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from itl_bench.catalog.grid.cases import Case
from itl_bench.errors import EvidenceError
from itl_bench.measures.judge import OUTCOMES
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import Matched
from itl_bench.verdicts.stats.length import at_equal_length
from itl_bench.verdicts.stats.rule import confidence
from itl_bench.verdicts.tables import table_of
from itl_bench.vocabulary import ALPHA

FACT = "judge "  # begins the counts among the facts of a table
LOG_WORDS = "log_words"  # column with the logarithm of an answer's words
CUT = "cut"  # answers that were shown in part, among those of any outcome


def outcomes(tasks: Iterable[Task], store: Store) -> dict[str, int]:
    """How many answers have each outcome, over all tables of scores that a verdict reads; empty without a judge.

    Args:
        tasks: That the verdict reads.
        store: Where they are.
    """
    found: Counter[str] = Counter()
    for counts in _counts(tasks, store).values():
        found.update(counts)
    return {name: found[name] for name in (*OUTCOMES, CUT) if found[name]}


def too_many_without_score(tasks: Iterable[Task], store: Store, ceiling: float) -> list[str]:
    """Why a judge's scores cannot carry a verdict: too many answers of some model have none; nothing where they can.

    Args:
        tasks: That the verdict reads.
        store: Where they are.
        ceiling: Share of one model's answers that may be without a score.
    """
    shares = []
    for counts in _counts(tasks, store).values():
        answers = sum(counts[name] for name in OUTCOMES)
        without = {name: counts[name] for name in OUTCOMES if name != "score" and counts[name]}
        shares.append((sum(without.values()) / max(1, answers), answers, without))
    share, answers, without = max(shares, key=lambda one: one[0], default=(0.0, 0, {}))
    if share <= ceiling:
        return []
    named = ", ".join(f"{count} {name}" for name, count in without.items())
    return [f"{share:.0%} of {answers:,} answers of one model have no score ({named}); a verdict takes {ceiling:.0%}"]


def at_equal_length_in_words(case: Case, rows: Matched, column: str | None) -> str:
    """The difference of two sides' scores for answers of one length, beside the raw one; nothing for other measures.

    Args:
        case: That is decided.
        rows: Of both sides.
        column: That decides.
    """
    if case.measure.measure != "aspects" or column is None or not rows.paired or len(rows.replicates) < 2:
        return ""
    scores, lengths = (np.subtract(*rows.means(name)) for name in (column, LOG_WORDS))
    try:
        found = at_equal_length(scores, lengths, rows.bases)
    except EvidenceError as error:
        return f"{column} at equal length is not known: {error}"
    low, high = found.interval(confidence(case.claim.expect, ALPHA))
    return f"{column} at equal length {found.effect:+.2f} [{low:+.2f}, {high:+.2f}]"


def _counts(tasks: Iterable[Task], store: Store) -> Mapping[str, Counter[str]]:
    """Key of a table of scores -> its counts."""
    found: dict[str, Counter[str]] = {}
    for task in tasks:
        if "judge" in task.spec:
            facts = table_of(task, store).facts
            found[task.key] = Counter(
                {name: int(facts.get(FACT + name, 0)) for name in (*OUTCOMES, CUT)}
            )  # fmt: skip
    return found
