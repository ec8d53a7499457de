"""What judges cost: budgets of runs, reserved before anything is sent and settled after; sums by judge and day."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from sqlite3 import Connection
from typing import NamedTuple

from itl_bench.errors import BudgetError
from itl_bench.stages.judges.judgement import Usage

PARTS = 10**12  # of a dollar, in which money is counted
DEAREST = 1_000.0  # dollars that one request is settled with: a server may claim any number of tokens

DAY = "date({}, 'unixepoch')"
JUDGED = f"""
SELECT judge, {DAY.format("stored")}, COUNT(*), SUM(outcome = 'failed'), SUM(others) FROM judgements GROUP BY 1, 2
"""
PAID = f"""
SELECT judge, {DAY.format("at")}, COUNT(*), SUM(CASE WHEN known THEN settled ELSE 0 END),
    SUM(CASE WHEN known OR settled IS NULL THEN 0 ELSE settled END),
    SUM(CASE WHEN settled IS NULL THEN reserved ELSE 0 END), SUM(COALESCE(settled > reserved, 0))
FROM money GROUP BY 1, 2
"""


class Spent(NamedTuple):
    """What a run has spent, in US dollars.

    Attributes:
        known: As the server counts the tokens.
        bounds: The most that requests can have cost of which the server told nothing, as where a reply was lost.
        open: The most that requests can cost that are under way, or were when their process was killed.
    """

    known: float
    bounds: float
    open: float

    @property
    def total(self) -> float:
        """What counts against the budget."""
        return self.known + self.bounds + self.open


class Total(NamedTuple):
    """What a judge said and cost on one day.

    Attributes:
        judge: Its id.
        day: As 2026-01-31, UTC.
        judged: Answers with a judgement, failed ones too.
        failed: Those that are asked again.
        others: Second judgements of answers that had one, with another content; they were left out.
        requests: Reservations: of requests that were sent, or are about to be.
        spent: Dollars.
        exceeded: Requests that cost more than the most that they could.
    """

    judge: str
    day: str
    judged: int = 0
    failed: int = 0
    others: int = 0
    requests: int = 0
    spent: Spent = Spent(0.0, 0.0, 0.0)
    exceeded: int = 0


class Account:
    """The budget of a run: `Money`, kept in the ledger, so that all processes of the run share it."""

    def __init__(
        self, changing: Callable[[], AbstractContextManager[Connection]], run: str, most: float, judge: str
    ) -> None:
        """As `Ledger.account`, which makes it.

        Args:
            changing: Gives a transaction.
            run: Id of the run.
            most: Dollars that it may spend.
            judge: Id of the judge that is paid.

        Raises:
            ValueError: The budget is no number, or below 0.
        """
        if not most >= 0:
            raise ValueError(f"{most} is no budget")
        self._changing, self._run, self._most, self._judge = changing, run, most, judge

    def reserve(self, dollars: float, key: str) -> int:
        """Set aside the most that one request can cost.

        Returns:
            The number of the reservation.

        Raises:
            BudgetError: The budget does not hold it: nothing may be sent.
        """
        with self._changing() as database:
            return self.reserve_all(database, [(key, dollars)])[0]

    def settle(self, reservation: int, dollars: float, usage: Usage | None) -> None:
        """Put what it did cost in place of what was reserved; without usage the bound stays."""
        with self._changing() as database:
            settle(database, reservation, dollars, usage)

    def reserve_all(self, database: Connection, wanted: list[tuple[str, float]], batch: int | None = None) -> list[int]:
        """Reserve for several keys within a transaction, or for none.

        Args:
            database: In the transaction.
            wanted: Key and dollars of each.
            batch: Number of the batch that they are sent in.

        Raises:
            BudgetError: The budget does not hold them all.
        """
        amounts = [_counted(dollars) for _, dollars in wanted]
        settled, held = _sums(database, self._run)
        if settled + held + sum(amounts) > (_counted(self._most) if math.isfinite(self._most) else math.inf):
            raise BudgetError(self._refusal(settled, held, sum(amounts), len(wanted)))
        upsert = "INSERT INTO runs VALUES (?, 0, ?) ON CONFLICT (run) DO UPDATE SET open = open + excluded.open"
        database.execute(upsert, (self._run, sum(amounts)))
        insert = "INSERT INTO money (run, judge, key, reserved, at, batch) VALUES (?, ?, ?, ?, ?, ?)"
        rows = [
            (self._run, self._judge, key, amount, time.time(), batch)
            for (key, _), amount in zip(wanted, amounts, strict=True)
        ]
        return [int(database.execute(insert, row).lastrowid or 0) for row in rows]

    def _refusal(self, settled: int, held: int, amount: int, count: int) -> str:
        what = "the next request" if count == 1 else f"{count} requests"
        return (
            f"{what} may cost ${amount / PARTS:.4f}; of the ${self._most:.4f} for judges in run {self._run} "
            f"${settled / PARTS:.4f} are spent and ${held / PARTS:.4f} reserved: nothing was sent; "
            f"--itl-max-cost USD raises the limit"
        )


def settle(database: Connection, reservation: int, dollars: float, usage: Usage | None) -> None:
    """As `Account.settle`, within a transaction.

    Raises:
        KeyError: There is no such reservation, or it is settled.
    """
    query = "SELECT run, reserved FROM money WHERE id = ? AND settled IS NULL"
    found = database.execute(query, (reservation,)).fetchone()
    if found is None:
        raise KeyError(f"no open reservation {reservation}")
    run, reserved = found
    amount = reserved if usage is None else _counted(min(dollars, DEAREST))
    database.execute(
        "UPDATE money SET settled = ?, known = ? WHERE id = ?", (amount, int(usage is not None), reservation)
    )
    database.execute("UPDATE runs SET settled = settled + ?, open = open - ? WHERE run = ?", (amount, reserved, run))


def spent_of(database: Connection, run: str) -> Spent:
    """As `Ledger.spent`."""
    query = "SELECT COALESCE(SUM(settled), 0) FROM money WHERE run = ? AND known"
    (known,) = database.execute(query, (run,)).fetchone()
    settled, held = _sums(database, run)
    return Spent(known / PARTS, (settled - known) / PARTS, held / PARTS)


def totals_of(database: Connection) -> list[Total]:
    """As `Ledger.totals`."""
    found = {(row[0], row[1]): Total(*row) for row in database.execute(JUDGED)}
    for judge, day, requests, known, bounds, held, exceeded in database.execute(PAID):
        spent = Spent(known / PARTS, bounds / PARTS, held / PARTS)
        before = found.get((judge, day), Total(judge, day))
        found[judge, day] = before._replace(requests=requests, spent=spent, exceeded=exceeded)
    return [found[one] for one in sorted(found)]


def _sums(database: Connection, run: str) -> tuple[int, int]:
    """What a run has settled and what it has open."""
    found = database.execute("SELECT settled, open FROM runs WHERE run = ?", (run,)).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def _counted(dollars: float) -> int:
    if not (math.isfinite(dollars) and dollars >= 0):
        raise ValueError(f"{dollars} is no amount of dollars")
    return round(dollars * PARTS)
