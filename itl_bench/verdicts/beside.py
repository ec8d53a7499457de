"""What numbers are set against, in words: it ends the reason of a verdict, and changes none."""

from collections.abc import Iterable, Mapping, Sequence

from itl_bench.catalog.grid.cases import Case
from itl_bench.catalog.grid.words import side_name
from itl_bench.data.rows import Table
from itl_bench.plan.reads import Floors
from itl_bench.store.keys import Task
from itl_bench.store.store import Store
from itl_bench.verdicts.tables import ON_COMMON_TEXT, mean, table_of

Sides = tuple[Sequence[Table], Sequence[Table]]  # the tables of the left side and of the right one
Means = Mapping[str, float | None]  # by side, nats

BORROWING_WORDS = {
    "wrong answers": "wrong", "borrowed by chance": "expectation", "excess": "excess",
    "confusion of names without data": "confused", "control": "control",
}  # fmt: skip


def beside(case: Case, sides: Sides) -> str:
    """What the effect of a case is set against, from the tables that its verdict reads; nothing for most measures."""
    measure = case.measure.measure
    if measure == "borrowing":
        return borrowing_in_words(sides)
    if measure == "hallucination":
        return no_answers_in_words(sides)
    return divergences_in_words(case, sides) if measure == "token-shift" else ""


def floors_in_words(case: Case, floors: Floors, store: Store, lost: Iterable[str] = ()) -> str:
    """The floors of a token-shift case; nothing where it has none.

    Args:
        case: Whose sides are compared.
        floors: From `plan.reads.floors_of`; they are in the store.
        store: Where the floors are.
        lost: Keys of floors that are not there because a training diverged.

    Raises:
        KeyError: A floor is not in the store.
        DamagedArtifactError: One of them is damaged.
    """
    gone = set(lost)

    def of(tasks: Iterable[Task]) -> float | None:
        return mean([table_of(task, store) for task in tasks if task.key not in gone], "kl")

    seeds = {side_name(case, case.left): of(floors.left), side_name(case, case.right): of(floors.right)}
    return in_words(seeds, of(floors.wordings))


def in_words(seeds: Means, wording: float | None) -> str:
    """The sentence; what is None is left out.

    Args:
        seeds: By side, the mean divergence between two seeds, nats.
        wording: That of the bases asked in other words.
    """
    found = _named(seeds)
    parts = [f"two seeds of {', of '.join(found)}"] if found else []
    if wording is not None:
        parts.append(f"the base under another wording {wording:.2g}")
    return f"floors, nats: {', '.join(parts)}" if parts else ""


def divergences_in_words(case: Case, sides: Sides) -> str:
    """The divergence on the other text, and the one the other way round on the text that the case reads."""
    names = side_name(case, case.left), side_name(case, case.right)
    common = case.text == "common"
    elsewhere, where = ("kl", "their own") if common else (f"{ON_COMMON_TEXT}kl", "the base's own")
    reverse = f"{ON_COMMON_TEXT if common else ''}reverse_kl"
    on_other, other_way = (
        ", ".join(_named({name: _mean(tables, column) for name, tables in zip(names, sides, strict=True)}))
        for column in (elsewhere, reverse)
    )
    parts = [f"on {where} answers, nats: {on_other}" if on_other else ""]
    parts.append(f"KL(tuned || base), nats: {other_way}" if other_way else "")
    return "; ".join(filter(None, parts))


def borrowing_in_words(sides: Sides) -> str:
    """Shares of answers on both sides that an excess of borrowing is set against.

    Wrong ones, those borrowed by chance (the expectation over the draw), the excess, wrong values of similar subjects
    whom the data do not hold, and the excess of the control, where equally many dissimilar subjects are looked up.
    """
    shares = {words: [_mean(tables, column) for tables in sides] for words, column in BORROWING_WORDS.items()}
    found = [
        f"{words} {round(left, 2) + 0.0:.2f} against {round(right, 2) + 0.0:.2f}"  # no minus sign before 0.00
        for words, (left, right) in shares.items()
        if left is not None and right is not None
    ]
    return f"shares of prompts: {', '.join(found)}" if found else ""


def no_answers_in_words(sides: Sides) -> str:
    """How many answers state nothing: a model that learned to answer at all states more wrong values, too."""
    shares = [(_mean(tables, "none") or 0.0) + (_mean(tables, "empty") or 0.0) for tables in sides]
    return f"no value stated for {shares[0]:.2f} against {shares[1]:.2f} of prompts"


def _named(values: Means) -> list[str]:
    return [f"{name} {value:.2g}" for name, value in values.items() if value is not None]


def _mean(tables: Sequence[Table], column: str) -> float | None:
    """The mean of a column; None where tables lack it, as those of a measure of one's own do."""
    return mean(tables, column) if all(column in table.columns for table in tables) else None
