"""What the ledger knows of batches: which answers are in one, what is reserved for them, how far each has come."""

import fcntl
import json
import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.accounts import PARTS, settle
from itl_bench.stages.judges.judgement import Judgement, Request, Usage
from itl_bench.stages.judges.ledger import Claimed, Ledger, pieces, put, sort_keys

NOTHING = Usage(sent=0, received=0)


class Batch(NamedTuple):
    """A batch that is open.

    Attributes:
        number: In the ledger.
        model: Whom it asks.
        file: What the provider calls its requests; None where they may not be there.
        name: What the provider calls it; None where it may not be there.
    """

    number: int
    model: str
    file: str | None
    name: str | None


class Row(NamedTuple):
    """An answer in a batch.

    Attributes:
        request: Without its text.
        reservation: Of its money.
        bound: Dollars that are reserved.
        done: Whether its reply was read.
    """

    request: Request
    reservation: int
    bound: float
    done: bool


class Result(NamedTuple):
    """What became of a row: dollars count where there is a usage, else the bound stays."""

    judgement: Judgement
    dollars: float
    usage: Usage | None


@contextmanager
def alone(ledger: Ledger) -> Iterator[None]:
    """One process at a time sends or reads batches: whatever is half done was left by one that ended."""
    with ledger.path.with_suffix(".lock").open("w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def open_batches(ledger: Ledger, judge: Judge) -> list[Batch]:
    """The batches of a judge that were not read, oldest first."""
    query = "SELECT id, model, file, name FROM batches WHERE judge = ? AND ended IS NULL ORDER BY id"
    with ledger.changing() as database:
        return [Batch(*row) for row in database.execute(query, (judge.id,))]


def enter(
    ledger: Ledger, judge: Judge, requests: Sequence[Request], bounds: Mapping[str, float], run: str, most: float
) -> tuple[Batch, list[Request]] | None:
    """Enter a new batch with its money, before anything of it is sent.

    Args:
        ledger: Where to.
        judge: Whom it asks.
        requests: What it may ask.
        bounds: Key -> most dollars.
        run: Whose budget is used.
        most: Dollars of that.

    Returns:
        The batch, and the requests that are in it: those that are neither judged, nor asked by another process, nor in
        a batch. None where there is none.

    Raises:
        BudgetError: The budget does not hold them all; nothing is entered.
    """
    found, by_key = Claimed([], [], [], []), {request.key: request for request in requests}
    with ledger.changing() as database:
        for some in pieces(by_key):
            sort_keys(database, some, ledger.token, math.inf, found)
        if not found.mine:
            return None
        insert = "INSERT INTO batches (judge, model, run, created) VALUES (?, ?, ?, ?)"
        number = int(database.execute(insert, (judge.id, judge.model, run, time.time())).lastrowid or 0)
        wanted = [(key, bounds[key]) for key in found.mine]
        reservations = ledger.account(run, most, judge.id).reserve_all(database, wanted, number)
        mine = [by_key[key] for key in found.mine]
        rows = [(number, one.key, _shape(one), place) for one, place in zip(mine, reservations, strict=True)]
        database.executemany("INSERT INTO batch_rows (batch, key, request, reservation) VALUES (?, ?, ?, ?)", rows)
    return Batch(number, judge.model, None, None), mine


def note_file(ledger: Ledger, batch: Batch, file: str) -> Batch:
    """Its requests are with the provider: from now on a batch may be made of them."""
    with ledger.changing() as database:
        database.execute("UPDATE batches SET file = ? WHERE id = ?", (file, batch.number))
    return batch._replace(file=file)


def note_name(ledger: Ledger, batch: Batch, name: str) -> Batch:
    """The provider has made it."""
    with ledger.changing() as database:
        database.execute("UPDATE batches SET name = ? WHERE id = ?", (name, batch.number))
    return batch._replace(name=name)


def rows_of(ledger: Ledger, batch: Batch) -> dict[str, Row]:
    """Key -> row of a batch."""
    query = """
        SELECT b.key, b.request, b.reservation, m.reserved, b.done
        FROM batch_rows b JOIN money m ON m.id = b.reservation WHERE b.batch = ?
    """
    with ledger.changing() as database:
        found = database.execute(query, (batch.number,)).fetchall()
    return {
        key: Row(_request(key, shape), number, held / PARTS, bool(done)) for key, shape, number, held, done in found
    }


def enter_results(
    ledger: Ledger, judge: Judge, batch: Batch, rows: Mapping[str, Row], results: Mapping[str, Result]
) -> None:
    """Keep what became of some rows, and what they cost, in one step."""
    with ledger.changing() as database:
        for key, (judgement, dollars, usage) in results.items():
            settle(database, rows[key].reservation, dollars, usage)
            put(database, key, judge, judgement)
        keys = [(batch.number, key) for key in results]
        database.executemany("UPDATE batch_rows SET done = 1 WHERE batch = ? AND key = ?", keys)


def close(ledger: Ledger, batch: Batch, left: Collection[Row], paid: bool) -> None:
    """End a batch.

    Args:
        ledger: Where it is.
        batch: Which one.
        left: Rows without a reply; they may be asked again.
        paid: Whether those may have been paid for, so that their bounds stay.
    """
    with ledger.changing() as database:
        for row in left:
            settle(database, row.reservation, 0.0, None if paid else NOTHING)
        database.execute("UPDATE batch_rows SET done = 1 WHERE batch = ?", (batch.number,))
        database.execute("UPDATE batches SET ended = ? WHERE id = ?", (time.time(), batch.number))


def _shape(request: Request) -> str:
    """What reading a reply needs of a request."""
    return json.dumps([request.columns, request.lowest, request.highest])


def _request(key: str, shape: str) -> Request:
    columns, lowest, highest = json.loads(shape)
    return Request(key, "", tuple(columns), lowest, highest)
