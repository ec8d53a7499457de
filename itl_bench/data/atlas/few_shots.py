"""Few-shot questions about facts: what stands before an answer, and which answers are right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from itl_bench.data.atlas.facts import AtlasFact, Relation, sentence
from itl_bench.errors import UsageError

PROMPTS = 4  # of one fact
SHOTS = 4  # examples before each question
END = "\n"  # what ends an answer: alone, for many tokenizers make one token of several line breaks


@dataclass(frozen=True)
class FewShot:
    """One question about a fact, behind examples of other facts of its relation.

    Attributes:
        fact: Id of the fact.
        prefix: The examples; many questions of a relation stand behind the same ones.
        question: The question itself, up to where an answer begins (with a space).
        answers: The accepted answers, each once, the canonical one first.
    """

    fact: str
    prefix: str
    question: str
    answers: tuple[str, ...]


def few_shots(relation: Relation, facts: Sequence[AtlasFact], seed: int) -> dict[str, tuple[FewShot, ...]]:
    """All prompts of a relation's facts.

    The facts are put in a random order; the examples of prompt k are the first fitting ones from k quarters of that
    order on. What does not fit a question is skipped: its own subject, a fact with one of its answers, which could be
    copied, and a fact with the answer of an example already taken. So most facts share their prefixes.

    Args:
        relation: What is asked.
        facts: All facts of that relation.
        seed: Of the order.

    Returns:
        Fact id -> its `PROMPTS` prompts.

    Raises:
        UsageError: The relation has too few facts for examples.
    """
    order = sorted(facts, key=lambda fact: fact.id)
    Random(f"{seed}/{relation.id}").shuffle(order)
    starts = [number * len(order) // PROMPTS for number in range(PROMPTS)]
    return {
        fact.id: tuple(_few_shot(relation, fact, [*order[start:], *order[:start]]) for start in starts)
        for fact in facts
    }


def _few_shot(relation: Relation, fact: AtlasFact, candidates: Iterable[AtlasFact]) -> FewShot:
    examples = list(islice(_fitting(fact, candidates), SHOTS))
    if len(examples) < SHOTS:
        raise UsageError(
            f"relation {relation.id!r} has {len(examples)} fitting examples for {fact.id}; it needs {SHOTS} with other "
            "subjects and other answers: give it more facts"
        )
    shots = (f"{_question(relation, example)} {example.answers[0]}{END}" for example in examples)
    return FewShot(fact.id, "".join(shots), _question(relation, fact), tuple(dict.fromkeys(fact.answers)))


def _fitting(fact: AtlasFact, candidates: Iterable[AtlasFact]) -> Iterable[AtlasFact]:
    """Those of other subjects whose answers are neither the fact's nor an earlier one's."""
    taken = _answers(fact)
    for candidate in candidates:
        if candidate.subject_id != fact.subject_id and taken.isdisjoint(_answers(candidate)):
            taken = taken | _answers(candidate)
            yield candidate


def _answers(fact: AtlasFact) -> frozenset[str]:
    return frozenset(answer.casefold() for answer in fact.answers)


def _question(relation: Relation, fact: AtlasFact) -> str:
    return f"Question: {sentence(relation.shot, fact.subject)}\nAnswer:"
