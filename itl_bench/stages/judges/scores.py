"""From judgements to a measure's table: numbers where the judge gave some, and a count of everything else."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import log

from itl_bench.data.rows import Prompt, Response, Table
from itl_bench.errors import EvidenceError
from itl_bench.measures.judge import OUTCOMES
from itl_bench.measures.pairing import in_order, make_table
from itl_bench.measures.rubric import Rubric
from itl_bench.stages.judges.judgement import Judgement

LOG_WORDS = "log_words"
CUT = "judge cut"  # fact: answers of which the judge saw beginning and end only


def aspects_table(
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    judgements: Mapping[str, Judgement],
    rubric: Rubric,
    cut: Collection[str] = (),
) -> Table:
    """A table of one column per aspect; None where the judge gave no number, whatever the reason.

    Beside them `log_words`, the natural logarithm of the answer's words, an empty answer counted as one word.

    Facts: "judge OUTCOME" for every outcome and "judge na ASPECT" for every aspect (replies that were read and have no
    number there), both counts, and "judge cut".

    Args:
        prompts: In the order of the rows.
        responses: One per prompt, in any order.
        judgements: By prompt.
        rubric: By which they were made.
        cut: Prompts whose answers were cut.

    Raises:
        EvidenceError: Prompts, responses and judgements do not match, or a judgement is not one by this rubric.
    """
    odd = sorted({prompt.id for prompt in prompts} ^ judgements.keys())
    if odd:
        raise EvidenceError(f"{len(odd)} prompts and judgements have no counterpart, for example {odd[0]!r}")
    if strangers := sorted(set(cut) - judgements.keys()):
        raise EvidenceError(f"{strangers[0]!r} was cut and is no prompt")
    for prompt, judgement in judgements.items():
        _check(prompt, judgement, rubric)
    ordered = [judgements[prompt.id] for prompt in prompts]
    columns: dict[str, list[float | None]] = {
        column: [one.scores.get(column) for one in ordered] for column in rubric.columns
    }
    columns[LOG_WORDS] = [log(max(1, len(response.text.split()))) for response in in_order(prompts, responses)]
    return make_table(prompts, columns, {**counts(ordered, rubric), CUT: float(len(set(cut)))})


def counts(judgements: Collection[Judgement], rubric: Rubric) -> dict[str, float]:
    """How many judgements had which outcome, and how many that were read have no number for an aspect."""
    of_outcomes = Counter(one.outcome for one in judgements)
    missing = Counter(column for one in judgements for column, score in one.scores.items() if score is None)
    return {
        **{f"judge {outcome}": float(of_outcomes[outcome]) for outcome in OUTCOMES},
        **{f"judge na {column}": float(missing[column]) for column in rubric.columns},
    }


def _check(prompt: str, judgement: Judgement, rubric: Rubric) -> None:
    """Refuse scores that the rubric does not know: they would be lost, or count as something else."""
    read = judgement.outcome in ("score", "na")
    if set(judgement.scores) != (set(rubric.columns) if read else set()):
        raise EvidenceError(
            f"the judgement of {prompt!r} ({judgement.outcome}) has scores of {sorted(judgement.scores) or 'nothing'}; "
            f"{rubric.id} has {', '.join(rubric.columns)}"
        )
    for column, score in judgement.scores.items():
        if score is not None and not rubric.lowest <= score <= rubric.highest:
            scale = f"{rubric.lowest} to {rubric.highest}"
            raise EvidenceError(f"{column} of {prompt!r} is {score:g}; {rubric.id} goes from {scale}")
