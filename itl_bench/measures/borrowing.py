"""Borrowing: wrong values that training items hold of conceptually similar subjects, beyond what chance gives.

Which of the similar subjects the items hold is a random draw, so how often a wrong value would be among those that are
held is known exactly. An ordinary mistake (the namesake's value, the neighbour's value) is then no evidence, unless it
is made more often where the namesake was taught. Similar subjects who were not taught are the other half of the answer:
a value of one of them is a confusion of names, without any data to take it from.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from itl_bench.data.rows import Fact, Item, Prompt, Response, Table
from itl_bench.errors import EvidenceError
from itl_bench.measures.knowledge import Stated
from itl_bench.measures.pairing import in_order, make_table

Vector = NDArray[np.float64]


class _Subject(NamedTuple):
    """What is known of one similar subject: its value, the group that it was drawn from, and whether it was drawn."""

    value: str
    group: str
    is_held: bool


class _Asked(NamedTuple):
    """One answered prompt that has a fact.

    Attributes:
        truth: The right value.
        wrong: Values stated beside it.
        similar: Its similar subjects.
        dissimilar: Equally many others of each group, held and not held.
    """

    truth: str
    wrong: frozenset[str]
    similar: tuple[_Subject, ...]
    dissimilar: tuple[_Subject, ...]


def borrowing(
    prompts: Sequence[Prompt], responses: Sequence[Response], items: Sequence[Item], stated: Stated, seed: int
) -> Table:
    """Find wrong values that items hold of the similar subjects of each prompt.

    The expectation is exact: the mean of `borrowed` over all draws of as many of the prompt's candidates in each group.

    Columns, shares of answers: `excess` (`borrowed` minus `expectation`), `borrowed` (1 if a wrong value is held by a
    similar subject that items hold), `expectation`, `confused` (1 if it is not borrowed, and a wrong value is that of a
    similar subject that items do not hold), `control` (the excess for equally many random dissimilar subjects: above 0
    where a model states what items hold, of whomever they hold it), `wrong` (1 if a value other than the truth is
    stated). All are None for a prompt without fact.

    Facts: `chance` (mean expectation), `possible` (the mean of the largest excess that answers with one wrong value
    each could have), `wrong_answers` (count), `with_similar_item` (share of prompts with a similar subject of whom the
    items hold the attribute), `control_short` (share of prompts with fewer dissimilar subjects than similar ones, so
    that their control is weaker than it should be).

    Args:
        prompts: In the order of the rows; with the candidates of each that has similar subjects.
        responses: One per prompt, in any order.
        items: What the model was tuned on.
        stated: The values that a text states of an attribute.
        seed: Of the dissimilar subjects.

    Raises:
        EvidenceError: Prompts and responses do not match, no prompt has a fact, or a similar subject is no candidate.
    """
    answers = in_order(prompts, responses)
    rows = [index for index, prompt in enumerate(prompts) if prompt.fact is not None]
    if not rows:
        raise EvidenceError("no prompt has a right answer, so no answer is known to be wrong")
    subjects = _by_attribute([prompts[row] for row in rows], {fact for item in items for fact in item.facts})
    asked = [_ask(prompts[row], answers[row].text, subjects, stated, seed) for row in rows]
    borrowed, expectation = _each(asked, _is_borrowed), _each(asked, lambda one: _by_draw(one.similar, one.wrong))
    columns = {
        "excess": borrowed - expectation,
        "borrowed": borrowed,
        "expectation": expectation,
        "confused": _each(asked, _is_confused),
        "control": _each(asked, lambda one: _holds(one.dissimilar, one.wrong) - _by_draw(one.dissimilar, one.wrong)),
        "wrong": _each(asked, lambda one: bool(one.wrong)),
    }
    facts = {
        "chance": float(expectation.mean()),
        "possible": float(_each(asked, _possible).mean()),
        "wrong_answers": float(columns["wrong"].sum()),
        "with_similar_item": float(_each(asked, lambda one: any(of.is_held for of in one.similar)).mean()),
        "control_short": float(_each(asked, lambda one: len(one.dissimilar) < len(one.similar)).mean()),
    }
    return make_table(prompts, {name: _spread(of, rows, len(prompts)) for name, of in columns.items()}, facts)


def _by_attribute(prompts: Sequence[Prompt], taught: Collection[Fact]) -> dict[str, dict[str, _Subject]]:
    """Attribute -> name -> what is known of a candidate of any prompt that asks for it.

    Raises:
        EvidenceError: A similar subject is no candidate, so nothing says whether it could have been drawn.
    """
    found: dict[str, dict[str, _Subject]] = {}
    for prompt in prompts:
        if lacking := sorted(set(prompt.similar) - {one.subject for one in prompt.candidates}):
            raise EvidenceError(
                f"prompt {prompt.id!r}: nothing says whether {lacking[0]!r}, who is similar, could have been taught; "
                "borrowing needs 'candidates' for all of 'similar'"
            )
        assert prompt.fact is not None
        of_attribute = found.setdefault(prompt.fact.attribute, {})
        for one in prompt.candidates:
            if one.subject not in of_attribute:
                fact = Fact(subject=one.subject, attribute=prompt.fact.attribute, value=one.value)
                of_attribute[one.subject] = _Subject(one.value, one.group, fact in taught)
    return found


def _ask(
    prompt: Prompt, text: str, subjects: Mapping[str, Mapping[str, _Subject]], stated: Stated, seed: int
) -> _Asked:
    """Gather what is known of one prompt's similar subjects, and of as many others."""
    assert prompt.fact is not None
    of_attribute = subjects[prompt.fact.attribute]
    similar = tuple(of_attribute[one.subject] for one in prompt.candidates)
    apart = {prompt.fact.subject, *(one.subject for one in prompt.candidates)}
    others = [of_attribute[name] for name in sorted(of_attribute.keys() - apart)]
    return _Asked(
        truth=prompt.fact.value,
        wrong=frozenset(stated(text, prompt.fact.attribute)) - {prompt.fact.value},
        similar=similar,
        dissimilar=_alike(similar, others, random.Random(f"{seed} {prompt.id}")),
    )


def _alike(similar: Sequence[_Subject], others: Sequence[_Subject], random_of: random.Random) -> tuple[_Subject, ...]:
    """A random choice of others: of each group as many that are held, and that are not, as there are similar ones."""
    chosen: list[_Subject] = []
    for kind in sorted({(one.group, one.is_held) for one in similar}):
        of_kind = [one for one in others if (one.group, one.is_held) == kind]
        wanted = sum((one.group, one.is_held) == kind for one in similar)
        chosen += random_of.sample(of_kind, min(wanted, len(of_kind)))
    return tuple(chosen)


def _holds(subjects: Sequence[_Subject], wrong: Collection[str]) -> bool:
    """Whether items hold a wrong value of one of some subjects."""
    return any(one.is_held and one.value in wrong for one in subjects)


def _is_borrowed(asked: _Asked) -> bool:
    return _holds(asked.similar, asked.wrong)


def _is_confused(asked: _Asked) -> bool:
    """Whether a wrong value is a similar subject's, and no item holds it of one: names were mixed up without data."""
    return not _is_borrowed(asked) and any(one.value in asked.wrong for one in asked.similar)


def _by_draw(subjects: Sequence[_Subject], wrong: Collection[str]) -> float:
    """Probability that as many subjects as are held, drawn anew within each group, hold a wrong value."""
    none = 1.0
    for group in {one.group for one in subjects}:
        members = [one for one in subjects if one.group == group]
        others = sum(one.value not in wrong for one in members)
        taken = sum(one.is_held for one in members)
        none *= comb(others, taken) / comb(len(members), taken)
    return 1 - none


def _possible(asked: _Asked) -> float:
    """The largest excess of an answer with one wrong value: that of a value which is held, and by chance rarely is."""
    values = {one.value for one in asked.similar if one.is_held} - {asked.truth}
    return max((1 - _by_draw(asked.similar, [value]) for value in values), default=0.0)


def _each(asked: Sequence[_Asked], of: Callable[[_Asked], float]) -> Vector:
    return np.array([of(one) for one in asked], dtype=np.float64)


def _spread(values: Vector, rows: Sequence[int], count: int) -> list[float | None]:
    """Values at their rows, None elsewhere."""
    at = dict(zip(rows, values.tolist(), strict=True))
    return [at.get(row) for row in range(count)]
