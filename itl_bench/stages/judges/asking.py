"""From an answer to what a judge is asked about it: the key, the mark, and what is cut of a long answer."""

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import Rubric
from itl_bench.stages.judges.judgement import Request
from itl_bench.store.keys import canonical

MARK_LENGTH = 16  # hexadecimal digits: whoever wrote an answer has one chance in 10^19 of guessing them


class Asked(NamedTuple):
    """A request, and whether the judge sees the whole answer.

    Attributes:
        request: For the judge.
        cut: Whether the middle of the answer was left out.
    """

    request: Request
    cut: bool


def request_for(judge: Judge, rubric: Rubric, instruction: str, context: str, answer: str, repeat: int = 0) -> Asked:
    """What a judge is asked about an answer.

    The key depends on everything that the scores depend on, the part of the answer that is cut included. The texts are
    not to be trusted: they stand between lines with a mark that follows from the key, so that whoever wrote them could
    not know it, and that none of them contains.

    Args:
        judge: That is asked.
        rubric: What it is told.
        instruction: What was asked of the model.
        context: What the instruction is about, empty where there is none.
        answer: The model's, whole.
        repeat: Number of the repetition, where the same is asked several times.
    """
    identity = [judge.identity, rubric.id, rubric.hash, instruction, context, answer, repeat]
    key = hashlib.sha256(canonical(identity).encode()).hexdigest()
    mark = next(mark for mark in _marks(key) if mark not in f"{instruction}\n{context}\n{answer}".lower())
    shown = cut_in_the_middle(answer, judge.longest_answer, mark)
    text = rubric.filled(mark, instruction, context, shown)
    return Asked(Request(key, text, rubric.columns, rubric.lowest, rubric.highest), cut=shown != answer)


def cut_in_the_middle(answer: str, longest: int, mark: str) -> str:
    """The answer, or its beginning and its end with a line between them that says how much is left out.

    Args:
        answer: Whole.
        longest: Characters that are kept at most.
        mark: Of the line, so that an answer cannot claim to have been cut.
    """
    if len(answer) <= longest:
        return answer
    end = longest // 2
    left_out = len(answer) - longest
    note = f"[{mark} {left_out} characters of the answer are left out here]"
    return f"{answer[: longest - end]}\n{note}\n{answer[len(answer) - end :]}"


def _marks(key: str) -> Iterator[str]:
    """Marks that follow from a key, the likely one first."""
    for number in count():
        yield hashlib.sha256(f"{key} mark {number}".encode()).hexdigest()[:MARK_LENGTH]
