"""The ledger: what judges said, kept once and for all, and what it cost; shared by all processes of a store."""

import json
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple, Self

from itl_bench.measures.judge import Judge
from itl_bench.stages.judges.accounts import Account, Spent, Total, spent_of, totals_of
from itl_bench.stages.judges.database import connect, told, transaction
from itl_bench.stages.judges.judgement import Judgement
from itl_bench.store.locks import gone, this_process

AT_ONCE = 500  # keys of one query
LEASE_SECONDS = 180.0  # a claim that was not renewed for so long is nobody's

UPSERT = """
INSERT INTO judgements (key, judge, model, outcome, judgement, stored) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET judge = excluded.judge, model = excluded.model, outcome = excluded.outcome,
    judgement = excluded.judgement, stored = excluded.stored
"""


class Claimed(NamedTuple):
    """What a process may ask, of the keys that it wants to.

    Attributes:
        mine: It may ask these, and nobody else does.
        judged: These are judged.
        others: A living process is asking these.
        batched: These are in a batch that is open.
    """

    mine: list[str]
    judged: list[str]
    others: list[str]
    batched: list[str]


class Ledger:
    """Judgements and money in one file; a context manager.

    One for each process; tasks and threads of it may share it. Every change is one short transaction. A process that is
    killed loses nothing that it wrote.

    Attributes:
        path: Of the file.
        token: Tells the claims of this ledger from those of all others.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            ItlError: It is damaged, no ledger, of a newer version, or cannot be written. Nothing of it is changed.
        """
        self.path, self.token = path, secrets.token_hex(8)
        self._process = json.dumps(this_process())
        self._database = connect(path)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        """Nothing to do: it is open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self.close()

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing.

        Raises:
            ItlError: The file is damaged or cannot be written.
        """
        with self._lock, told(self.path), transaction(self._database) as database:
            yield database

    def get(self, keys: Collection[str]) -> dict[str, Judgement]:
        """What is known of some keys, failed judgements too.

        Returns:
            Key -> judgement, in the order of the keys; keys without one are left out.

        Raises:
            ItlError: The file is damaged.
        """
        found: dict[str, Judgement] = {}
        with self._lock, told(self.path):
            for some in pieces(keys):
                query = f"SELECT key, judgement FROM judgements WHERE key IN ({_marks(some)})"
                rows = dict(self._database.execute(query, some).fetchall())
                found |= {key: Judgement.model_validate_json(rows[key]) for key in some if key in rows}
        return found

    def put(self, key: str, judge: Judge, judgement: Judgement) -> bool:
        """Keep a judgement, and give up the claim on its key. The first one stays, unless it had failed.

        Returns:
            Whether it is what the ledger holds now; another one than that is counted and left out.

        Raises:
            ItlError: The file is damaged or cannot be written.
        """
        with self.changing() as database:
            return put(database, key, judge, judgement)

    def claim(self, keys: Collection[str], since: float) -> Claimed:
        """Say that this process asks some keys, as far as nobody else does.

        Args:
            keys: What it wants to be judged.
            since: Seconds since the epoch: a judgement that failed before is asked again.

        Raises:
            ItlError: The file is damaged or cannot be written.
        """
        with self.changing() as database:
            found = Claimed([], [], [], [])
            for some in pieces(keys):
                sort_keys(database, some, self.token, since, found)
            now = time.time()
            rows = [(key, self.token, self._process, now) for key in found.mine]
            database.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", rows)
        return found

    def renew(self) -> None:
        """Say that this process still asks what it claimed; often, within `LEASE_SECONDS`."""
        with self.changing() as database:
            database.execute("UPDATE claims SET beat = ? WHERE token = ?", (time.time(), self.token))

    def release(self, keys: Collection[str]) -> None:
        """Give up claims on keys that were not judged."""
        with self.changing() as database:
            rows = [(key, self.token) for key in keys]
            database.executemany("DELETE FROM claims WHERE key = ? AND token = ?", rows)

    def account(self, run: str, most: float, judge: str = "") -> Account:
        """The budget of a run, which all its processes share.

        Args:
            run: Id of the run.
            most: US dollars that it may spend on judges; infinite where there is no limit.
            judge: Id of the judge that is paid.
        """
        return Account(self.changing, run, most, judge)

    def spent(self, run: str) -> Spent:
        """What a run has spent so far.

        Raises:
            ItlError: The file is damaged.
        """
        with self._lock, told(self.path):
            return spent_of(self._database, run)

    def totals(self) -> list[Total]:
        """What was judged and paid, by judge and day (UTC), in this order.

        Raises:
            ItlError: The file is damaged.
        """
        with self._lock, told(self.path):
            return totals_of(self._database)

    def mean_received(self, judge: str) -> float | None:
        """Tokens of a judge's reply, the mean of all that are known; None where none is."""
        query = "SELECT AVG(json_extract(judgement, '$.usage.received')) FROM judgements WHERE judge = ?"
        with self._lock, told(self.path):
            (mean,) = self._database.execute(query, (judge,)).fetchone()
        return None if mean is None else float(mean)


def put(database: Connection, key: str, judge: Judge, judgement: Judgement) -> bool:
    """As `Ledger.put`, within a transaction."""
    text = judgement.model_dump_json()
    held = database.execute("SELECT outcome, judgement FROM judgements WHERE key = ?", (key,)).fetchone()
    database.execute("DELETE FROM claims WHERE key = ?", (key,))
    if held and held[0] != "failed":
        if held[1] != text:
            database.execute("UPDATE judgements SET others = others + 1 WHERE key = ?", (key,))
        return bool(held[1] == text)
    database.execute(UPSERT, (key, judge.id, judge.model, judgement.outcome, text, time.time()))
    return True


def sort_keys(database: Connection, keys: list[str], token: str, since: float, found: Claimed) -> None:
    """Put keys where they belong, within a transaction; what is nobody's is mine.

    Args:
        database: In the transaction.
        keys: At most `AT_ONCE`.
        token: Of the ledger that wants to ask them.
        since: As of `Ledger.claim`.
        found: Where they are put.
    """
    among = f"WHERE key IN ({_marks(keys)})"
    final = f"SELECT key FROM judgements {among} AND (outcome != 'failed' OR stored >= ?)"
    judged = {key for (key,) in database.execute(final, [*keys, since])}
    batched = {key for (key,) in database.execute(f"SELECT key FROM batch_rows {among} AND done = 0", keys)}
    held = database.execute(f"SELECT key, process, beat FROM claims {among} AND token != ?", [*keys, token]).fetchall()
    living = _living({process for _, process, _ in held})
    oldest = time.time() - LEASE_SECONDS
    others = {key for key, process, beat in held if process in living and beat > oldest}
    for key in keys:
        kind = "judged" if key in judged else "batched" if key in batched else "others" if key in others else "mine"
        getattr(found, kind).append(key)


def _living(processes: Collection[str]) -> set[str]:
    """Those of some processes that are not known to be gone."""
    return {one for one in processes if not gone(json.loads(one))}


def pieces(keys: Collection[str]) -> Iterator[list[str]]:
    """Keys without repetitions, at most `AT_ONCE` together."""
    every = list(dict.fromkeys(keys))
    for start in range(0, len(every), AT_ONCE):
        yield every[start : start + AT_ONCE]


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
