"""What the divergences of a token-shift case are set against, in one sentence at the end of its reason.

Floors: how far a model is from itself tuned with another seed, and from itself asked in other words. Control: how far
both sides are from their base on the base's own answers, where both read the same tokens.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.data.rows import Table, read_table
from itl_bench.plan.reads import Floors
from itl_bench.store.file_names import TABLE
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.comparison import RatePoint

Means = Mapping[str, float | None]  # by side, nats


def floors_in_words(case: Case, floors: Floors, headline: RatePoint, store: Store) -> str:
    """Floors and control of a token-shift case; nothing for another measure.

    Args:
        case: Whose sides are compared.
        floors: From `tasks.floors_of`; they are in the store.
        headline: The shift tables of both sides at the headline rate.
        store: Where the floors are.

    Raises:
        KeyError: A floor is not in the store.
        DamagedArtifactError: One of them is damaged.
    """
    if not any(floors):
        return ""
    left, right = side_name(case, case.left), side_name(case, case.right)
    seeds = {name: _mean_of(tasks, store) for name, tasks in ((left, floors.left), (right, floors.right))}
    control = {
        name: mean(side.tables.values(), "reference_kl")
        for name, side in ((left, headline.left), (right, headline.right))
    }
    return in_words(seeds, _mean_of(floors.wordings, store), control)


def borrowing_in_words(case: Case, headline: RatePoint) -> str:
    """What an excess of borrowing is set against; nothing for another measure.

    Shares of answers on both sides: wrong ones, those borrowed by chance (the expectation), and the excess of the
    control, where equally many dissimilar subjects are looked up, if there is one.
    """
    if case.measure.measure != "borrowing":
        return ""
    sides = (headline.left.tables.values(), headline.right.tables.values())
    named = (("wrong answers", "wrong"), ("borrowed by chance", "expectation"), ("control", "control"))
    shares = {words: [mean(tables, column) for tables in sides] for words, column in named}
    return "shares of prompts: " + ", ".join(
        f"{words} {left or 0.0:.2f} against {right or 0.0:.2f}"
        for words, (left, right) in shares.items()
        if (left, right) != (None, None)
    )


def no_answers_in_words(case: Case, headline: RatePoint) -> str:
    """How many answers state nothing: a model that learned to answer at all states more wrong values, too."""
    if case.measure.measure != "hallucination":
        return ""
    shares = [
        (mean(side.tables.values(), "none") or 0.0) + (mean(side.tables.values(), "empty") or 0.0)
        for side in (headline.left, headline.right)
    ]
    return f"no value stated for {shares[0]:.2f} against {shares[1]:.2f} of prompts"


def too_little_to_borrow(case: Case, headline: RatePoint) -> list[str]:
    """Why no answers could show a verdict on borrowing, whatever they are; nothing where they could."""
    if case.measure.measure != "borrowing":
        return []
    found = [table.facts["possible"] for table in headline.left.tables.values() if "possible" in table.facts]
    effect = case.measure.smallest_effect
    needed = 2 * (max(effect.values()) if isinstance(effect, dict) else effect)
    if not found or fmean(found) >= needed:
        return []
    return [f"too little to borrow: an excess of at most {fmean(found):.3f} is possible, a verdict needs {needed:g}"]


def in_words(seeds: Means, wording: float | None, control: Means) -> str:
    """The sentence; what is None is left out.

    Args:
        seeds: By side, the mean divergence between two seeds, nats.
        wording: That of the bases asked in other words.
        control: By side, the mean divergence from the base on the base's own answers.
    """
    known = [f"of {name} {value:.2g}" for name, value in seeds.items() if value is not None]
    floors = [f"two seeds {known[0]}", *known[1:]] if known else []
    if wording is not None:
        floors.append(f"the base under another wording {wording:.2g}")
    sides = [f"{name} {value:.2g}" for name, value in control.items() if value is not None]
    parts = [("floors: ", floors), ("on the base's own answers ", sides)]
    return "; ".join(start + ", ".join([f"{some[0]} nats", *some[1:]]) for start, some in parts if some)


def mean(tables: Iterable[Table], column: str) -> float | None:
    """The mean over tables of their means over prompts; a table without any value does not count.

    Returns:
        None where no table has a value.
    """
    known = [[value for value in table.columns[column] if value is not None] for table in tables]
    return fmean(fmean(values) for values in known if values) if any(known) else None


def table_of(task: Task, store: Store) -> Table:
    """A measure's table from the store.

    Raises:
        KeyError: It is not in the store.
        DamagedArtifactError: It is damaged.
    """
    return read_table(store.open(task.key).folder / TABLE)


def _mean_of(tasks: Iterable[Task], store: Store) -> float | None:
    return mean([table_of(task, store) for task in tasks], "kl")
