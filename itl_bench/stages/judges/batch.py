"""The batch mode of a judge's provider: cheaper, within a day. What is sent stands in the ledger before it is."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import TemporaryFile

from itl_bench.errors import UsageError, unknown
from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.batch_rows import Collected, read_rows
from itl_bench.stages.judges.costs import unjudged
from itl_bench.stages.judges.judgement import Request
from itl_bench.stages.judges.ledger import AT_ONCE, Ledger
from itl_bench.stages.judges.open_batches import (
    Batch,
    alone,
    close,
    enter,
    enter_results,
    note_file,
    note_name,
    open_batches,
    rows_of,
)
from itl_bench.stages.judges.payload import payload, size_of
from itl_bench.stages.judges.provider import ENDPOINT, BatchServer, RefusedError

MOST_ROWS, MOST_BYTES = 50_000, 190_000_000  # of one batch, as providers take them
ENDED = {"completed", "expired", "cancelled", "failed"}


def submit(judge: Judge, requests: Sequence[Request], ledger: Ledger, run: str, most: float) -> tuple[str, ...]:
    """Send requests in batches, at batch prices; what is judged or in an open batch is not sent again.

    It may be killed at any moment and called again: a batch whose requests may be with the provider is looked up there,
    and made only where there is none.

    Args:
        judge: Who is asked.
        requests: What to ask.
        ledger: What is known, and which batches are open.
        run: Whose budget is used.
        most: US dollars that the run may spend; the bounds of all requests of a batch are reserved.

    Returns:
        The provider's names of the batches that this call sent, or found to be sent by one that was killed.

    Raises:
        BudgetError: The budget does not hold a batch; it was not sent.
        JudgeError: The provider does not take it; call again.
    """
    with alone(ledger), BatchServer(judge) as server:
        names = [name for name in (_resume(server, ledger, one) for one in open_batches(ledger, judge)) if name]
        for some in _together(judge, unjudged(requests, ledger)):
            bounds = {request.key: judge.bound(size_of(payload(judge, request)), batch=True) for request in some}
            if entered := enter(ledger, judge, some, bounds, run, most):
                names.append(_send(server, ledger, judge, *entered))
    return tuple(names)


def collect(judge: Judge, ledger: Ledger) -> Collected:
    """Read the batches of a judge that have ended; it may be killed at any moment and called again.

    Args:
        judge: Whose batches; its present prices count.
        ledger: Which batches are open, and where judgements go.

    Raises:
        JudgeError: The provider cannot be asked, or does not know a batch or its files; what was read is kept.
    """
    found, refused = Collected(), list[RefusedError]()
    with alone(ledger), BatchServer(judge) as server:
        for batch in open_batches(ledger, judge):
            name = batch.name or (server.find(batch.file) if batch.file else None)
            if name is None:
                continue  # `submit` makes it, or starts anew
            note_name(ledger, batch, name)
            try:
                _read(server, ledger, judge.model_copy(update={"model": batch.model}), batch, name, found)
            except RefusedError as error:  # the other batches can be read all the same
                refused.append(error)
    if refused:
        raise refused[0]
    return found


def give_up(judge: Judge, ledger: Ledger, name: str) -> None:
    """End a batch that the provider does not know any more: its answers may be asked again, its bounds count as paid.

    Raises:
        UsageError: No open batch has this name.
    """
    with alone(ledger):
        batches = {batch.name: batch for batch in open_batches(ledger, judge) if batch.name}
        if name not in batches:
            raise UsageError(unknown("open batch", name, batches))
        left = [row for row in rows_of(ledger, batches[name]).values() if not row.done]
        close(ledger, batches[name], left, paid=True)


def _resume(server: BatchServer, ledger: Ledger, batch: Batch) -> str | None:
    """Go on with what a call left that was killed; its name, unless that was known or nothing was sent."""
    if batch.name:
        return None
    if batch.file is None:  # no batch can have been made of it
        close(ledger, batch, rows_of(ledger, batch).values(), paid=False)
        return None
    if name := server.find(batch.file):
        note_name(ledger, batch, name)
        return name
    return _make(server, ledger, batch, batch.file)


def _send(server: BatchServer, ledger: Ledger, judge: Judge, batch: Batch, requests: Iterable[Request]) -> str:
    with TemporaryFile() as lines:
        for request in requests:
            lines.write(_line(judge, request))
        lines.seek(0)
        file = server.upload(lines)
    return _make(server, ledger, note_file(ledger, batch, file), file)


def _make(server: BatchServer, ledger: Ledger, batch: Batch, file: str) -> str:
    try:
        name = server.create(file)
    except RefusedError:  # as where the file is not there any more: the next call starts anew
        close(ledger, batch, rows_of(ledger, batch).values(), paid=False)
        raise
    note_name(ledger, batch, name)
    return name


def _read(server: BatchServer, ledger: Ledger, judge: Judge, batch: Batch, name: str, found: Collected) -> None:
    """Read a batch, if it has ended: a few rows at a time, each once."""
    told = server.look(name)
    if told.status not in ENDED:
        found.open += 1
        return
    rows, seen = rows_of(ledger, batch), set[str]()
    for file in filter(None, (told.output_file_id, told.error_file_id)):
        lines = server.lines(file)
        while some := list(islice(lines, AT_ONCE)):
            results = read_rows(some, judge, server.key, rows, seen, found)
            enter_results(ledger, judge, batch, rows, results)
    left = [row for key, row in rows.items() if not row.done and key not in seen]
    ran = told.status != "failed" and not (told.request_counts and told.request_counts.completed == 0)
    close(ledger, batch, left, paid=ran)
    found.ended += 1
    found.missing += len(left)


def _together(judge: Judge, requests: Iterable[Request]) -> Iterator[list[Request]]:
    """As many requests as one batch may have."""
    some, size = list[Request](), 0
    for request in requests:
        length = len(_line(judge, request))
        if some and (len(some) == MOST_ROWS or size + length > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(request)
        size += length
    if some:
        yield some


def _line(judge: Judge, request: Request) -> bytes:
    row = {"custom_id": request.key, "method": "POST", "url": ENDPOINT, "body": payload(judge, request)}
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"
