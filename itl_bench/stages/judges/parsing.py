"""What a judge's text says: a number per column, or why there is none. Nothing is rescaled, clipped or guessed.

The answer that is judged may hold a verdict of its own, which a judge may quote. So a verdict counts only where nothing
beside it in the reply could be another one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from itl_bench.measures.judge import Outcome
from itl_bench.stages.judges.judgement import Request

LONGEST = 100_000  # characters of a reply that are read at all
LONGEST_REASON = 2_000
MOST_STARTS = 100  # braces that are tried as the start of an object: each may be read to the end of the reply

NOT_APPLICABLE = {"n/a", "na", "n.a.", "n.a", "n / a", "not applicable", "not-applicable"}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER = r"-?[0-9]{1,6}(?:\.[0-9]{0,6})?"
SCORE = re.compile(rf"({NUMBER})(?: ?(?:/|out of) ?({NUMBER}))?\.?")
DECLINES = r"can't|cannot|can not|won't|will not|am unable|'m unable|am not able|'m not able|must decline|decline"
REFUSAL = re.compile(
    rf"(?:i'm|i am) (?:very |really |so )?sorry\b|sorry\b|i apologi[sz]e\b|(?:unfortunately, )?i ?(?:{DECLINES})\b"
)


class Parsed(NamedTuple):
    """What a reply says.

    Attributes:
        outcome: Never `failed`.
        scores: Column -> number, None for N/A; empty unless the outcome is `score` or `na`.
        reasons: Column -> reason, cut.
        detail: Why there is no score, in a line.
    """

    outcome: Outcome
    scores: Mapping[str, float | None] = {}
    reasons: Mapping[str, str] = {}
    detail: str = ""


class _UnreadableError(ValueError):
    """Why a reply gives no scores."""


class _Found(NamedTuple):
    """Objects of a reply, and the text beside them."""

    objects: list[dict[str, object]]
    before: list[str]  # of each object, since the one before
    after: str


def parse(text: str, request: Request) -> Parsed:
    """Read the scores of a reply.

    Args:
        text: The whole reply: JSON as the schema has it, or with fences or prose around it.
        request: What was asked: its columns and its scale.
    """
    if len(text) > LONGEST:
        return Parsed("unparseable", detail=f"a reply of {len(text):,} characters; at most {LONGEST:,} are read")
    if REFUSAL.match(text.replace("’", "'").lstrip(" \t\r\n\"'*`").lower()[:100]):
        return Parsed("refusal", detail=f"the judge declines: {text.strip()}")
    try:
        verdicts = _verdicts(text, request.columns)
        read = [_scores(verdict, request) for verdict in verdicts]
    except (_UnreadableError, RecursionError) as error:
        return Parsed("unparseable", detail=str(error))
    if any(scores != read[0] for scores in read):
        return Parsed("unparseable", detail=f"several verdicts: {len(read)} that differ")
    reasons = {column: _reason(verdicts[0][column]) for column in request.columns}
    return Parsed("na" if set(read[0].values()) == {None} else "score", read[0], reasons)


def _verdicts(text: str, columns: tuple[str, ...]) -> list[dict[str, object]]:
    """The objects with all columns; an error where there are none, or anything else that may be a verdict."""
    found = _objects(text)
    named = [one for one in (_by_column(entries, columns) for entries in found.objects) if one]
    complete = [one for one in named if len(one) == len(columns)]
    if not named:
        raise _UnreadableError(f"no JSON object with scores: {text.strip()[:80] or 'an empty reply'}")
    if not complete:
        raise _UnreadableError(f"no score for {', '.join(name for name in columns if name not in named[0])}")
    if len(complete) < len(named):
        raise _UnreadableError("several verdicts: one has no score for some columns")
    if _another(found, columns):
        raise _UnreadableError("several verdicts: there is one beside the JSON object, or it stands in a broken one")
    return complete


def _objects(text: str) -> _Found:
    """The outermost JSON objects of a text; where a brace starts none, the next one is tried."""
    objects, before, place, last, starts = [], [], text.find("{"), 0, 0
    while place >= 0:
        if (starts := starts + 1) > MOST_STARTS:
            raise _UnreadableError(f"more than {MOST_STARTS} braces")
        try:
            read, end = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            objects.append(read)
            before.append(text[last:place])
            last = end
        place = text.find("{", end)
    return _Found(objects, before, text[last:])


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if any(read[name] != value for name, value in pairs):
        raise ValueError("one name, two values")
    return read


DECODER = json.JSONDecoder(object_pairs_hook=_unambiguous, parse_constant=str)  # NaN is text: no number


def _by_column(entries: Mapping[str, object], columns: Iterable[str]) -> dict[str, object]:
    """The entries that are columns, whatever their case; an error where one column has two values."""
    wanted, found = {name.casefold(): name for name in columns}, dict[str, object]()
    for name, value in entries.items():
        column = wanted.get(name.strip().casefold())
        if column is not None and found.setdefault(column, value) != value:
            raise _UnreadableError(f"several verdicts: two scores for {column}")
    return found


def _another(found: _Found, columns: Iterable[str]) -> bool:
    """Whether the text beside the objects holds something like a verdict, or an object stands in an open brace."""
    depth = 0
    for piece in found.before:
        depth += piece.count("{") - piece.count("}")
        if depth > 0:
            return True
    names = "|".join(map(re.escape, columns))
    rated = rf"\b(?:{names})\b(?:[\"'] {{0,4}}:|[^\w\n]{{0,8}}(?:(?:score|rating|is)\b[^\w\n]{{0,8}})?[0-9])"
    return any(re.search(rated, piece, flags=re.I) for piece in (*found.before, found.after))


def _scores(verdict: Mapping[str, object], request: Request) -> dict[str, float | None]:
    return {column: _score(column, verdict[column], request) for column in request.columns}


def _score(column: str, value: object, request: Request) -> float | None:
    """A number of the scale, or None for N/A."""
    said = value.get("score") if isinstance(value, dict) else value
    number = _number(said, request.highest)
    if number is None and _plain(said) in NOT_APPLICABLE:
        return None
    if number is None:
        raise _UnreadableError(f"no number for {column}: {str(said)[:40]!r}")
    if not request.lowest <= number <= request.highest:
        raise _UnreadableError(f"{number:g} for {column}; the scale is {request.lowest} to {request.highest}")
    return number


def _plain(said: object) -> str:
    return " ".join(said.strip(" \t\r\n*`\"'").lower().split()) if isinstance(said, str) and len(said) <= 60 else ""


def _number(said: object, highest: int) -> float | None:
    """4, "4", "4.0", "4/5", "4 out of 5" or "four"; None where it is none of these, or of another scale."""
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return float(said) if abs(said) < 1e9 else None
    match = SCORE.fullmatch(" ".join(_digits(_plain(said))))
    if match is None or (match[2] is not None and float(match[2]) != highest):
        return None
    return float(match[1])


def _digits(text: str) -> Iterator[str]:
    for word in text.split():
        bare = word.rstrip(".")
        yield str(WORDS.index(bare)) if bare in WORDS else word


def _reason(value: object) -> str:
    reason = value.get("reason") if isinstance(value, dict) else None
    # Half a surrogate is valid in JSON and cannot be written to a file.
    return reason[:LONGEST_REASON].encode("utf-8", "replace").decode() if isinstance(reason, str) else ""
