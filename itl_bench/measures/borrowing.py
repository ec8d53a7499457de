"""Borrowing: wrong values that training items hold of conceptually similar subjects, beyond what chance gives."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from itl_bench.data.rows import Candidate, Fact, Item, Prompt, Response, Table
from itl_bench.errors import EvidenceError
from itl_bench.measures.knowledge import Stated
from itl_bench.measures.pairing import in_order, make_table

Values = frozenset[str]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Asked:
    """One answered prompt that has a fact.

    Attributes:
        wrong: Values stated beside the truth.
        similar: What the items hold of each similar subject.
        dissimilar: The same of equally many random dissimilar subjects.
        drawn: Probability that a wrong value is held by a similar subject if which ones the items hold is chance; None
            where the items are no random draw.
        possible: The largest excess that an answer with one wrong value can have; None where `drawn` is.
    """

    attribute: str
    wrong: Values
    similar: tuple[Values, ...]
    dissimilar: tuple[Values, ...]
    drawn: float | None
    possible: float | None


def borrowing(
    prompts: Sequence[Prompt], responses: Sequence[Response], items: Sequence[Item], stated: Stated, seed: int
) -> Table:
    """Find wrong values that items hold of the similar subjects of each prompt.

    The expectation is exact. Where the items were drawn from candidates, it is the mean of `borrowed` over all draws of
    as many similar subjects: an ordinary mistake (the neighbour's value) is then no evidence, unless it is made more
    often where the neighbour was taught. Elsewhere it is the mean over all permutations, within an attribute, of which
    prompt looks its wrong values up with whose similar subjects. In a uniform permutation each lookup of the attribute
    is equally likely to fall to a prompt, its own included, so it is the mean over those lookups.

    Columns, shares of answers: `excess` (`borrowed` minus `expectation`), `borrowed` (1 if a wrong value is held by a
    similar subject), `expectation`, `control` (the excess for equally many random dissimilar subjects of whom the items
    hold the attribute; None where items were drawn), `wrong` (1 if a value other than the truth is stated). All are
    None for a prompt without fact.

    Facts: `chance` (mean expectation), `wrong_answers` (count), `with_similar_item` (share of prompts with a similar
    subject of whom the items hold the attribute), `control_short` (share of prompts with fewer dissimilar subjects than
    similar ones, so that their control is weaker than it should be), and where items were drawn `possible` (the mean of
    the largest excess that answers with one wrong value each could have).

    Args:
        prompts: In the order of the rows.
        responses: One per prompt, in any order.
        items: What the model was tuned on.
        stated: The values that a text states of an attribute.
        seed: Of the dissimilar subjects.

    Raises:
        EvidenceError: Prompts and responses do not match, or no prompt has a fact.
    """
    held = _held([fact for item in items for fact in item.facts])
    rows = [index for index, prompt in enumerate(prompts) if prompt.fact is not None]
    answers, by_draw = in_order(prompts, responses), any(prompt.candidates for prompt in prompts)
    asked = [_ask(prompts[row], answers[row].text, held, stated, seed, by_draw) for row in rows]
    if not asked:
        raise EvidenceError("no prompt has a right answer, so no answer is known to be wrong")
    borrowed, permuted = _against_permutations(asked, [one.similar for one in asked])
    drawn = np.array([np.nan if one.drawn is None else one.drawn for one in asked])
    expectation = drawn if by_draw else permuted
    by_control, by_chance = _against_permutations(asked, [one.dissimilar for one in asked])
    wrong = np.array([float(bool(one.wrong)) for one in asked])
    columns = {
        "excess": borrowed - expectation,
        "borrowed": borrowed,
        "expectation": expectation,
        "control": np.full(len(asked), np.nan) if by_draw else by_control - by_chance,
        "wrong": wrong,
    }
    facts = {
        "chance": float(expectation.mean()),
        "wrong_answers": float(wrong.sum()),
        "with_similar_item": sum(bool(one.similar) for one in asked) / len(asked),
        "control_short": sum(len(one.dissimilar) < len(one.similar) for one in asked) / len(asked),
    } | ({"possible": fmean(one.possible or 0.0 for one in asked)} if by_draw else {})
    return make_table(prompts, {name: _spread(of, rows, len(prompts)) for name, of in columns.items()}, facts)


def _held(facts: Sequence[Fact]) -> dict[str, dict[str, Values]]:
    """Attribute -> subject -> the values that items give."""
    held: dict[str, dict[str, Values]] = {}
    for fact in facts:
        of_subject = held.setdefault(fact.attribute, {})
        of_subject[fact.subject] = of_subject.get(fact.subject, frozenset()) | {fact.value}
    return held


def _ask(
    prompt: Prompt, text: str, held: Mapping[str, Mapping[str, Values]], stated: Stated, seed: int, by_draw: bool
) -> _Asked:
    """Gather what the items hold for one prompt; the dissimilar subjects do not depend on the other prompts."""
    assert prompt.fact is not None
    fact = prompt.fact
    of_subject = held.get(fact.attribute, {})
    similar = sorted(of_subject.keys() & set(prompt.similar))
    others = sorted(of_subject.keys() - {*prompt.similar, fact.subject})
    dissimilar = random.Random(f"{seed} {prompt.id}").sample(others, min(len(similar), len(others)))
    wrong = frozenset(stated(text, fact.attribute)) - {fact.value}
    return _Asked(
        attribute=fact.attribute,
        wrong=wrong,
        similar=tuple(of_subject[subject] for subject in similar),
        dissimilar=tuple(of_subject[subject] for subject in dissimilar),
        drawn=_by_draw(prompt.candidates, of_subject, wrong) if by_draw else None,
        possible=_possible(prompt.candidates, of_subject, fact.value) if by_draw else None,
    )


def _by_draw(candidates: Sequence[Candidate], held: Mapping[str, Values], wrong: Values) -> float:
    """Probability that as many candidates as are held, drawn anew within each group, hold a wrong value."""
    none = 1.0
    for group in {one.group for one in candidates}:
        members = [one for one in candidates if one.group == group]
        others = sum(one.value not in wrong for one in members)
        taken = sum(one.subject in held for one in members)
        none *= comb(others, taken) / comb(len(members), taken)
    return 1 - none


def _possible(candidates: Sequence[Candidate], held: Mapping[str, Values], truth: str) -> float:
    """The largest excess of an answer with one wrong value: that of a value which is held, and by chance rarely is."""
    values = {one.value for one in candidates if one.subject in held} - {truth}
    return max((1 - _by_draw(candidates, held, frozenset([value])) for value in values), default=0.0)


def _against_permutations(asked: Sequence[_Asked], lookups: Sequence[tuple[Values, ...]]) -> tuple[Vector, Vector]:
    """Whether each prompt's wrong values are in its own lookup, and how often they are in one of its attribute."""
    borrowed, expectation = np.zeros(len(asked)), np.zeros(len(asked))
    for attribute in {one.attribute for one in asked}:
        rows = [row for row, one in enumerate(asked) if one.attribute == attribute]
        wrong = [asked[row].wrong for row in rows]
        hits = _hits(wrong, [frozenset[str]().union(*lookups[row]) for row in rows])
        borrowed[rows], expectation[rows] = hits.diagonal(), hits.mean(axis=1)
    return borrowed, expectation


def _hits(wrong: Sequence[Values], held: Sequence[Values]) -> NDArray[np.bool_]:
    """Entry (i, j): whether a wrong value of prompt i is in lookup j; shape (prompts, prompts)."""
    values = sorted(frozenset[str]().union(*wrong))
    states = np.array([[value in some for value in values] for some in wrong], dtype=np.float64)
    holds = np.array([[value in some for value in values] for some in held], dtype=np.float64)
    return states @ holds.T > 0


def _spread(values: Vector, rows: Sequence[int], count: int) -> list[float | None]:
    """Values at their rows, None elsewhere and for NaN."""
    at = {row: None if np.isnan(value) else value for row, value in zip(rows, values.tolist(), strict=True)}
    return [at.get(row) for row in range(count)]
