"""A judge held against recorded judgements: agreement per aspect, and a count of what has no number."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from itl_bench.errors import UsageError
from itl_bench.measures.judge import OUTCOMES, Judge
from itl_bench.measures.rubric import Rubric
from itl_bench.run.judges.reference import Recorded, requests_of
from itl_bench.stages.judges.judgement import Judgement, Request
from itl_bench.stages.judges.parsing import parse
from itl_bench.verdicts.stats.agreement import FEWEST_PAIRS, Agreement, agreement
from itl_bench.vocabulary import ALPHA

Scorer = Callable[[Sequence[Request]], Mapping[str, Judgement]]


class AspectFound(NamedTuple):
    """One aspect.

    Attributes:
        n: Answers that have a number from both.
        na_reference: Answers for which the reference says N/A.
        na_judge: Answers for which the judge does, among replies that were read.
        agreement: None where too few answers have a number from both.
    """

    n: int
    na_reference: int
    na_judge: int
    agreement: Agreement | None


class Calibration(NamedTuple):
    """A judge against a reference.

    Attributes:
        aspects: By name, in the order of the rubric.
        outcomes: Outcome -> number of answers.
        cut: Answers whose middle the judge did not see.
    """

    aspects: Mapping[str, AspectFound]
    outcomes: Mapping[str, int]
    cut: int


def calibrate(recorded: Sequence[Recorded], judge: Judge, rubric: Rubric, score: Scorer) -> Calibration:
    """Ask a judge about answers that a reference has judged, and compare.

    Args:
        recorded: The reference.
        judge: That is asked.
        rubric: What it is told.
        score: Asks it.
    """
    asked = requests_of(recorded, judge, rubric)
    judgements = score([one.request for one in asked])
    pairs = [(judgements[one.request.key], known) for one, known in zip(asked, recorded, strict=True)]
    return Calibration(
        aspects={column: _aspect(column, pairs) for column in rubric.columns},
        outcomes=Counter(judgement.outcome for judgement, _ in pairs),
        cut=sum(one.cut for one in asked),
    )


def replaying(recorded: Sequence[Recorded], judge: Judge, rubric: Rubric) -> Scorer:
    """What serves the recorded replies as those of the judge: nobody is asked.

    Raises:
        UsageError: The reference does not have the replies.
    """
    replies = {}
    for asked, known in zip(requests_of(recorded, judge, rubric), recorded, strict=True):
        if known.reply is None:
            raise UsageError("the reference lacks replies to serve; each line needs 'result', the judge's text")
        replies[asked.request.key] = known.reply

    def score(requests: Sequence[Request]) -> dict[str, Judgement]:
        return {one.key: Judgement.model_validate(parse(replies[one.key], one)._asdict()) for one in requests}

    return score


def in_lines(found: Calibration) -> Iterator[str]:
    """A table with a line per aspect, and the counts below it."""
    yield f"{'aspect':14}{'n':>5}{'N/A ref':>9}{'N/A judge':>11}   {'bias [95% interval]':24}" + (
        f"{'Spearman':>9}{'kappa':>7}{'exact':>7}   reference from judge (error left out)"
    )
    for name, aspect in found.aspects.items():
        yield f"{name:14}{aspect.n:5d}{aspect.na_reference:9d}{aspect.na_judge:11d}   {_numbers(aspect.agreement)}"
    yield "outcomes: " + ", ".join(f"{found.outcomes.get(outcome, 0)} {outcome}" for outcome in OUTCOMES)
    yield f"{found.cut} answers were cut"


def _aspect(column: str, pairs: Sequence[tuple[Judgement, Recorded]]) -> AspectFound:
    given = [judgement.scores.get(column) for judgement, _ in pairs]
    wanted = [known.scores[column] for _, known in pairs]
    both = [(one, other) for one, other in zip(given, wanted, strict=True) if one is not None and other is not None]
    return AspectFound(
        n=len(both),
        na_reference=sum(one is None for one in wanted),
        na_judge=sum(judgement.scores.get(column, 0.0) is None for judgement, _ in pairs),
        agreement=agreement(*zip(*both, strict=True)) if len(both) >= FEWEST_PAIRS else None,
    )


def _numbers(found: Agreement | None) -> str:
    if found is None:
        return f"fewer than {FEWEST_PAIRS} answers with a number from both"
    low, high = found.bias.interval(1 - ALPHA)
    bias = f"{found.bias.effect:+z.2f} [{low:+z.2f}, {high:+z.2f}]"
    ranks = "-" if found.spearman is None else f"{found.spearman:z.2f}"
    line = "-" if found.line is None else (
        f"{found.line.intercept:z.2f} + {found.line.slope:z.2f} judge ({found.line.error:.2f})"
    )  # fmt: skip
    return f"{bias:24}{ranks:>9}{found.kappa:z7.2f}{found.exact:7.0%}   {line}"
