"""Rows of a batch's files: each is read as a live reply is, and one that is bad spoils no other."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from itl_bench.measures.judge import Judge, Outcome
from itl_bench.stages.judges.faults import FILTERED, Fault
from itl_bench.stages.judges.judgement import Judgement, Request, Usage
from itl_bench.stages.judges.key import Key
from itl_bench.stages.judges.open_batches import NOTHING, Result, Row
from itl_bench.stages.judges.reply import judged, usage_of


@dataclass
class Collected:
    """What reading batches found.

    Attributes:
        open: Batches that have not ended.
        ended: Batches that were read to their end.
        outcomes: Of the rows that were read by this call.
        another: Rows that another model answered; failed.
        unknown: Rows of no answer that was asked; left out.
        repeated: Rows of an answer that had one in the same files; left out.
        unreadable: Rows that are no JSON object with an id; left out.
        missing: Answers without a row; they are asked again.
    """

    open: int = 0
    ended: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    another: int = 0
    unknown: int = 0
    repeated: int = 0
    unreadable: int = 0
    missing: int = 0


def read_rows(
    lines: Iterable[bytes | None], judge: Judge, key: Key, rows: Mapping[str, Row], seen: set[str], found: Collected
) -> dict[str, Result]:
    """Read some rows.

    Args:
        lines: Of a file; None for one that is too long.
        judge: Who was asked.
        key: Of the server, which no text may hold.
        rows: What was asked, by key; what is done was read by an earlier call, and is left as it is.
        seen: Keys of the rows read so far; those of these lines are added.
        found: Where rows are counted.

    Returns:
        Key -> what became of it.
    """
    results: dict[str, Result] = {}
    for line in lines:
        if line is not None and not line.strip():
            continue
        read = _object(line)
        name = read.get("custom_id") if read else None
        if not read or not isinstance(name, str):
            found.unreadable += 1
        elif name not in rows:
            found.unknown += 1
        elif name in seen:
            found.repeated += 1
        else:
            seen.add(name)
            if not rows[name].done:
                results[name] = result = _result(read, judge, key, rows[name])
                found.outcomes[result.judgement.outcome] += 1
                found.another += _model(read) not in (None, "", judge.model)
    return results


def _result(read: Mapping[str, Any], judge: Judge, key: Key, row: Row) -> Result:
    """What a row says, and what it cost."""
    body = _body(read)
    if body is None:
        judgement, usage = _failure(read)
    else:
        judgement, usage = _judgement(body, judge, row.request), usage_of(body)
    dollars = row.bound
    if usage is not None and judge.prices is not None:
        dollars = judge.prices.dollars(usage.sent, usage.received, batch=True)
    clean = {
        "dollars": dollars,
        "detail": key.line(judgement.detail),
        "reasons": {column: key.out_of(reason) for column, reason in judgement.reasons.items()},
    }
    return Result(judgement.model_copy(update=clean), dollars, usage)


def _judgement(body: dict[str, Any], judge: Judge, request: Request) -> Judgement:
    try:
        return judged(body, judge, request)
    except Fault as fault:
        usage = None if fault.outcome == "failed" else usage_of(body)
        return Judgement(outcome=fault.outcome, detail=fault.detail, usage=usage)


def _failure(read: Mapping[str, Any]) -> tuple[Judgement, Usage | None]:
    """Of a row without a reply; behind a broken server the judge may have answered, all else is not paid."""
    response = read.get("response")
    status = response.get("status_code") if isinstance(response, dict) else None
    body = response.get("body") if isinstance(response, dict) else None
    error = read.get("error") or (body.get("error") if isinstance(body, dict) else None)
    said = error if isinstance(error, dict) else {"message": error}
    code, message = str(said.get("code")), str(said.get("message"))[:1_000]
    lost = isinstance(status, int) and (status == 200 or status >= 500)
    detail = f"HTTP {status}: {code}: {message}" if status else f"{code}: {message}"
    outcome: Outcome = "refusal" if code in FILTERED else "failed"
    return Judgement(outcome=outcome, detail=detail), None if lost else NOTHING


def _body(read: Mapping[str, Any]) -> dict[str, Any] | None:
    """The reply of a row, if it has one."""
    response = read.get("response")
    if not isinstance(response, dict) or response.get("status_code") != 200:
        return None
    body = response.get("body")
    return body if isinstance(body, dict) else None


def _model(read: Mapping[str, Any]) -> object:
    return (_body(read) or {}).get("model")


def _object(line: bytes | None) -> dict[str, Any] | None:
    try:
        read = json.loads(line or b"")
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
