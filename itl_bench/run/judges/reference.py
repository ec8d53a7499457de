"""Recorded judgements to hold a judge against: JSON lines in the form of just-eval's results."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from itl_bench.errors import UsageError, short, unknown
from itl_bench.measures.judge import Judge
from itl_bench.measures.rubric import Rubric
from itl_bench.stages.judges.asking import Asked, request_for

FIELDS = ("input", "output_cand", "parsed_result")


class Recorded(NamedTuple):
    """An answer that somebody has judged.

    Attributes:
        instruction: What was asked.
        answer: The answer that was judged.
        scores: Aspect -> score, None for N/A.
        reply: The judge's reply as it was, where the file has it.
    """

    instruction: str
    answer: str
    scores: Mapping[str, float | None]
    reply: str | None


def read_reference(path: Path, rubric: Rubric) -> list[Recorded]:
    """Read recorded judgements.

    Args:
        path: A JSON object a line, with `input`, `output_cand`, and `parsed_result`, which holds a `score` per aspect;
            `result`, the judge's reply, is read where it is there.
        rubric: Whose aspects are taken; each must be scored on every line.

    Raises:
        UsageError: The file cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise UsageError(f"the reference {path} cannot be read: {reason}") from None
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.append(_recorded(line, rubric, f"{path}:{number}"))
    if not found:
        raise UsageError(f"the reference {path} is empty; give a file with a JSON object a line")
    return found


def requests_of(recorded: Sequence[Recorded], judge: Judge, rubric: Rubric) -> list[Asked]:
    """What a judge is asked about each; an answer that stands there twice is asked about twice."""
    seen: Counter[tuple[str, str]] = Counter()
    asked = []
    for one in recorded:
        again = seen[one.instruction, one.answer]
        seen[one.instruction, one.answer] += 1
        asked.append(request_for(judge, rubric, one.instruction, "", one.answer, again))
    return asked


def _recorded(line: str, rubric: Rubric, where: str) -> Recorded:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not valid JSON ({error}); a reference has one JSON object a line") from None
    if not isinstance(entry, dict):
        raise UsageError(f"{where}: {short(entry)} was given; a reference has one JSON object a line")
    if missing := [name for name in FIELDS if name not in entry]:
        raise UsageError(f"{where}: no {missing[0]!r}; a line needs {', '.join(FIELDS)}")
    for name in FIELDS[:2]:
        if not isinstance(entry[name], str):
            raise UsageError(f"{where}: {name}: {short(entry[name])} was given; accepted is text")
    reply = entry.get("result")
    scores = _scores(entry["parsed_result"], rubric, where)
    return Recorded(entry["input"], entry["output_cand"], scores, reply if isinstance(reply, str) else None)


def _scores(parsed: object, rubric: Rubric, where: str) -> dict[str, float | None]:
    if not isinstance(parsed, dict):
        raise UsageError(f"{where}: parsed_result: {short(parsed)} was given; accepted is a score for each aspect")
    if odd := sorted(map(str, parsed.keys() - set(rubric.columns))):
        raise UsageError(f"{where}: parsed_result: {unknown('aspect', odd[0], rubric.columns)}")
    if missing := [column for column in rubric.columns if column not in parsed]:
        raise UsageError(f"{where}: parsed_result: no {missing[0]!r}; {rubric.id} has {', '.join(rubric.columns)}")
    return {column: _score(parsed[column], rubric, f"{where}: {column}") for column in rubric.columns}


def _score(value: object, rubric: Rubric, where: str) -> float | None:
    """A number of the scale, None for N/A."""
    said = value.get("score") if isinstance(value, dict) else value
    text = str(said).strip() if isinstance(said, str | int | float) and not isinstance(said, bool) else ""
    if text.lower() in ("n/a", "na"):
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not rubric.lowest <= number <= rubric.highest:
        scale = f"a number from {rubric.lowest} to {rubric.highest}, or N/A"
        raise UsageError(f"{where}: {short(said)} was given; accepted is {scale}")
    return number
